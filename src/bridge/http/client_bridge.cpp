#include "bridge/http/client_bridge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace clasp::bridge::http {

HttpClientBridge::HttpClientBridge(RouterLink& router, http_client::HttpFetcher& fetcher, HttpClientModeConfig config, Outside outside)
    : router_(router), fetcher_(fetcher), config_(std::move(config)), outside_(std::move(outside)) {
  const auto changed = [this] { outside_.deadline_changed(); };
  for (const PollConfig& poll : config_.polls) polls_.push_back(std::make_unique<Poll>(poll, surroundings()));
  for (const TargetConfig& target : config_.targets) targets_.push_back(std::make_unique<Target>(target, targets_.size(), surroundings()));
  for (const auto& poll : polls_) poll->set_changed(changed);
  for (const auto& target : targets_) target->set_changed(changed);
}

HttpClientBridge::~HttpClientBridge() = default;

Surroundings HttpClientBridge::surroundings() {
  return {.fetcher = fetcher_,
          .router = router_,
          .config = config_,
          .counters = counters_,
          .clock = outside_.clock,
          .random = outside_.random,
          .report = [this](const std::string& about, std::string text) { log_.line(about, std::move(text), outside_.clock().steady, outside_.log); }};
}

void HttpClientBridge::start() {
  const BridgeIdentity identity{.name = config_.name, .ns = config_.ns.prefix(), .protocol = "http", .device = {}, .bidirectional = true};
  std::vector<std::string> patterns;
  for (const TargetConfig& target : config_.targets) {
    if (std::ranges::find(patterns, target.pattern.text()) == patterns.end()) patterns.push_back(target.pattern.text());
  }
  router_.open(identity, patterns, config_.sync_on_connect, *this);
  outside_.deadline_changed();
}

void HttpClientBridge::stop() {
  router_.close();
  polls_.clear();
  targets_.clear();
}

void HttpClientBridge::advance(const Now& now) {
  if (linked_) {  // without a router nobody wants to know
    for (const auto& poll : polls_) poll->advance(now);
  }
  for (const auto& target : targets_) target->advance(now);
}

std::optional<SteadyTime> HttpClientBridge::next_deadline() const {
  std::optional<SteadyTime> next;
  const auto consider = [&next](std::optional<SteadyTime> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  if (linked_) {
    for (const auto& poll : polls_) consider(poll->next_deadline());
  }
  for (const auto& target : targets_) consider(target->next_deadline());
  return next;
}

std::size_t HttpClientBridge::waiting() const {
  std::size_t all = 0;
  for (const auto& target : targets_) all += target->waiting();
  return all;
}

// The router may have been restarted without state: everything is written anew, once.
void HttpClientBridge::link_up() {
  linked_ = true;
  for (const auto& poll : polls_) poll->forget();
  outside_.deadline_changed();
}

void HttpClientBridge::link_down(std::string_view) { linked_ = false; }

void HttpClientBridge::delivered(const LinkDelivery& delivery) {
  bool noted = false;
  for (const auto& target : targets_) {
    if (!target->wants(delivery)) continue;
    target->add(delivery, outside_.clock());
    noted = true;
  }
  if (noted) outside_.deadline_changed();  // sent later: this may be called from inside the router
}

void HttpClientBridge::refused(const Error& error) {
  ++counters_.refused;
  log_.line("refused", fmt::format("http: the router refuses {}: {}", error.address, error.message), outside_.clock().steady, outside_.log);
}

}  // namespace clasp::bridge::http
