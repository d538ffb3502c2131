#include "bridge/websocket/hub.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/address.hpp"
#include "core/json.hpp"

namespace clasp::bridge::websocket {

namespace {

constexpr std::uint16_t going_away = 1001;
constexpr std::uint16_t try_later = 1013;
constexpr std::uint16_t policy = 1008;

}  // namespace

Hub::Hub(RouterLink& router, const HubConfig& config, HubOutside outside)
    : router_(router), config_(config), outside_(std::move(outside)), audience_(router, config.audience) {}

void Hub::start() {
  const BridgeIdentity identity{.name = config_.name, .ns = config_.ns.prefix(), .protocol = "websocket", .device = {}, .bidirectional = true};
  const std::array patterns{config_.ns.pattern()};
  audience_.set_base({patterns.begin(), patterns.end()});
  router_.open(identity, patterns, true, *this);
}

void Hub::stop() {
  while (!peers_.empty()) end(*peers_.begin()->second, going_away, "the bridge is stopping");
  router_.close();
}

// ---- peers ----

PeerTag Hub::opened(Channel& channel) {
  ++counters_.peers_opened;
  const PeerTag tag{++last_tag_ == 0 ? ++last_tag_ : last_tag_};
  auto owned = std::make_unique<Peer>(Peer{.tag = tag, .channel = &channel, .queue = web::OutQueue(config_.out), .ping_at = {}});
  Peer& peer = *owned;
  peers_.emplace(static_cast<std::uint32_t>(tag), std::move(owned));
  if (config_.ping_interval > Micros{0}) {
    channel.ping();
    peer.ping_open = true;
    peer.ping_at = outside_.clock().steady + config_.ping_interval;
  }
  if (config_.sync_on_connect) show_known(peer);
  return tag;
}

void Hub::on_pong(PeerTag tag) {
  if (Peer* peer = find(tag)) peer->ping_open = false;
}

void Hub::on_sent(PeerTag tag) {
  if (Peer* peer = find(tag)) flush(*peer);
}

void Hub::closed(PeerTag tag) {
  if (peers_.erase(static_cast<std::uint32_t>(tag)) == 0) return;
  std::erase_if(snapshots_, [tag](const SnapshotCall& call) { return call.peer == tag; });
  audience_.forget(tag);
}

void Hub::end(Peer& peer, std::uint16_t code, std::string_view reason) {
  peer.channel->close(code, reason);
  closed(peer.tag);
}

std::size_t Hub::typed_peers() const {
  return static_cast<std::size_t>(std::ranges::count_if(peers_, [](const auto& row) { return row.second->typed; }));
}

// ---- messages ----

void Hub::on_text(PeerTag tag, std::string_view text) {
  Peer* peer = find(tag);
  if (peer == nullptr) return;
  ++counters_.messages_in;
  auto document = parse_json(text, config_.values_max);
  if (document) return handle_document(*peer, std::move(*document));
  // To who speaks JSON it is a mistake; from others it is a text. Too deep or too many is a mistake of everybody's.
  const bool too_much =
      document.error().message.find("nested deeper") != std::string::npos || document.error().message.find("more values") != std::string::npos;
  if (peer->typed || too_much) {
    ++counters_.invalid_json;
    return send_error(*peer, nullptr, document.error());
  }
  write_plain(*peer, plain_of_text(text, config_.ns.prefix()));
}

void Hub::handle_document(Peer& peer, Value document) {
  const bool has_address = document.find("address") != nullptr && document.find("address")->string() != nullptr;
  if (config_.format == Format::msgpack) {
    if (has_address && document.find("value") != nullptr) return write_plain(peer, plain_of_json(std::move(document), config_.ns.prefix()));
    return write_plain(peer, plain_of_text(to_json(document), config_.ns.prefix()));
  }
  const Value* type = config_.session && config_.format == Format::json ? document.find("type") : nullptr;
  if (type == nullptr || type->string() == nullptr) return write_plain(peer, plain_of_json(std::move(document), config_.ns.prefix()));
  const Value* id = document.find("id");
  Request request{.type = *type->string(), .frame = document, .id = id != nullptr ? std::optional(*id) : std::nullopt};
  if (const RequestRow* row = find_request(request.type)) {
    ++counters_.requests;
    peer.typed = true;
    request.type = row->type;  // which outlives the frame
    return (this->*row->handle)(peer, request);
  }
  if (has_address) return write_plain(peer, plain_of_json(std::move(document), config_.ns.prefix()));
  send_error(peer, &request, {ErrorCode::invalid_message, fmt::format("there is no request of the type {}", printable(request.type)), {}});
}

void Hub::on_binary(PeerTag tag, Bytes message) {
  Peer* peer = find(tag);
  if (peer == nullptr) return;
  ++counters_.messages_in;
  if (config_.format == Format::msgpack && write_native(*peer, message)) return;
  write_plain(*peer, plain_of_binary(message, config_.ns.prefix()));
}

// A whole CLASP frame. False: it is none.
bool Hub::write_native(Peer& peer, Bytes message) {
  const auto frame = decode_frame(message);
  if (!frame) return false;
  const auto decoded = decoder_.decode(frame->payload);
  if (!decoded) return false;
  const bool is_write =
      std::holds_alternative<Set>(decoded->body) || std::holds_alternative<Publish>(decoded->body) || std::holds_alternative<Bundle>(decoded->body);
  if (is_write) write(peer, *decoded, nullptr);
  return true;
}

void Hub::write_plain(Peer& peer, const PlainWrite& plain) {
  const EncodedValue encoded(plain.value);
  if (encoded.ok()) return router_.set(plain.address, encoded.view(), peer.tag);
  ++counters_.refused;
  log("size", fmt::format("websocket: a value for {} is too large for the router", printable(plain.address)));
  if (peer.typed) send_error(peer, nullptr, {ErrorCode::invalid_value, "the value is too large: no CLASP frame holds it", plain.address});
}

// Of a request; or of a plain message, if there is none.
void Hub::write(Peer& peer, const Message& message, const Request* request) {
  Call call{
      .peer = peer.tag, .request = request != nullptr ? request->type : std::string_view{}, .id = {}, .address = {}, .published = {}, .value = {}};
  if (request != nullptr) call.id = request->id;
  if (const Set* set = std::get_if<Set>(&message.body)) call.address = set->address;
  if (const Publish* publish = std::get_if<Publish>(&message.body)) {
    call.address = publish->address;
    call.published = publish->signal.value_or(SignalType::event);
    if (publish->value) {
      call.value.assign(1, static_cast<char>(publish->value->tag));
      call.value.append(as_text(publish->value->data));
    }
  }
  if (const LinkTicket ticket = open_call(peer, std::move(call), request); ticket != LinkTicket::none) router_.write(message, peer.tag, ticket);
}

// none: too many of this peer wait already, and it was told.
LinkTicket Hub::open_call(Peer& peer, Call call, const Request* request) {
  if (peer.calls >= config_.calls_per_client_max) {
    ++counters_.refused;
    send_error(peer, request, {ErrorCode::too_many, fmt::format("{} requests of this connection wait for the router already", peer.calls), {}});
    return LinkTicket::none;
  }
  ++peer.calls;
  calls_.emplace(++last_ticket_, std::move(call));
  return LinkTicket{last_ticket_};
}

// ---- what the router says ----

void Hub::delivered(const LinkDelivery& delivery) {
  ++counters_.delivered;
  if (audience_.note(delivery)) show(delivery);
  outside_.changed();
}

void Hub::answered(LinkTicket ticket, const LinkAnswer& answer) {
  const auto at = calls_.find(static_cast<std::uint64_t>(ticket));
  if (at == calls_.end()) return;
  const Call call = std::move(at->second);
  calls_.erase(at);
  settle(call, answer);
  outside_.changed();
}

void Hub::caught_up(const std::string& pattern) {
  audience_.caught_up(pattern);
  for (std::size_t i = 0; i < snapshots_.size();) {
    if (snapshots_[i].pattern.text() != pattern) {
      ++i;
      continue;
    }
    const SnapshotCall call = std::move(snapshots_[i]);
    snapshots_.erase(snapshots_.begin() + static_cast<std::ptrdiff_t>(i));
    answer_snapshot(call);
    given_up_.push_back(pattern);
  }
  outside_.changed();
}

void Hub::refused(const Error& error) {
  ++counters_.refused;
  log("refused", fmt::format("websocket: the router refused a write: {}", printable(error.message, 200)));
}

void Hub::link_up() { up_ = true; }

void Hub::link_down(std::string_view) {
  up_ = false;
  audience_.link_down();
  for (const SnapshotCall& call : std::exchange(snapshots_, {})) {
    const Value nothing;
    const Request request{.type = "snapshot", .frame = nothing, .id = call.id};
    if (Peer* peer = find(call.peer)) send_error(*peer, &request, {ErrorCode::not_connected, "the router is away", {}});
    given_up_.push_back(call.pattern.text());
  }
  outside_.changed();
}

// ---- time ----

void Hub::advance(SteadyTime now) {
  for (const std::string& pattern : std::exchange(given_up_, {})) forget_snapshot(pattern);
  std::vector<PeerTag> all;
  for (const auto& [number, peer] : peers_) all.push_back(peer->tag);
  for (const PeerTag tag : all) {
    Peer& peer = *find(tag);
    if (peer.overflowed) {
      ++counters_.closed_slow;
      log("slow", fmt::format("websocket: a peer was cut off: it takes too little, {} bytes wait", peer.queue.bytes()));
      end(peer, try_later, "too slow: too many messages wait");
    } else if (peer.ping_at && *peer.ping_at <= now) {
      if (peer.ping_open) {
        ++counters_.closed_silent;
        end(peer, policy, "the last ping was not answered");
        continue;
      }
      peer.channel->ping();
      peer.ping_open = true;
      peer.ping_at = now + config_.ping_interval;
    }
  }
}

std::optional<SteadyTime> Hub::next_deadline() const {
  if (!given_up_.empty()) return SteadyTime{0};
  std::optional<SteadyTime> next;
  for (const auto& [number, peer] : peers_) {
    if (peer->overflowed) return SteadyTime{0};
    if (peer->ping_at && (!next || *peer->ping_at < *next)) next = peer->ping_at;
  }
  return next;
}

Hub::Peer* Hub::find(PeerTag tag) {
  const auto at = peers_.find(static_cast<std::uint32_t>(tag));
  return at == peers_.end() ? nullptr : at->second.get();
}

void Hub::log(std::string_view kind, std::string text) { paced_.line(kind, std::move(text), outside_.clock().steady, outside_.log); }

}  // namespace clasp::bridge::websocket
