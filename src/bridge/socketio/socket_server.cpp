#include "bridge/socketio/socket_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "bridge/web/access_token.hpp"
#include "core/address.hpp"

namespace clasp::bridge::socketio {

SocketServer::SocketServer(RouterLink& router, const ServerConfig& config, ServerOutside outside)
    : router_(router), config_(config), outside_(std::move(outside)), audience_(router, config.audience) {}

void SocketServer::start() {
  const BridgeIdentity identity{.name = config_.name, .ns = config_.names.ns.prefix(), .protocol = "socketio", .device = {}, .bidirectional = true};
  const std::array patterns{config_.names.ns.pattern()};
  audience_.set_base({patterns.begin(), patterns.end()});
  router_.open(identity, patterns, true, *this);
}

void SocketServer::stop() {
  std::vector<EngineSession*> sessions;
  for (const auto& [session, client] : clients_) sessions.push_back(&client->session);
  for (EngineSession* session : sessions) {
    if (Client* client = find_client(*session)) {
      for (const auto& [nsp, tag] : client->sockets) send(*client, PacketType::disconnect, nsp, std::nullopt, {});
    }
    session->close("the bridge is stopping");
  }
  router_.close();
}

// ---- clients ----

void SocketServer::opened(EngineSession& session, std::string token) {
  ++counters_.clients_opened;
  clients_.emplace(&session, std::make_unique<Client>(session, std::move(token), config_.packets, outside_.clock().steady + config_.connect_timeout));
}

void SocketServer::on_text(EngineSession& session, std::string_view text) {
  if (Client* client = find_client(session)) handle(*client, client->assembler.take_text(text));
}

void SocketServer::on_binary(EngineSession& session, Bytes message) {
  if (Client* client = find_client(session)) handle(*client, client->assembler.take_binary(message));
}

void SocketServer::on_closed(EngineSession& session, std::string_view reason) {
  Client* client = find_client(session);
  if (client == nullptr) return;
  if (reason.starts_with("too slow")) {
    ++counters_.closed_slow;
    log("slow", fmt::format("socketio: a client was cut off: {}", reason));
  }
  while (!client->sockets.empty()) disconnect(client->sockets.begin()->second);
  clients_.erase(&session);
}

void SocketServer::handle(Client& client, Result<std::optional<Packet>> taken) {
  if (!taken) return fail(client, taken.error().message);
  if (*taken) handle_packet(client, **taken);
}

void SocketServer::handle_packet(Client& client, Packet& packet) {
  if (packet.type == PacketType::connect) return connect(client, packet);
  const auto connected = client.sockets.find(packet.nsp);
  if (connected == client.sockets.end())
    return fail(client, fmt::format("a packet for the namespace {}, which is not connected", printable(packet.nsp)));
  Socket& socket = *find_socket(connected->second);
  switch (packet.type) {
    case PacketType::event: return handle_event(socket, packet);
    case PacketType::ack: return handle_ack(socket, packet);
    case PacketType::disconnect: return disconnect(socket.tag);
    default: return fail(client, "CONNECT_ERROR from a client");
  }
}

void SocketServer::fail(Client& client, std::string_view why) {
  ++counters_.protocol_errors;
  log("protocol", fmt::format("socketio: a client was disconnected: {}", printable(why, 300)));
  client.session.close("parse error");
}

// ---- namespaces ----

void SocketServer::connect(Client& client, const Packet& packet) {
  // Clients that call connect() twice say it twice; as with the official server the second takes the place of the first.
  if (const auto before = client.sockets.find(packet.nsp); before != client.sockets.end()) disconnect(before->second);
  if (const auto why = admit(client, packet)) {
    const bool unauthorized = *why == "unauthorized";
    return refuse_connect(client, packet.nsp, *why, unauthorized ? 300 : 404);
  }
  ++counters_.sockets_connected;
  client.connect_until.reset();
  const PeerTag tag{++last_tag_ == 0 ? ++last_tag_ : last_tag_};
  auto owned = std::make_unique<Socket>(Socket{.tag = tag, .client = &client, .nsp = packet.nsp, .sid = outside_.make_sid(), .rooms = {}});
  Socket& socket = *owned;
  sockets_.emplace(static_cast<std::uint32_t>(tag), std::move(owned));
  client.sockets.emplace(packet.nsp, tag);
  Namespace& nsp = namespaces_[packet.nsp];
  nsp.sockets.insert(tag);
  nsp.rooms[socket.sid].insert(tag);
  send(client, PacketType::connect, packet.nsp, std::nullopt, Map{{"sid", socket.sid}});
  if (config_.rooms_from_auth) {
    const Value* rooms = packet.data.find("rooms");
    const Array* list = rooms != nullptr ? rooms->array() : nullptr;
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
      if (const std::string* room = (*list)[i].string()) static_cast<void>(join(socket, *room));
    }
  }
  if (config_.sync_on_connect) emit_known(socket, {});
}

// Why not, or nothing.
std::optional<std::string> SocketServer::admit(const Client& client, const Packet& packet) const {
  if (!config_.token.empty()) {
    const Value* given = packet.data.find("token");
    const std::string* said = given != nullptr ? given->string() : nullptr;
    if (!web::same_token(said != nullptr ? *said : client.token, config_.token)) return "unauthorized";
  }
  const bool known = packet.nsp == "/" || config_.namespaces.empty() || std::ranges::find(config_.namespaces, packet.nsp) != config_.namespaces.end();
  // A namespace is a part of addresses, so it has to be one.
  if (!known || (packet.nsp != "/" && check_address(packet.nsp))) return "Invalid namespace";
  if (client.sockets.size() >= config_.namespaces_per_client_max) return fmt::format("more than {} namespaces", config_.namespaces_per_client_max);
  return std::nullopt;
}

void SocketServer::refuse_connect(Client& client, const std::string& nsp, std::string_view message, int code) {
  ++counters_.connects_refused;
  send(client, PacketType::connect_error, nsp, std::nullopt, Map{{"message", std::string(message)}, {"data", Map{{"code", code}}}});
}

// The socket is gone; its client may stay.
void SocketServer::disconnect(PeerTag tag) {
  Socket& socket = *find_socket(tag);
  const auto nsp = namespaces_.find(socket.nsp);
  for (const std::string& room : socket.rooms) {
    const auto members = nsp->second.rooms.find(room);
    members->second.erase(tag);
    if (members->second.empty()) nsp->second.rooms.erase(members);
  }
  nsp->second.rooms.erase(socket.sid);
  nsp->second.sockets.erase(tag);
  if (nsp->second.sockets.empty()) namespaces_.erase(nsp);
  socket.client->sockets.erase(socket.nsp);
  const auto first = emit_calls_.lower_bound({static_cast<std::uint32_t>(tag), 0});
  const auto last = emit_calls_.lower_bound({static_cast<std::uint32_t>(tag) + 1, 0});
  emit_calls_.erase(first, last);
  sockets_.erase(static_cast<std::uint32_t>(tag));
  audience_.forget(tag);
}

Result<void> SocketServer::join(Socket& socket, const std::string& room) {
  if (room.empty() || room.size() > config_.room_bytes_max)
    return Error{ErrorCode::invalid_argument, fmt::format("a room has a name of 1 to {} bytes", config_.room_bytes_max), {}};
  if (room == socket.sid || socket.rooms.contains(room)) return {};
  if (socket.rooms.size() >= config_.rooms_per_socket_max)
    return Error{ErrorCode::too_many, fmt::format("this socket is in {} rooms already", socket.rooms.size()), {}};
  socket.rooms.insert(room);
  namespaces_[socket.nsp].rooms[room].insert(socket.tag);
  return {};
}

void SocketServer::leave(Socket& socket, const std::string& room) {
  if (socket.rooms.erase(room) == 0) return;
  auto& rooms = namespaces_[socket.nsp].rooms;
  rooms[room].erase(socket.tag);
  if (rooms[room].empty()) rooms.erase(room);
}

std::size_t SocketServer::rooms() const {
  std::size_t sum = 0;
  for (const auto& [name, nsp] : namespaces_) sum += nsp.rooms.size() - nsp.sockets.size();  // without each socket's own
  return sum;
}

std::string SocketServer::name_of(PeerTag tag) const {
  const auto found = sockets_.find(static_cast<std::uint32_t>(tag));
  if (found == sockets_.end()) return "";
  const Socket& socket = *found->second;
  return socket.nsp == "/" ? socket.sid : fmt::format("{} {}", socket.nsp, socket.sid);
}

std::vector<BridgePeer> SocketServer::some_peers(std::size_t max) const {
  std::vector<BridgePeer> peers;
  for (const auto& [tag, socket] : sockets_) {
    if (peers.size() == max) break;
    peers.push_back({.name = name_of(PeerTag{tag}), .received = socket->received, .sent = socket->sent});
  }
  return peers;
}

// ---- time ----

void SocketServer::advance(SteadyTime now) {
  while (!emit_deadlines_.empty() && emit_deadlines_.front().first <= now) {
    const auto call = emit_calls_.find(emit_deadlines_.front().second);
    emit_deadlines_.pop_front();
    if (call == emit_calls_.end()) continue;
    if (Socket* socket = find_socket(PeerTag{call->first.first})) --socket->emits;
    ++counters_.acks_missing;
    emit_calls_.erase(call);
  }
  std::vector<EngineSession*> late;
  for (const auto& [session, client] : clients_) {
    if (client->connect_until && *client->connect_until <= now) late.push_back(&client->session);
  }
  for (EngineSession* session : late) session->close("no namespace was connected in time");
}

std::optional<SteadyTime> SocketServer::next_deadline() const {
  std::optional<SteadyTime> next;
  if (!emit_deadlines_.empty()) next = emit_deadlines_.front().first;
  for (const auto& [session, client] : clients_) {
    if (client->connect_until && (!next || *client->connect_until < *next)) next = client->connect_until;
  }
  return next;
}

// ---- the rest ----

SocketServer::Socket* SocketServer::find_socket(PeerTag tag) {
  const auto at = sockets_.find(static_cast<std::uint32_t>(tag));
  return at == sockets_.end() ? nullptr : at->second.get();
}

SocketServer::Client* SocketServer::find_client(const EngineSession& session) {
  const auto at = clients_.find(&session);
  return at == clients_.end() ? nullptr : at->second.get();
}

void SocketServer::log(std::string_view kind, std::string text) { paced_.line(kind, std::move(text), outside_.clock().steady, outside_.log); }

void SocketServer::link_up() { up_ = true; }

void SocketServer::link_down(std::string_view) {
  up_ = false;
  audience_.link_down();
}

}  // namespace clasp::bridge::socketio
