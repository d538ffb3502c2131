// The Socket.IO server without its sockets: packets of clients become writes to the router, what the router delivers becomes events for namespaces,
// rooms and those who subscribed (bridges specification, 10.2 and 10.4).
//
// One thread. From inside a delivery or an answer of the link nothing is asked of the link: they only send; who has to go for being slow goes with
// the next advance() of its session.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bridge/frame/bridge.hpp"
#include "bridge/router_link.hpp"
#include "bridge/socketio/engine_session.hpp"
#include "bridge/socketio/event_map.hpp"
#include "bridge/socketio/packet.hpp"
#include "bridge/socketio/server_config.hpp"
#include "bridge/web/audience.hpp"
#include "core/paced_log.hpp"

namespace clasp::bridge::socketio {

struct ServerCounters {
  std::uint64_t clients_opened = 0;
  std::uint64_t sockets_connected = 0;
  std::uint64_t connects_refused = 0;
  std::uint64_t events_in = 0;
  std::uint64_t events_out = 0;
  std::uint64_t acks_sent = 0;
  std::uint64_t acks_unknown = 0;  // answers to nothing we asked
  std::uint64_t acks_missing = 0;  // that did not come in time
  std::uint64_t protocol_errors = 0;
  std::uint64_t events_ignored = 0;  // by name
  std::uint64_t refused = 0;         // by the router, or because no frame holds it
  std::uint64_t delivered = 0;
  std::uint64_t outside_namespace = 0;
  std::uint64_t closed_slow = 0;
};

struct ServerOutside {
  std::function<Now()> clock;
  std::function<std::string()> make_sid;  // unguessable
  std::function<void(std::string_view)> log;
  std::function<void()> changed = [] {};  // something was given to sessions outside of their own calls
};

class SocketServer final : public EngineListener, private RouterLinkListener {
 public:
  SocketServer(RouterLink& router, const ServerConfig& config, ServerOutside outside);
  SocketServer(const SocketServer&) = delete;

  void start();
  void stop();  // tells every client, closes the link

  // A client has come; `token` is what its handshake brought.
  void opened(EngineSession& session, std::string token);

  // EngineListener
  void on_text(EngineSession& session, std::string_view text) override;
  void on_binary(EngineSession& session, Bytes message) override;
  void on_closed(EngineSession& session, std::string_view reason) override;

  void advance(SteadyTime now);
  std::optional<SteadyTime> next_deadline() const;

  const ServerCounters& counters() const { return counters_; }
  std::size_t sockets() const { return sockets_.size(); }
  std::size_t rooms() const;
  std::string name_of(PeerTag tag) const;  // "": it is gone
  std::vector<BridgePeer> some_peers(std::size_t max) const;
  const web::Audience& audience() const { return audience_; }
  bool is_up() const { return up_; }

 private:
  struct Client;

  // One client in one namespace.
  struct Socket {
    PeerTag tag;
    Client* client;
    std::string nsp;
    std::string sid;
    std::set<std::string> rooms;  // without its own, which has its sid as name
    std::size_t calls = 0;        // that wait for the router
    std::uint64_t last_emit = 0;
    std::size_t emits = 0;  // that wait for the client
    std::uint64_t received = 0;
    std::uint64_t sent = 0;
  };

  struct Client {
    Client(EngineSession& on, std::string with_token, const PacketLimits& limits, SteadyTime until)
        : session(on), token(std::move(with_token)), assembler(limits), connect_until(until) {}

    EngineSession& session;
    std::string token;
    PacketAssembler assembler;
    std::optional<SteadyTime> connect_until;
    std::map<std::string, PeerTag, std::less<>> sockets;  // by namespace
  };

  struct Namespace {
    std::set<PeerTag> sockets;
    std::map<std::string, std::set<PeerTag>, std::less<>> rooms;  // each socket's own among them
  };

  // A client's call to the router.
  struct Call {
    enum class Kind : std::uint8_t { event, set, get };
    Kind kind = Kind::event;
    std::optional<std::uint64_t> ack;
    std::string address;
    std::optional<SignalType> published;  // what the other sockets are told once the router has taken it: it does not return what a bridge publishes
    std::string value;                    // of that; tag byte and data
    PeerTag peer{};
  };

  // An event that asked its client for an answer.
  struct EmitCall {
    std::string address;
  };

  // Packets.
  void handle(Client& client, Result<std::optional<Packet>> taken);
  void handle_packet(Client& client, Packet& packet);
  void connect(Client& client, const Packet& packet);
  void refuse_connect(Client& client, const std::string& nsp, std::string_view message, int code);
  std::optional<std::string> admit(const Client& client, const Packet& packet) const;
  void disconnect(PeerTag tag);
  void fail(Client& client, std::string_view why);

  // Events of clients.
  void handle_event(Socket& socket, Packet& packet);
  void write_event(Socket& socket, std::string_view event, const Value& value, std::optional<std::uint64_t> ack);
  void write(Socket& socket, SignalType kind, const std::string& address, const Value& value, std::optional<std::uint64_t> ack, bool tells_revision);
  void handle_ack(Socket& socket, const Packet& packet);
  LinkTicket open_call(Socket& socket, Call call);
  void settle(const Call& call, const LinkAnswer& answer);

  // clasp:…
  using Command = void (SocketServer::*)(Socket&, const Value& argument, std::optional<std::uint64_t> ack);
  struct CommandRow {
    std::string_view name;
    Command run;
  };
  static const CommandRow* find_command(std::string_view name);
  void command_set(Socket& socket, const Value& argument, std::optional<std::uint64_t> ack);
  void command_emit(Socket& socket, const Value& argument, std::optional<std::uint64_t> ack);
  void command_get(Socket& socket, const Value& argument, std::optional<std::uint64_t> ack);
  void command_subscribe(Socket& socket, const Value& argument, std::optional<std::uint64_t> ack);
  void command_unsubscribe(Socket& socket, const Value& argument, std::optional<std::uint64_t> ack);
  void command_join(Socket& socket, const Value& argument, std::optional<std::uint64_t> ack);
  void command_leave(Socket& socket, const Value& argument, std::optional<std::uint64_t> ack);
  Result<void> join(Socket& socket, const std::string& room);
  void leave(Socket& socket, const std::string& room);

  // To clients.
  void send(Client& client, PacketType type, const std::string& nsp, std::optional<std::uint64_t> id, const Value& data, std::string_view key = {});
  void send_shared(Socket& socket, const web::SharedMessage& message, std::string_view key);
  void acknowledge(Socket& socket, std::optional<std::uint64_t> id, Value answer);
  void acknowledge_error(Socket& socket, std::optional<std::uint64_t> id, const Error& error);
  std::optional<EventPlace> target_of(std::string_view address) const;
  void emit(const LinkDelivery& delivery);
  void emit_to_subscribers(const LinkDelivery& delivery, const Value& value);
  void emit_known(Socket& socket, const std::string& room);
  bool emit_asking(Socket& socket, const LinkDelivery& delivery, const Value& event);

  // RouterLinkListener
  void link_up() override;
  void link_down(std::string_view reason) override;
  void delivered(const LinkDelivery& delivery) override;
  void refused(const Error& error) override;
  void answered(LinkTicket ticket, const LinkAnswer& answer) override;

  Socket* find_socket(PeerTag tag);
  Client* find_client(const EngineSession& session);
  void log(std::string_view kind, std::string text);

  RouterLink& router_;
  const ServerConfig& config_;
  ServerOutside outside_;
  ServerCounters counters_;
  web::Audience audience_;
  PacedLog paced_;
  bool up_ = false;

  std::unordered_map<const EngineSession*, std::unique_ptr<Client>> clients_;
  std::unordered_map<std::uint32_t, std::unique_ptr<Socket>> sockets_;  // by tag
  std::map<std::string, Namespace, std::less<>> namespaces_;            // those that have sockets
  std::uint32_t last_tag_ = 0;

  std::unordered_map<std::uint64_t, Call> calls_;  // of clients, waiting for the router; by ticket
  std::uint64_t last_ticket_ = 0;
  std::map<std::pair<std::uint32_t, std::uint64_t>, EmitCall> emit_calls_;  // of the router, waiting for a client; by tag and id
  std::deque<std::pair<SteadyTime, std::pair<std::uint32_t, std::uint64_t>>> emit_deadlines_;
};

}  // namespace clasp::bridge::socketio
