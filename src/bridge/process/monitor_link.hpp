// Instead of a router: tells what the bridge would write to it. Nothing ever comes back.
#pragma once

#include <functional>
#include <string_view>
#include <utility>

#include "bridge/router_link.hpp"

namespace clasp::bridge {

class MonitorLink final : public RouterLink {
 public:
  struct Heard {
    std::string_view address;
    SignalType signal;
    std::optional<ValueView> value;
  };
  explicit MonitorLink(std::function<void(const Heard&)> tell) : tell_(std::move(tell)) {}

  void open(const BridgeIdentity&, std::span<const std::string>, bool, RouterLinkListener& listener) override {
    listener_ = &listener;
    listener.link_up();
  }
  void close() override {}
  void set(std::string_view address, const ValueView& value, PeerTag) override { tell_({address, SignalType::param, value}); }
  void publish(const Publish& publish, PeerTag) override { tell_({publish.address, publish.signal.value_or(SignalType::event), publish.value}); }
  void bundle(std::span<const Message> messages, std::optional<UnixTime>, PeerTag peer) override {
    for (const Message& message : messages) {
      if (const auto* each = std::get_if<Set>(&message.body)) set(each->address, each->value, peer);
      if (const auto* each = std::get_if<Publish>(&message.body)) this->publish(*each, peer);
    }
  }
  // All is well, and nothing is known.
  void write(const Message& message, PeerTag peer, LinkTicket ticket) override {
    if (const auto* whole = std::get_if<Bundle>(&message.body)) bundle(whole->messages, whole->timestamp, peer);
    else bundle({&message, 1}, std::nullopt, peer);
    listener_->answered(ticket, {});
  }
  void get(std::string_view address, LinkTicket ticket) override {
    const Error nothing{ErrorCode::address_not_found, "there is no router", std::string(address)};
    listener_->answered(ticket, {.error = &nothing});
  }
  void subscribe(const std::string& pattern) override { listener_->caught_up(pattern); }
  void unsubscribe(const std::string&) override {}

 private:
  std::function<void(const Heard&)> tell_;
  RouterLinkListener* listener_ = nullptr;
};

}  // namespace clasp::bridge
