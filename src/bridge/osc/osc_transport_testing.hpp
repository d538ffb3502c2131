// What the tests of both transports put around a bridge: a router that only remembers, and a log.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bridge/osc/osc_bridge.hpp"
#include "bridge/router_link.hpp"
#include "core/json.hpp"

namespace clasp::bridge::osc::test {

class RecordingLink final : public RouterLink {
 public:
  void open(const BridgeIdentity&, std::span<const std::string>, bool, RouterLinkListener& heard_by) override { listener = &heard_by; }
  void close() override {}
  void set(std::string_view address, const ValueView& value, PeerTag peer) override {
    lines.push_back(std::string(address) + " " + to_json(to_value(value)));
    peers.push_back(peer);
    if (on_set) on_set();
  }
  void publish(const Publish&, PeerTag) override {}
  void bundle(std::span<const Message>, std::optional<UnixTime>, PeerTag) override {}

  RouterLinkListener* listener = nullptr;
  std::vector<std::string> lines;
  std::vector<PeerTag> peers;
  std::function<void()> on_set;
};

class Lines final : public OscLog {
 public:
  void line(std::string_view text) override { all.emplace_back(text); }
  std::vector<std::string> all;
};

// For `address` as if another session had set it, or, with `cause`, that peer.
inline void deliver(RecordingLink& link, std::string_view address, const Value& value, PeerTag cause = PeerTag::none) {
  const EncodedValue encoded(value);
  LinkDelivery delivery;
  delivery.address = address;
  delivery.value = encoded.view();
  delivery.own = cause != PeerTag::none;
  delivery.peer = cause;
  link.listener->delivered(delivery);
}

}  // namespace clasp::bridge::osc::test
