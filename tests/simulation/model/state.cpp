#include "state.hpp"

#include <algorithm>
#include <cmath>

namespace clasp::simulation::model {

namespace {

// Max and min decide between two numbers of one kind, strictly; NaN never wins; anything else replaces (wire format, section 13).
template <typename Better>
bool wins(const Value& value, const Value& stored, Better better) {
  if (is_float(value) && std::isnan(float_in(value))) return false;
  if (is_integer(value) && is_integer(stored)) return better(integer_in(value), integer_in(stored));
  if (is_float(value) && is_float(stored)) return std::isnan(float_in(stored)) || better(float_in(value), float_in(stored));
  return true;
}

}  // namespace

const Param* State::find(const std::string& address) const {
  const auto found = params_.find(address);
  return found == params_.end() ? nullptr : &found->second;
}

int State::refusal(const std::string& address, std::optional<std::uint64_t> expected, SessionNo writer) const {
  const Param* param = find(address);
  if (param == nullptr) {
    const bool full = rules_.params_max != 0 && params_.size() >= rules_.params_max;
    return full && rules_.at_capacity == AtCapacity::refuse ? code::refused_by_state : 0;
  }
  if (expected && *expected != param->revision) return code::refused_by_state;
  if (param->holder != 0 && param->holder != writer) return code::lock_held;
  return 0;
}

Strategy State::strategy_of(const std::string& address) const {
  if (const Param* param = find(address)) return param->strategy;
  for (const auto& [pattern, strategy] : rules_.strategies) {
    if (matchers_.of(pattern)->matches(address)) return strategy;
  }
  return Strategy::lww;
}

bool State::loses(const std::string& address, const Value& value) const {
  const Param* param = find(address);
  if (param == nullptr) return false;
  if (param->strategy == Strategy::max) return !wins(value, param->value, [](auto a, auto b) { return a > b; });
  if (param->strategy == Strategy::min) return !wins(value, param->value, [](auto a, auto b) { return a < b; });
  return false;  // lww and merge replace, lock is about who writes
}

std::optional<std::string> State::next_victim(const std::string& newcomer) const {
  const bool full = rules_.params_max != 0 && params_.size() >= rules_.params_max;
  if (!full || rules_.at_capacity == AtCapacity::refuse || find(newcomer) != nullptr) return std::nullopt;
  const auto rank = [this](const auto& entry) { return rules_.at_capacity == AtCapacity::forget_oldest ? entry.second.created : entry.second.used; };
  return std::ranges::min_element(params_, {}, rank)->first;
}

std::uint64_t State::write(const SetFields& set, SessionNo writer, bool may_lock, std::uint64_t change, Clock now) {
  const Strategy strategy = strategy_of(set.address);
  const auto [place, created] = params_.try_emplace(set.address);
  Param& param = place->second;
  ++order_;
  if (created) {
    const auto before = gone_.find(set.address);
    param.revision = before == gone_.end() ? 0 : before->second;
    param.strategy = strategy;
    param.created = order_;
  } else if (const auto end = end_of(param)) {
    ends_.erase({*end, set.address});
  }
  if (set.ttl) param.lifetime = *set.ttl;
  param.used = order_;
  param.value = set.value;
  ++param.revision;
  param.writer = writer;
  param.written_unix = now.unix_time;
  param.renewed = now.steady;
  param.changed = change;
  if (set.unlock) param.holder = 0;
  if (set.lock && may_lock) param.holder = writer;
  if (const auto end = end_of(param)) ends_.insert({*end, set.address});
  return param.revision;
}

std::uint64_t State::remove(const std::string& address) {
  const Param& param = params_.at(address);
  if (const auto end = end_of(param)) ends_.erase({*end, address});
  const std::uint64_t revision = param.revision + 1;
  gone_[address] = revision;
  params_.erase(address);
  return revision;
}

void State::touch(const std::string& address, Us now) {
  const auto found = params_.find(address);
  if (found == params_.end()) return;
  Param& param = found->second;
  param.used = ++order_;
  if (param.lifetime.kind == Lifetime::Kind::sliding || param.lifetime.kind == Lifetime::Kind::by_default) renew(address, param, now);
}

void State::renew(const std::string& address, Param& param, Us now) {
  if (const auto end = end_of(param)) ends_.erase({*end, address});
  param.renewed = now;
  if (const auto end = end_of(param)) ends_.insert({*end, address});
}

void State::release_locks(SessionNo holder) {
  for (auto& [address, param] : params_) {
    if (param.holder == holder) param.holder = 0;
  }
}

std::optional<Us> State::end_of(const Param& param) const {
  constexpr Us us_per_second = 1'000'000;
  switch (param.lifetime.kind) {
    case Lifetime::Kind::never: return std::nullopt;
    case Lifetime::Kind::by_default: return rules_.param_ttl == 0 ? std::nullopt : std::optional(param.renewed + rules_.param_ttl);
    case Lifetime::Kind::sliding:
    case Lifetime::Kind::absolute: return param.renewed + Us{param.lifetime.seconds} * us_per_second;
  }
  return std::nullopt;
}

std::vector<std::string> State::expired(Us now) const {
  std::vector<std::string> out;
  for (const auto& [end, address] : ends_) {
    if (end > now) break;
    out.push_back(address);
  }
  return out;
}

std::optional<Us> State::next_expiry() const { return ends_.empty() ? std::nullopt : std::optional(ends_.begin()->first); }

}  // namespace clasp::simulation::model
