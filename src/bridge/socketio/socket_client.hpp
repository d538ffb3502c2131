// The Socket.IO client without its sockets: events of a server become writes to the router, what the router delivers becomes events for the server.
//
// One thread. From inside a delivery or an answer of the link nothing is asked of the link: they only send.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bridge/router_link.hpp"
#include "bridge/socketio/client_config.hpp"
#include "bridge/socketio/engine_client.hpp"
#include "bridge/socketio/event_map.hpp"
#include "bridge/socketio/packet.hpp"
#include "bridge/web/audience.hpp"
#include "core/paced_log.hpp"

namespace clasp::bridge::socketio {

struct ClientCounters {
  std::uint64_t connected = 0;  // namespaces
  std::uint64_t connects_refused = 0;
  std::uint64_t disconnected_by_server = 0;
  std::uint64_t events_in = 0;
  std::uint64_t events_out = 0;
  std::uint64_t events_missed = 0;  // of the router, while the server was not there
  std::uint64_t events_ignored = 0;
  std::uint64_t acks_sent = 0;
  std::uint64_t acks_missing = 0;
  std::uint64_t refused = 0;
  std::uint64_t delivered = 0;
};

struct ClientOutside {
  std::function<Now()> clock;
  std::function<void(std::string_view)> log;
  std::function<void()> changed = [] {};              // next_deadline() may be another one
  std::function<void(std::string_view why)> give_up;  // the connection is of no use any more; not from inside this call, but soon
};

class SocketClient final : private EngineClientListener, private RouterLinkListener {
 public:
  SocketClient(RouterLink& router, const ClientConfig& config, ClientOutside outside);
  SocketClient(const SocketClient&) = delete;

  void start();
  void stop();
  EngineClient& engine() { return engine_; }
  const EngineClient& engine() const { return engine_; }

  // Every namespace the server has not thrown us out of is connected, or is to be.
  bool wants_connection() const;
  std::size_t connected() const;
  const std::string& trouble() const { return trouble_; }  // why a namespace is not connected; "" if all are

  std::optional<std::string> advance(SteadyTime now);  // why the connection has to end
  std::optional<SteadyTime> next_deadline() const;
  const ClientCounters& counters() const { return counters_; }

 private:
  struct Namespace {
    std::string name;
    PeerTag tag;
    bool connected = false;
    bool thrown_out = false;
    std::optional<SteadyTime> retry_at;
    std::uint64_t last_emit = 0;
  };
  struct Call {  // of the server, waiting for the router
    PeerTag nsp{};
    std::optional<std::uint64_t> ack;
  };
  struct EmitCall {  // of the router, waiting for the server
    std::string address;
  };

  // EngineClientListener
  void engine_opened() override;
  void engine_text(std::string_view text) override { handle(assembler_.take_text(text)); }
  void engine_binary(Bytes message) override { handle(assembler_.take_binary(message)); }
  void engine_closed(std::string_view reason) override;

  void handle(Result<std::optional<Packet>> taken);
  void handle_packet(const Packet& packet);
  void connected_to(Namespace& nsp);
  void refused_by(Namespace& nsp, const Packet& packet);
  void thrown_out_of(Namespace& nsp);
  void handle_event(Namespace& nsp, const Packet& packet);
  void handle_ack(const Namespace& nsp, const Packet& packet);
  void send(PacketType type, const Namespace& nsp, std::optional<std::uint64_t> id, const Value& data, std::string_view key = {});
  void acknowledge(const Namespace& nsp, std::optional<std::uint64_t> id, Value answer);
  void say_connect(const Namespace& nsp);
  void emit(const LinkDelivery& delivery);
  void emit_known(const Namespace& nsp);
  Namespace* namespace_of(std::string_view tail);

  // RouterLinkListener
  void link_up() override {}
  void link_down(std::string_view reason) override;
  void delivered(const LinkDelivery& delivery) override;
  void refused(const Error& error) override;
  void answered(LinkTicket ticket, const LinkAnswer& answer) override;

  Namespace* find(std::string_view name);
  void log(std::string_view kind, std::string text);

  RouterLink& router_;
  const ClientConfig& config_;
  ClientOutside outside_;
  ClientCounters counters_;
  EngineClient engine_;
  PacketAssembler assembler_;
  web::Audience state_;  // what the namespace holds, for a server that comes later
  PacedLog paced_;
  std::vector<Namespace> namespaces_;
  std::string trouble_;
  std::unordered_map<std::uint64_t, Call> calls_;
  std::uint64_t last_ticket_ = 0;
  using EmitId = std::pair<std::uint32_t, std::uint64_t>;  // namespace and id
  std::map<EmitId, EmitCall> emit_calls_;
  std::deque<std::pair<SteadyTime, EmitId>> emit_deadlines_;
};

}  // namespace clasp::bridge::socketio
