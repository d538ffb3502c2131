// The remote link, and an eye on it: a router that refuses our token does so for good, and the program should end instead of waiting for nothing. When
// it comes and goes is told, a reason once, however often it is tried again meanwhile.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <string>
#include <utility>

#include "bridge/remote/remote_link.hpp"
#include "bridge/router_link.hpp"
#include "core/address.hpp"

namespace clasp::bridge {

class WatchedLink final : public RouterLink, private RouterLinkListener {
 public:
  struct Eye {
    std::function<bool(ErrorCode)> is_final;  // of refusals before the link was up
    bool reconnect = true;                    // else a router that is gone, or not there, is final too
    std::function<void(const Error&)> ended;
    std::function<void(std::string_view line)> log;
  };
  WatchedLink(boost::asio::io_context& loop, RemoteLinkConfig config, Eye eye) : link_(loop, std::move(config)), eye_(std::move(eye)) {}

  void open(const BridgeIdentity& identity, std::span<const std::string> patterns, bool snapshot, RouterLinkListener& listener) override {
    listener_ = &listener;
    link_.open(identity, patterns, snapshot, *this);
  }
  void close() override { link_.close(); }
  void set(std::string_view address, const ValueView& value, PeerTag peer) override { link_.set(address, value, peer); }
  void publish(const Publish& publish, PeerTag peer) override { link_.publish(publish, peer); }
  void bundle(std::span<const Message> messages, std::optional<UnixTime> at, PeerTag peer) override { link_.bundle(messages, at, peer); }
  void write(const Message& message, PeerTag peer, LinkTicket ticket) override { link_.write(message, peer, ticket); }
  void get(std::string_view address, LinkTicket ticket) override { link_.get(address, ticket); }
  void subscribe(const std::string& pattern) override { link_.subscribe(pattern); }
  void unsubscribe(const std::string& pattern) override { link_.unsubscribe(pattern); }

 private:
  void link_up() override {
    up_ = true;
    reason_.clear();
    eye_.log("connected to the router");
    listener_->link_up();
  }
  void link_down(std::string_view reason) override {
    up_ = false;
    if (reason_ != reason) eye_.log(fmt::format("router link down: {}", printable(reason_ = reason, 200)));
    listener_->link_down(reason);
    if (!eye_.reconnect) eye_.ended({ErrorCode::connection_failed, std::string(reason), {}});
  }
  void delivered(const LinkDelivery& delivery) override { listener_->delivered(delivery); }
  void refused(const Error& error) override {
    if (!up_ && eye_.is_final(error.code)) return eye_.ended(error);
    listener_->refused(error);
  }
  void answered(LinkTicket ticket, const LinkAnswer& answer) override { listener_->answered(ticket, answer); }
  void caught_up(const std::string& pattern) override { listener_->caught_up(pattern); }

  RemoteRouterLink link_;
  Eye eye_;
  RouterLinkListener* listener_ = nullptr;
  bool up_ = false;
  std::string reason_;  // of the last time it went down, as long as it has not come back
};

}  // namespace clasp::bridge
