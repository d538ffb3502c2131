#include "router/signal_registry.hpp"

#include "core/check.hpp"

namespace clasp::router {
namespace {

std::size_t text_bytes(const SignalDefinition& definition) {
  std::size_t bytes = definition.address.size() + definition.datatype.value_or("").size() + definition.access.value_or("").size();
  if (definition.meta) bytes += definition.meta->unit.value_or("").size() + definition.meta->description.value_or("").size();
  return bytes;
}

std::optional<std::string> copy(const std::optional<std::string_view>& text) {
  if (!text) return std::nullopt;
  return std::string(*text);
}

}  // namespace

bool SignalRegistry::announce(const SignalDefinition& definition, SessionId by, SteadyTime now) {
  expire(now);
  auto at = signals_.find(definition.address);
  const std::size_t bytes = text_bytes(definition);
  const std::size_t bytes_before = at == signals_.end() ? 0 : at->second.text_bytes;
  if (at == signals_.end() && signals_.size() >= signals_max_) return false;
  if (bytes > bytes_before && text_bytes_ - bytes_before + bytes > signals_max_ * mean_text_bytes_max) return false;

  if (at == signals_.end()) at = signals_.emplace(definition.address, Signal{}).first;
  Signal& signal = at->second;
  if (signal.left) ages_.erase(signal.age);
  const SignalMeta meta = definition.meta.value_or(SignalMeta{});
  Signal next{.type = definition.type, .datatype = copy(definition.datatype), .access = copy(definition.access), .unit = copy(meta.unit),
              .description = copy(meta.description), .range = meta.range, .by = by};
  const bool same = bytes_before != 0 && signal.by == by && signal.type == next.type && signal.datatype == next.datatype && signal.access == next.access &&
                    signal.unit == next.unit && signal.description == next.description && signal.range == next.range;
  if (!same) {
    count(signal.by, -1);
    count(by, 1);
    signal = std::move(next);
    ++version_;
  }
  signal.left.reset();
  signal.text_bytes = bytes;
  text_bytes_ += bytes - bytes_before;
  return true;
}

void SignalRegistry::query(const Pattern& pattern, SteadyTime now, const std::function<void(const SignalDefinition&)>& visit) const {
  const std::string_view prefix = pattern.literal_prefix();
  for (auto at = signals_.lower_bound(prefix); at != signals_.end(); ++at) {
    const std::string& address = at->first;
    // The addresses below a prefix of whole segments lie together.
    if (pattern.is_literal() && address != prefix) return;
    if (!address.starts_with(prefix) || (address.size() > prefix.size() && address[prefix.size()] != '/')) return;
    const Signal& signal = at->second;
    if (expired(signal, now) || !pattern.matches(address)) continue;
    visit({.address = address, .type = signal.type, .datatype = signal.datatype, .access = signal.access, .meta = {}});
  }
}

void SignalRegistry::for_each(SteadyTime now, const std::function<void(const Entry&)>& visit) const {
  for (const auto& [address, signal] : signals_) {
    if (expired(signal, now)) continue;
    SignalMeta meta;
    meta.unit = signal.unit;
    meta.description = signal.description;
    meta.range = signal.range;
    visit({.definition = {.address = address, .type = signal.type, .datatype = signal.datatype, .access = signal.access, .meta = meta},
           .present = signal.by != nobody});
  }
}

void SignalRegistry::leave(SessionId session, SteadyTime now) {
  if (announcers_.erase(session) == 0) return;
  for (auto& [address, signal] : signals_) {
    if (signal.by != session) continue;
    signal.by = nobody;
    signal.left = now;
    signal.age = ages_.insert(ages_.end(), address);
  }
  ++version_;
}

void SignalRegistry::count(SessionId session, std::ptrdiff_t change) {
  if (session == nobody) return;
  std::size_t& held = announcers_[session];
  held = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(held) + change);
  if (held == 0) announcers_.erase(session);
}

void SignalRegistry::expire(SteadyTime now) {
  if (ttl_ == Micros::zero()) return;
  while (!ages_.empty()) {
    const auto oldest = signals_.find(ages_.front());
    CLASP_CHECK(oldest != signals_.end());
    if (!expired(oldest->second, now)) return;
    text_bytes_ -= oldest->second.text_bytes;
    ++version_;
    ages_.pop_front();
    signals_.erase(oldest);
  }
}

std::optional<SteadyTime> SignalRegistry::next_expiry() const {
  if (ttl_ == Micros::zero() || ages_.empty()) return std::nullopt;
  return signals_.find(ages_.front())->second.left.value() + ttl_;
}

}  // namespace clasp::router
