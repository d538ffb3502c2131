#include "bridge/web/audience.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace clasp::bridge::web {

void Audience::set_base(std::vector<std::string> patterns) {
  for (const std::string& text : patterns) {
    if (auto pattern = Pattern::parse(text)) wanted_[text] = {.pattern = std::move(*pattern), .base = true, .settled = false, .clients = {}};
  }
}

Result<void> Audience::subscribe(PeerTag client, const Pattern& pattern, TypeMask types, const Show& show) {
  auto wanted = wanted_.find(pattern.text());
  const bool fresh = wanted == wanted_.end();
  if (fresh && wanted_.size() >= limits_.patterns_max) {
    return Error{ErrorCode::too_many, fmt::format("all clients together have subscribed to {} patterns already", wanted_.size()), pattern.text()};
  }
  if (fresh) wanted = wanted_.emplace(pattern.text(), Wanted{.pattern = pattern, .base = false, .settled = false, .clients = {}}).first;
  wanted->second.clients[client] = types;
  if (types.has(SignalType::param)) each_known(pattern, show);
  if (fresh) link_.subscribe(pattern.text());
  return {};
}

bool Audience::unsubscribe(PeerTag client, std::string_view pattern) {
  const auto wanted = wanted_.find(pattern);
  if (wanted == wanted_.end() || wanted->second.clients.erase(client) == 0) return false;
  drop_if_unwanted(wanted);
  return true;
}

void Audience::forget(PeerTag client) {
  for (auto at = wanted_.begin(); at != wanted_.end();) {
    const auto wanted = at++;
    if (wanted->second.clients.erase(client) > 0) drop_if_unwanted(wanted);
  }
}

std::size_t Audience::subscriptions(PeerTag client) const {
  return static_cast<std::size_t>(std::ranges::count_if(wanted_, [client](const auto& row) { return row.second.clients.contains(client); }));
}

void Audience::drop_if_unwanted(WantedMap::iterator wanted) {
  if (wanted->second.base || !wanted->second.clients.empty()) return;
  const Pattern pattern = wanted->second.pattern;
  wanted_.erase(wanted);
  link_.unsubscribe(pattern.text());
  forget_params_of(pattern);
}

// What no other pattern covers is not told to us any more, so it would grow old here.
void Audience::forget_params_of(const Pattern& pattern) {
  std::erase_if(params_, [&](const auto& row) {
    if (!pattern.matches(row.first)) return false;
    if (std::ranges::any_of(wanted_, [&row](const auto& other) { return other.second.pattern.matches(row.first); })) return false;
    params_bytes_ -= row.first.size() + row.second.value.size();
    return true;
  });
}

bool Audience::note(const LinkDelivery& delivery) {
  if (!delivery.is_set || !delivery.value) return true;
  const auto known = params_.find(delivery.address);
  if (known != params_.end() && delivery.snapshot && known->second.revision >= delivery.revision) return false;
  std::string value(1, static_cast<char>(delivery.value->tag));
  value.append(as_text(delivery.value->data));
  if (known != params_.end()) {
    params_bytes_ -= known->first.size() + known->second.value.size();
    params_.erase(known);
  }
  if (delivery.value->tag == ValueTag::null) return true;  // it is gone; who comes later gets nothing
  const std::size_t bytes = delivery.address.size() + value.size();
  if (params_.size() >= limits_.params_max || params_bytes_ + bytes > limits_.params_bytes_max) {
    ++not_kept_;
    return true;
  }
  params_bytes_ += bytes;
  params_.emplace(delivery.address, Param{.value = std::move(value), .revision = delivery.revision});
  return true;
}

const std::vector<PeerTag>& Audience::listeners(std::string_view address, SignalType type) {
  listeners_.clear();
  for (const auto& [text, wanted] : wanted_) {
    if (wanted.clients.empty() || !wanted.pattern.matches(address)) continue;
    for (const auto& [client, types] : wanted.clients) {
      if (types.has(type)) listeners_.push_back(client);
    }
  }
  std::ranges::sort(listeners_);
  const auto [first, last] = std::ranges::unique(listeners_);
  listeners_.erase(first, last);
  return listeners_;
}

void Audience::each_known(const Pattern& pattern, const Show& show) const {
  if (pattern.is_literal()) {
    if (const auto known = params_.find(pattern.text()); known != params_.end()) show(known->first, known->second.view(), known->second.revision);
    return;
  }
  for (const auto& [address, param] : params_) {
    if (pattern.matches(address)) show(address, param.view(), param.revision);
  }
}

void Audience::caught_up(std::string_view pattern) {
  if (const auto wanted = wanted_.find(pattern); wanted != wanted_.end()) wanted->second.settled = true;
}

bool Audience::is_settled(std::string_view pattern) const {
  const auto wanted = wanted_.find(pattern);
  return wanted != wanted_.end() && wanted->second.settled;
}

void Audience::link_down() {
  for (auto& [text, wanted] : wanted_) wanted.settled = false;
  params_.clear();
  params_bytes_ = 0;
}

}  // namespace clasp::bridge::web
