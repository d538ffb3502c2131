// A Socket.IO server and one client that sends what the input says: once in one POST, once as WebSocket messages. What reaches the router must be the
// same, everything the client is sent must be packets that the protocol's own decoder takes, memory stays within the bounds. Then our client with a
// server that says the same.
//
// Input: packets, separated by 0x1e as in a POST ("b" and base64 is binary).
#include <string>
#include <string_view>
#include <vector>

#include "bridge/socketio/engine_packet.hpp"
#include "bridge/socketio/engine_session.hpp"
#include "bridge/socketio/packet.hpp"
#include "bridge/socketio/socket_client.hpp"
#include "bridge/socketio/socket_server.hpp"
#include "core/address.hpp"
#include "cut_stream.hpp"

namespace {

using namespace clasp;
using namespace clasp::bridge;
using namespace clasp::bridge::socketio;

std::string bytes_of(const ValueView& value) { return std::string(1, static_cast<char>(value.tag)) + std::string(as_text(value.data)); }

// Takes everything with a valid address, and says so at once.
class AgreeableLink final : public RouterLink {
 public:
  void open(const BridgeIdentity&, std::span<const std::string>, bool, RouterLinkListener& listener) override {
    listener_ = &listener;
    listener.link_up();
  }
  void close() override { listener_ = nullptr; }
  void set(std::string_view address, const ValueView& value, PeerTag peer) override {
    told.push_back("set " + std::string(address) + bytes_of(value));
    if (!check_address(address)) listener_->delivered({.address = address, .value = value, .revision = ++revision_, .own = true, .peer = peer});
  }
  void publish(const Publish& publish, PeerTag) override { told.push_back("publish " + std::string(publish.address)); }
  void bundle(std::span<const Message>, std::optional<UnixTime>, PeerTag) override { fuzz::require(false, "no bundle comes from Socket.IO"); }
  void write(const Message& message, PeerTag peer, LinkTicket ticket) override {
    const Error error{ErrorCode::invalid_address, "no", {}};
    if (const Set* each = std::get_if<Set>(&message.body)) {
      set(each->address, each->value, peer);
      return listener_->answered(ticket, {.error = check_address(each->address) ? &error : nullptr, .revision = revision_});
    }
    publish(std::get<Publish>(message.body), peer);
    listener_->answered(ticket, {});
  }
  void get(std::string_view address, LinkTicket ticket) override {
    told.push_back("get " + std::string(address));
    const EncodedValue value(Value(Map{{"a", Blob{std::byte{1}}}}));
    listener_->answered(ticket, {.revision = 1, .value = value.view()});
  }
  void subscribe(const std::string& pattern) override { told.push_back("subscribe " + pattern); }
  void unsubscribe(const std::string& pattern) override { told.push_back("unsubscribe " + pattern); }

  std::vector<std::string> told;

 private:
  RouterLinkListener* listener_ = nullptr;
  std::uint64_t revision_ = 0;
};

// Decodes what the client gets.
struct CheckingWire final : Wire {
  void send_text(std::string_view text) override {
    fuzz::require(!closed, "nothing is sent behind the end");
    const auto packet = decode_engine_packet(text);
    fuzz::require(packet.has_value(), "what is sent are packets");
    if (packet->type == EngineType::message) fuzz::require(assembler.take_text(packet->text).has_value(), "… of Socket.IO");
  }
  void send_binary(Bytes message) override { fuzz::require(assembler.take_binary(message).has_value(), "attachments follow their packet"); }
  std::size_t bytes_waiting() const override { return 0; }
  void close(std::string_view) override { closed = true; }
  PacketAssembler assembler{{.bytes_max = 4'000'000}};
  bool closed = false;
};

// What a server is sent by our client.
struct CheckingTransport final : EngineTransport {
  void send_text(std::string_view text) override {
    const auto packet = decode_engine_packet(text);
    fuzz::require(packet.has_value(), "what is sent are packets");
    if (packet->type == EngineType::message) fuzz::require(assembler.take_text(packet->text).has_value(), "… of Socket.IO");
  }
  void send_binary(Bytes message) override { fuzz::require(assembler.take_binary(message).has_value(), "attachments follow their packet"); }
  bool has_room() override { return true; }
  PacketAssembler assembler{{.bytes_max = 4'000'000}};
};

template <typename Text, typename Binary>
void each_packet(const std::string& input, Text on_text, Binary on_binary) {
  for (PayloadReader reader(input); !reader.done();) {
    const auto packet = reader.next();
    if (!packet) return;
    const bool goes_on =
        packet->blob ? on_binary(*packet->blob) : on_text(std::string(1, static_cast<char>(packet->type)) + std::string(packet->text));
    if (!goes_on) return;
  }
}

void run_client(const std::string& input) {
  ClientConfig config;
  config.namespaces = {"/", "/admin"};
  config.packets.bytes_max = 20'000;
  config.packets.values_max = 1'000;
  config.sync_on_connect = config.emit_acks = true;
  config.names.kinds.push_back({*Pattern::parse("/socketio/*e*"), SignalType::event});
  AgreeableLink link;
  Now now{SteadyTime{1'000'000}, UnixTime{1'700'000'000'000'000}, UnixTime{1'700'000'000'000'000}};
  bool given_up = false;
  SocketClient client(
      link, config, {.clock = [&now] { return now; }, .log = [](std::string_view) {}, .give_up = [&given_up](std::string_view) { given_up = true; }});
  client.start();
  CheckingTransport transport;
  EngineClient& engine = client.engine();
  engine.begin(transport, now.steady);
  fuzz::require(!engine.take_text(R"(0{"sid":"s","pingInterval":25000,"pingTimeout":20000})", now.steady), "these are terms");
  each_packet(
      input, [&](const std::string& packet) { return !engine.take_text(packet, now.steady) && !given_up; },
      [&](Bytes message) { return !engine.take_binary(message) && !given_up; });
  fuzz::require(client.connected() <= 2, "namespaces are those we asked for");
  now.steady = now.steady + std::chrono::seconds{6};
  static_cast<void>(client.advance(now.steady));
  engine.end("end");
  fuzz::require(client.connected() == 0, "nothing is connected without a connection");
  client.stop();
}

struct Outcome {
  std::vector<std::string> told;
  bool open = false;
  bool operator==(const Outcome&) const = default;
};

template <typename Feed>
Outcome run(Feed feed) {
  ServerConfig config;
  config.packets.bytes_max = 20'000;
  config.packets.values_max = 1'000;
  config.namespaces_per_client_max = 3;
  config.rooms_per_socket_max = 3;
  config.subscriptions_per_socket_max = 3;
  config.engine.payload_bytes_max = 20'000;
  config.sync_on_connect = true;
  config.rooms_from_auth = true;
  config.names.kinds.push_back({*Pattern::parse("/socketio/*e*"), SignalType::event});
  AgreeableLink link;
  int sids = 0;
  const Now now{SteadyTime{1'000'000}, UnixTime{1'700'000'000'000'000}, UnixTime{1'700'000'000'000'000}};
  SocketServer server(
      link, config, {.clock = [&now] { return now; }, .make_sid = [&sids] { return "s" + std::to_string(++sids); }, .log = [](std::string_view) {}});
  server.start();
  CheckingWire bystander_wire;
  EngineSession bystander("bystander", config.engine, true, server, now.steady);
  server.opened(bystander, {});
  bystander.start_on(bystander_wire);
  bystander.wire_text(bystander_wire, "40", now.steady);

  EngineSession session("sid", config.engine, true, server, now.steady);
  server.opened(session, {});
  feed(session, now.steady);
  fuzz::require(bystander.is_open(), "nobody else is closed");
  fuzz::require(server.sockets() <= 1 + config.namespaces_per_client_max && server.rooms() <= 9, "rooms and sockets are bounded");
  const Outcome outcome{.told = link.told, .open = session.is_open()};
  server.stop();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 16'384) return 0;
  const std::string input(reinterpret_cast<const char*>(data), size);
  const Outcome posted = run([&](EngineSession& session, SteadyTime now) { static_cast<void>(session.post(input, now)); });
  CheckingWire wire;
  const Outcome sent = run([&](EngineSession& session, SteadyTime now) {
    session.start_on(wire);
    PayloadReader reader(input);
    while (!reader.done() && session.is_open()) {
      const auto packet = reader.next();
      if (!packet) {
        session.close("parse error");
      } else if (packet->blob) {
        session.wire_binary(wire, *packet->blob);
      } else {
        session.wire_text(wire, std::string(1, static_cast<char>(packet->type)) + std::string(packet->text), now);
      }
    }
    fuzz::require(session.is_open() != wire.closed, "who is closed is told");
  });
  fuzz::require(posted.told == sent.told, "the router is told the same, whichever way the packets came");
  run_client(input);
  return 0;
}
