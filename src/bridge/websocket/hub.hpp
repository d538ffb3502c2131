// The WebSocket bridge without its sockets: peers that send and hear values, plain or by the typed JSON protocol (bridges specification, 9.2 to 9.4).
// The same for a server with many peers and for a client, whose one peer is the server it is connected to.
//
// One thread. From inside a delivery or an answer of the link nothing is asked of the link: they only send; who has to go for being slow goes with
// the next advance().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bridge/router_link.hpp"
#include "bridge/web/audience.hpp"
#include "bridge/web/out_queue.hpp"
#include "bridge/websocket/hub_config.hpp"
#include "bridge/websocket/plain_message.hpp"
#include "core/codec.hpp"
#include "core/paced_log.hpp"

namespace clasp::bridge::websocket {

// One WebSocket. Calls nothing back from inside these.
class Channel {
 public:
  virtual ~Channel() = default;
  virtual void send_text(std::string_view text) = 0;
  virtual void send_binary(Bytes message) = 0;
  virtual void ping() = 0;
  virtual std::size_t bytes_waiting() const = 0;
  virtual void close(std::uint16_t code, std::string_view reason) = 0;
};

struct HubCounters {
  std::uint64_t peers_opened = 0;
  std::uint64_t messages_in = 0;
  std::uint64_t messages_out = 0;
  std::uint64_t requests = 0;  // with a "type"
  std::uint64_t errors_sent = 0;
  std::uint64_t invalid_json = 0;
  std::uint64_t refused = 0;  // by the router, or because no frame holds it
  std::uint64_t delivered = 0;
  std::uint64_t closed_slow = 0;
  std::uint64_t closed_silent = 0;  // did not answer a ping
};

struct HubOutside {
  std::function<Now()> clock;
  std::function<void(std::string_view)> log;
  std::function<void()> changed = [] {};  // something was given to channels outside of their own calls
};

class Hub final : private RouterLinkListener {
 public:
  Hub(RouterLink& router, const HubConfig& config, HubOutside outside);
  Hub(const Hub&) = delete;

  void start();
  void stop();  // tells every peer, closes the link

  // ---- peers ----
  PeerTag opened(Channel& channel);
  void on_text(PeerTag peer, std::string_view text);
  void on_binary(PeerTag peer, Bytes message);
  void on_pong(PeerTag peer);
  void on_sent(PeerTag peer);
  void closed(PeerTag peer);  // its channel is gone; also after close() of the channel, then it does nothing

  void advance(SteadyTime now);
  std::optional<SteadyTime> next_deadline() const;

  const HubCounters& counters() const { return counters_; }
  std::size_t peers() const { return peers_.size(); }
  std::size_t typed_peers() const;
  const web::Audience& audience() const { return audience_; }
  bool is_up() const { return up_; }

 private:
  struct Peer {
    PeerTag tag;
    Channel* channel;
    web::OutQueue queue;
    bool typed = false;  // has sent a frame with a known "type"
    bool overflowed = false;
    bool ping_open = false;  // the last ping is not answered yet
    std::optional<SteadyTime> ping_at;
    std::size_t calls = 0;
  };
  // A peer's call to the router.
  struct Call {
    PeerTag peer{};
    std::string_view request;  // a name of the table; empty: a plain message
    std::optional<Value> id;
    std::string address;
    std::optional<SignalType> published;  // what the others are told once the router has taken it: it does not return what a bridge publishes
    std::string value;                    // of that; tag byte and data
  };
  struct SnapshotCall {
    PeerTag peer{};
    std::optional<Value> id;
    Pattern pattern;
  };
  // A frame with a "type".
  struct Request {
    std::string_view type;
    const Value& frame;
    std::optional<Value> id;
  };
  using Handler = void (Hub::*)(Peer&, const Request&);
  struct RequestRow {
    std::string_view type;
    Handler handle;
  };
  static const RequestRow* find_request(std::string_view type);

  // Messages.
  void handle_document(Peer& peer, Value document);
  void write_plain(Peer& peer, const PlainWrite& write);
  bool write_native(Peer& peer, Bytes message);
  void write(Peer& peer, const Message& message, const Request* request);
  LinkTicket open_call(Peer& peer, Call call, const Request* request);

  // Requests.
  void request_set(Peer& peer, const Request& request);
  void request_get(Peer& peer, const Request& request);
  void request_emit(Peer& peer, const Request& request);
  void request_subscribe(Peer& peer, const Request& request);
  void request_unsubscribe(Peer& peer, const Request& request);
  void request_snapshot(Peer& peer, const Request& request);
  void request_bundle(Peer& peer, const Request& request);
  void request_ping(Peer& peer, const Request& request);
  Result<Pattern> pattern_of(const Value& frame) const;
  void answer_snapshot(const SnapshotCall& call);
  void forget_snapshot(const std::string& pattern);

  // To peers.
  void send(Peer& peer, web::SharedMessage message, std::string_view key);
  void send_json(Peer& peer, const Value& frame, std::string_view key = {});
  void send_error(Peer& peer, const Request* request, const Error& error);
  void send_ack(Peer& peer, const std::optional<Value>& id, std::uint64_t revision);
  void flush(Peer& peer);
  void show(const LinkDelivery& delivery);
  void show_known(Peer& peer);
  void settle(const Call& call, const LinkAnswer& answer);

  // RouterLinkListener
  void link_up() override;
  void link_down(std::string_view reason) override;
  void delivered(const LinkDelivery& delivery) override;
  void refused(const Error& error) override;
  void answered(LinkTicket ticket, const LinkAnswer& answer) override;
  void caught_up(const std::string& pattern) override;

  Peer* find(PeerTag tag);
  void end(Peer& peer, std::uint16_t code, std::string_view reason);
  void log(std::string_view kind, std::string text);

  RouterLink& router_;
  const HubConfig& config_;
  HubOutside outside_;
  HubCounters counters_;
  web::Audience audience_;
  PacedLog paced_;
  Decoder decoder_;
  bool up_ = false;
  std::map<std::uint32_t, std::unique_ptr<Peer>> peers_;  // by tag
  std::uint32_t last_tag_ = 0;
  std::unordered_map<std::uint64_t, Call> calls_;  // by ticket
  std::uint64_t last_ticket_ = 0;
  std::vector<SnapshotCall> snapshots_;  // that wait until their pattern has caught up
  std::vector<std::string> given_up_;    // patterns of answered snapshots, to be unsubscribed outside of the link's calls
};

}  // namespace clasp::bridge::websocket
