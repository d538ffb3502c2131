// A bridge's link to a router in the same process: a session that never says HELLO. Everything happens on the router thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "bridge/router_link.hpp"
#include "router/router.hpp"

namespace clasp::bridge {

// There is no reopening in here, because the router ends such a session only when it ends itself: it is never slow, as nothing ever waits in its sink;
// sessions of views may be silent for as long as they like; and its rights are all there are, for good. close() checks it.
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
  void write(const Message& message, PeerTag peer, LinkTicket ticket) override;
  void get(std::string_view address, LinkTicket ticket) override;
  void subscribe(const std::string& pattern) override;
  void unsubscribe(const std::string& pattern) override;

 private:
  std::size_t deliver(const router::Delivery& delivery) override;
  std::size_t reply(const router::Reply& reply) override;
  void close(const router::CloseReason& reason) override;
  void caught_up(std::uint32_t subscription) override;
  // `answer_to`: who gets its answer; nothing: it asks for none.
  void submit(const Message& message, PeerTag peer, std::optional<LinkTicket> answer_to);
  bool waits(const Message& message) const;
  std::optional<LinkTicket> if_others_wait() const;
  void settle(LinkTicket ticket, const LinkAnswer& answer);

  router::Router& router_;
  std::function<Now()> clock_;
  std::uint32_t origin_;
  router::SessionId session_ = router::nobody;
  RouterLinkListener* listener_ = nullptr;
  bool wants_snapshot_ = false;
  std::map<std::string, std::uint32_t, std::less<>> subscriptions_;  // pattern → id
  std::uint32_t last_subscription_ = 0;
  // Writes whose answer is to come; the answers come in their order (contract 26). Between two calls it is empty unless answers wait for the disk.
  std::deque<LinkTicket> unanswered_;
  bool in_order_ = true;  // no: what is being submitted has no place among them, nor has its refusal
  std::optional<Error>* refusal_ = nullptr;  // where the refusal of what is being submitted goes, if somebody waits for it
};

}  // namespace clasp::bridge
