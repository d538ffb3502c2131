#include "router/router_fixture.hpp"

#include <algorithm>

#include "core/check.hpp"

namespace clasp::router {

namespace {

std::string describe_set(const Set& set) {
  std::string out = fmt::format("SET {} {}", set.address, describe_value(set.value));
  if (set.revision) out += fmt::format(" rev={}", *set.revision);
  if (set.lock) out += " lock";
  if (set.unlock) out += " unlock";
  if (set.ttl) out += fmt::format(" ttl={}", set.ttl->seconds);
  return out;
}

std::string describe_publish(const Publish& publish) {
  std::string out = fmt::format("PUBLISH {} {}", signal_name(publish.signal.value_or(SignalType::event)), publish.address);
  if (publish.signal == SignalType::gesture) out += fmt::format(" {}", phase_name(publish.phase));
  if (publish.id) out += fmt::format(" id={}", *publish.id);
  if (publish.value) out += " " + describe_value(*publish.value);
  if (publish.samples) out += fmt::format(" {} samples", publish.samples->size() / 8);
  return out;
}

std::string describe_ack(const Ack& ack) {
  std::string out = "ACK";
  if (ack.address) out += fmt::format(" {}", *ack.address);
  if (ack.revision) out += fmt::format(" rev={}", *ack.revision);
  if (ack.locked) out += *ack.locked ? " locked" : " free";
  return out;
}

std::string describe_message(const Message& message) {
  if (const auto* set = std::get_if<Set>(&message.body)) return describe_set(*set);
  if (const auto* publish = std::get_if<Publish>(&message.body)) return describe_publish(*publish);
  if (const auto* ack = std::get_if<Ack>(&message.body)) return describe_ack(*ack);
  if (const auto* error = std::get_if<ErrorReply>(&message.body)) {
    std::string out = fmt::format("ERROR {} {}", error->code, error->message);
    if (error->address) out += fmt::format(" [{}]", *error->address);
    return out;
  }
  if (const auto* snapshot = std::get_if<Snapshot>(&message.body)) {
    std::string out = "SNAPSHOT";
    for (const SnapshotParam& param : snapshot->params) out += fmt::format(" {}={}@{}", param.address, describe_value(param.value), param.revision);
    return out;
  }
  if (const auto* result = std::get_if<QueryResult>(&message.body)) {
    std::string out = "RESULT";
    for (const SignalDefinition& signal : result->signals) out += fmt::format(" {}:{}", signal.address, signal_name(signal.type));
    return out;
  }
  if (const auto* sync = std::get_if<Sync>(&message.body)) return fmt::format("SYNC {} {} {}", sync->t1, sync->t2.value_or(0), sync->t3.value_or(0));
  return std::string(find_message_info(type_of(message))->name);
}

}  // namespace

std::string describe_value(const ValueView& value) { return to_json(to_value(value)); }

std::string describe_frame(Bytes frame) {
  const auto decoded = decode_frame(frame);
  if (!decoded) return "?? " + describe(decoded.error());
  Decoder decoder;
  const auto message = decoder.decode(decoded->payload);
  return message ? describe_message(*message) : "?? " + describe(message.error());
}

// ---- Peer ----

Peer::Peer(World& world, std::string name) : world_(world), name_(std::move(name)) { link = world_.router->open_link(sink, world_.now()); }

void Peer::send_raw(Bytes frame) {
  world_.router->receive(link, frame, world_.now());
  world_.turn();
}

void Peer::send(const Message& message, Qos qos) {
  ByteBuffer frame;
  CLASP_CHECK(append_frame(frame, message, qos));
  send_raw(frame.view());
}

void Peer::hello(std::string_view token, std::uint8_t features) {
  send(Message{Hello{.version = 1, .features = features, .name = name_, .token = token}}, Qos::fire);
  for (const auto& frame : sink.frames) {
    Decoder decoder;
    const auto decoded = decode_frame(frame);
    const auto message = decoder.decode(decoded->payload);
    if (const auto* welcome = std::get_if<Welcome>(&message->body)) session_id_ = std::string(welcome->session);
  }
}

void Peer::set(const Set& set, Qos qos) { send(Message{set}, qos); }

void Peer::set(std::string_view address, const Value& value, Qos qos) {
  const EncodedValue encoded(value);
  set(Set{.address = address, .value = encoded.view()}, qos);
}

void Peer::publish(std::string_view address, const Value& value, SignalType signal) {
  const EncodedValue encoded(value);
  send(Message{Publish{.address = address, .signal = signal, .value = encoded.view()}}, Qos::fire);
}

void Peer::gesture(std::string_view address, std::uint32_t id, GesturePhase phase, const Value& value) {
  const EncodedValue encoded(value);
  send(Message{Publish{.address = address, .signal = SignalType::gesture, .phase = phase, .value = encoded.view(), .id = id}}, Qos::fire);
}

void Peer::subscribe(std::string_view pattern, SubscribeOptions options, TypeMask types) {
  Subscribe subscribe{.id = next_id_++, .pattern = pattern, .types = types};
  if (!options.empty()) subscribe.options = options;
  send(Message{subscribe}, Qos::confirm);
}

void Peer::unsubscribe(std::uint32_t id) { send(Message{Unsubscribe{id}}, Qos::confirm); }
void Peer::get(std::string_view address, Qos qos) { send(Message{Get{address}}, qos); }

void Peer::bundle(std::vector<Message> messages, std::optional<UnixTime> at, Qos qos) {
  send(Message{Bundle{.timestamp = at, .messages = std::move(messages)}}, qos);
}

void Peer::leave() {
  world_.router->closed(link, world_.now());
  world_.turn();
}

void Peer::stall() { sink.stalled = true; }

void Peer::resume() {
  sink.stalled = false;
  world_.turn();
}

void Peer::drain(std::size_t bytes) {
  const std::size_t gone = std::min(bytes, sink.unsent);
  sink.unsent -= gone;
  world_.router->sent(link, gone, world_.now());
}

std::vector<std::string> Peer::received() {
  std::vector<std::string> lines;
  for (const auto& frame : sink.frames) lines.push_back(describe_frame(frame));
  sink.frames.clear();
  return lines;
}

// ---- World ----

World::World(Config config, Hooks hooks) {
  if (hooks.random == nullptr) hooks.random = &random;
  if (!hooks.log) hooks.log = [this](std::string_view line) { log_lines.emplace_back(line); };
  router = std::make_unique<Router>(std::move(config), std::move(hooks), now());
}

Peer& World::peer(std::string name) {
  peers.push_back(std::make_unique<Peer>(*this, std::move(name)));
  return *peers.back();
}

Peer& World::connect(std::string name) {
  Peer& joined = peer(std::move(name));
  joined.hello();
  joined.forget();
  return joined;
}

void World::drain_links() {
  for (bool again = true; again;) {
    again = false;
    for (const auto& peer : peers) {
      if (peer->sink.stalled || peer->sink.unsent == 0) continue;
      const std::size_t bytes = std::exchange(peer->sink.unsent, 0);
      router->sent(peer->link, bytes, now());
      again = true;
    }
  }
}

void World::turn() {
  drain_links();
  while (router->end_turn(now())) drain_links();
  drain_links();
}

void World::stand_still(Micros time) {
  steady_ += time.count();
  unix_ += static_cast<std::uint64_t>(time.count());
  router->advance(now());
  turn();
}

void World::advance(Micros time) {
  const std::int64_t end = steady_ + time.count();
  while (steady_ < end) {
    std::int64_t next = end;
    if (const auto due = router->next_deadline()) next = std::clamp(due->us, steady_, end);
    unix_ += static_cast<std::uint64_t>(next - steady_);
    steady_ = next;
    router->advance(now());
    turn();
    if (const auto due = router->next_deadline(); steady_ < end && due && due->us <= steady_) {
      steady_ += 1;
      unix_ += 1;
    }
  }
}

}  // namespace clasp::router
