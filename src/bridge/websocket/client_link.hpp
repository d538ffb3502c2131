// The WebSocket bridge as a client: its one peer is the server it is connected to.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "bridge/web/redial.hpp"
#include "bridge/websocket/hub.hpp"

namespace clasp::bridge::websocket {

class ClientLink final : private web::RedialEvents, private Channel {
 public:
  // Loop and link outlive it.
  ClientLink(io::IoLoop& loop, RouterLink& router, HubConfig config, dial::Target target, const client::BackoffConfig& backoff,
             std::function<void(std::string_view)> log);
  ClientLink(const ClientLink&) = delete;
  ~ClientLink() { stop(); }

  void start();
  void stop();
  const Hub& hub() const { return hub_; }
  const web::Redial& redial() const { return redial_; }

 private:
  // web::RedialEvents
  void dial_opened() override { peer_ = hub_.opened(*this); }
  void dial_input(Bytes bytes, dial::Form form) override;
  void dial_writable() override { hub_.on_sent(peer_); }
  void dial_closed() override { hub_.closed(peer_); }
  // Channel
  void send_text(std::string_view text) override { redial_.send(as_bytes(text), dial::Form::text); }
  void send_binary(Bytes message) override { redial_.send(message, dial::Form::binary); }
  void ping() override {}  // the connection does that itself
  std::size_t bytes_waiting() const override;
  void close(std::uint16_t code, std::string_view reason) override;
  void look_after_hub();

  const HubConfig config_;
  io::IoLoop& loop_;
  mutable web::Redial redial_;
  Hub hub_;
  io::Timer timer_;
  PeerTag peer_ = PeerTag::none;
  bool running_ = false;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);  // for tasks under way
};

}  // namespace clasp::bridge::websocket
