// A bridge's link to a router in the same process: a session that never says HELLO. Everything happens on the router thread.
#pragma once

#include <functional>
#include <vector>

#include "bridge/router_link.hpp"
#include "router/router.hpp"

namespace clasp::bridge {

class LocalRouterLink final : public RouterLink, private router::Sink {
 public:
  // `origin` names this bridge instance among all in the process (not 0). Router and clock outlive the link.
  LocalRouterLink(router::Router& router, std::function<Now()> clock, std::uint32_t origin);
  ~LocalRouterLink() override;

  void open(const BridgeIdentity& identity, std::span<const std::string> patterns, bool snapshot, RouterLinkListener& listener) override;
  void close() override;
  void set(std::string_view address, const ValueView& value, PeerTag peer) override;
  void publish(const Publish& publish, PeerTag peer) override;
  void bundle(std::span<const Message> messages, std::optional<UnixTime> at, PeerTag peer) override;

 private:
  std::size_t deliver(const router::Delivery& delivery) override;
  std::size_t reply(const router::Reply& reply) override;
  void close(const router::CloseReason& reason) override;
  void submit(const Message& message, PeerTag peer);

  router::Router& router_;
  std::function<Now()> clock_;
  std::uint32_t origin_;
  router::SessionId session_ = router::nobody;
  RouterLinkListener* listener_ = nullptr;
  bool wants_snapshot_ = false;
};

}  // namespace clasp::bridge
