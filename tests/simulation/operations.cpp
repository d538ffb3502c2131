// What random clients send.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <limits>

#include "core/check.hpp"
#include "random_clients.hpp"

namespace clasp::simulation {

namespace {

constexpr std::array patterns{"/**", "/max/**", "/min/*", "/locked/**", "/merge/*",       "/scene/**", "/scene/1/*",   "/scene/*/p1", "/**/p0",
                              "/*",  "/sc*/**", "/*/p2",  "/clasp/**",  "/**/deep/**/p*", "/*e*/**",   "/merge/p0/**", "/**/**"};

}  // namespace

void RandomClients::act(SimulatedPeer& peer) {
  const std::uint64_t dice = random_.below(1'000);
  if (dice < 380) return set(peer);
  if (dice < 560) return publish(peer);
  if (dice < 680) return gesture(peer);
  if (dice < 760) return bundle(peer);
  if (dice < 810) return subscribe(peer);
  if (dice < 840) return post(peer, Message{Unsubscribe{static_cast<std::uint32_t>(1 + random_.below(6))}}, any_qos());
  if (dice < 890 && (peer.pace.kind == Pace::Kind::keeps_up || !scenario_.reads_renew))
    return post(peer, Message{Get{random_.chance(0.95) ? std::string_view(some_address()) : "/no/wild/*"}}, any_qos());
  if (dice < 910) return announce(peer);
  if (dice < 930) return signal_to_one(peer);
  if (dice < 950) return ask(peer);
  if (dice < 965) return nonsense(peer);
  if (dice < 975) return message_pack(peer);
  if (dice < 977) return large(peer);
  if (dice < 990) return garbage(peer);
  // A second HELLO: the old session ends at once. Only while the link has room, so that WELCOME shows at once which session is served.
  if (!world_.has_room(peer) || !peer.underway.empty() || !peer.can_send()) return;
  Hello hello{.version = static_cast<std::uint8_t>(random_.below(100)), .features = feature::all_signals, .name = "again"};
  if (random_.chance(0.3)) {
    hello.features |= feature::extended;
    hello.block.emplace_back("snapshot", ValueView{ValueTag::string, as_bytes(std::string_view("\0\4none", 6))});
  }
  world_.say(peer, Message{hello});
}

// Some values are rare and unlike all others, some frequent and equal.
clasp::Value RandomClients::some_value() {
  ++counter_;
  switch (random_.below(12)) {
    case 0: return {};
    case 1: return clasp::Value(random_.chance(0.5));
    case 2: return clasp::Value(static_cast<std::int64_t>(random_.below(4)));
    case 3: return clasp::Value(static_cast<double>(random_.below(1'000)) / 100);
    case 4: {
      constexpr std::array odd{std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -0.0, 1e300};
      return clasp::Value(odd[random_.below(odd.size())]);
    }
    case 5: return clasp::Value(std::numeric_limits<std::int64_t>::max() - static_cast<std::int64_t>(random_.below(3)));
    case 6: return clasp::Value(Map{{"n", clasp::Value(counter_)}, {"on", clasp::Value(true)}});
    case 7: return clasp::Value(Blob(random_.below(40), std::byte{7}));
    case 8: return clasp::Value(Array{clasp::Value(counter_), clasp::Value(std::string(random_.below(scenario_.padding_bytes_max), 'x'))});
    default: return clasp::Value(static_cast<std::int64_t>(random_.below(1'000)) * 1'000'000 + counter_);
  }
}

const std::string& RandomClients::some_address() { return addresses_[random_.below(addresses_.size())]; }

std::string RandomClients::wrong_address() {
  constexpr std::array wrong{"", "no/slash", "/two//slashes", "/wild/*", "/control\x01", "/**"};
  return random_.chance(0.2) ? "/" + std::string(router::Config{}.address_bytes_max, 'a') : wrong[random_.below(wrong.size())];
}

std::string RandomClients::some_pattern() {
  if (random_.chance(0.03)) return random_.chance(0.5) ? "/a//b" : "no/slash/**";
  return random_.chance(0.3) ? some_address() : patterns[random_.below(patterns.size())];
}

Set RandomClients::some_set(const std::string& address, const EncodedValue& value) {
  Set set{.address = address, .value = value.view()};
  if (random_.chance(0.15)) {
    const model::Param* param = world_.model().state().find(address);
    set.revision = param != nullptr && random_.chance(0.6) ? param->revision : random_.below(4);
  }
  set.lock = random_.chance(0.05);
  set.unlock = random_.chance(0.06);
  if (random_.chance(0.2)) {
    constexpr std::array renewed{Ttl::Mode::never, Ttl::Mode::sliding, Ttl::Mode::absolute};
    const Ttl::Mode mode = scenario_.reads_renew ? renewed[random_.below(renewed.size())]
                           : random_.chance(0.5) ? Ttl::Mode::never
                                                 : Ttl::Mode::absolute;
    set.ttl = Ttl{mode, 0};
    if (mode != Ttl::Mode::never) set.ttl->seconds = static_cast<std::uint32_t>(1 + random_.below(random_.chance(0.5) ? 2 : 60));
  }
  return set;
}

void RandomClients::set(SimulatedPeer& peer) {
  const std::string address = random_.chance(0.97) ? some_address() : wrong_address();
  const EncodedValue value(some_value());
  post(peer, Message{some_set(address, value)}, any_qos());
}

void RandomClients::publish(SimulatedPeer& peer) {
  constexpr std::array signals{SignalType::event, SignalType::event, SignalType::stream, SignalType::stream, SignalType::timeline, SignalType::param};
  const std::string address = random_.chance(0.98) ? some_address() : wrong_address();
  const EncodedValue value(some_value());
  Publish publish{.address = address, .signal = signals[random_.below(signals.size())]};
  const std::string samples(8 * random_.below(20), 's');
  if (publish.signal == SignalType::stream && random_.chance(0.3)) {
    publish.samples = as_bytes(samples);
    publish.rate = static_cast<std::uint32_t>(random_.below(48'000));
  } else {
    publish.value = value.view();
  }
  if (random_.chance(0.2)) publish.timestamp = UnixTime{random_.next() >> 1};
  if (random_.chance(0.2)) publish.id = static_cast<std::uint32_t>(random_.below(3));
  post(peer, Message{publish}, any_qos());
}

void RandomClients::gesture(SimulatedPeer& peer) {
  constexpr std::array phases{GesturePhase::start, GesturePhase::move, GesturePhase::move,
                              GesturePhase::move,  GesturePhase::end,  GesturePhase::cancel};
  const std::string& address = addresses_[random_.below(3)];  // few, so that gestures meet
  const auto id = static_cast<std::uint32_t>(random_.below(2));
  for (auto count = 1 + random_.below(4); count > 0; --count) {
    const EncodedValue value(some_value());
    Publish publish{.address = address, .signal = SignalType::gesture, .phase = phases[random_.below(phases.size())], .value = value.view()};
    if (id != 0 || random_.chance(0.5)) publish.id = id;
    post(peer, Message{publish}, Qos::fire);
  }
}

void RandomClients::bundle(SimulatedPeer& peer) {
  std::deque<EncodedValue> values;
  std::deque<std::string> texts;
  Bundle bundle;
  for (auto count = random_.below(5); count > 0; --count) {
    const std::string& address = texts.emplace_back(random_.chance(0.99) ? some_address() : wrong_address());
    const EncodedValue& value = values.emplace_back(some_value());
    const std::uint64_t dice = random_.below(100);
    if (dice < 70)
      bundle.messages.push_back(Message{some_set(address, value)});
    else if (dice < 90)
      bundle.messages.push_back(Message{Publish{.address = address, .signal = SignalType::event, .value = value.view()}});
    else if (dice < 96)
      bundle.messages.push_back(
          Message{Publish{.address = addresses_[0], .signal = SignalType::gesture, .phase = GesturePhase::move, .value = value.view()}});
    else
      bundle.messages.push_back(Message{Ping{}});  // does nothing
  }
  if (random_.chance(0.2)) {
    Bundle outer;
    outer.messages.push_back(Message{std::move(bundle)});
    bundle = std::move(outer);
  }
  const std::uint64_t unix_now = world_.now().unix_time.us;
  const std::uint64_t dice = random_.below(100);
  if (dice < 40)
    bundle.timestamp = UnixTime{unix_now + 1 + random_.below(300'000)};
  else if (dice < 45)
    bundle.timestamp = UnixTime{unix_now + random_.below(60'000'000)};
  else if (dice < 50)
    bundle.timestamp = UnixTime{unix_now - random_.below(5'000'000)};
  else if (dice < 52)
    bundle.timestamp = UnixTime{unix_now + 86'400'000'000 + random_.below(1'000'000)};
  post(peer, Message{std::move(bundle)}, any_qos());
}

void RandomClients::subscribe(SimulatedPeer& peer) {
  const std::string pattern = some_pattern();
  Subscribe subscribe{.id = static_cast<std::uint32_t>(1 + random_.below(6)), .pattern = pattern};  // sometimes an id that is in use: replaced
  if (random_.chance(0.3)) subscribe.types = TypeMask{static_cast<std::uint8_t>(1 + random_.below(31))};
  SubscribeOptions options;
  if (random_.chance(scenario_.thinning)) {
    const std::uint64_t dice = random_.below(10);
    if (dice < 6) options.max_rate = static_cast<std::uint32_t>(random_.below(100));
    if (dice > 3) options.epsilon = static_cast<double>(random_.below(200)) * (random_.chance(0.5) ? 1e6 : 0.01);
  }
  if (random_.chance(0.15)) options.history = static_cast<std::uint32_t>(random_.below(10));
  if (options.history && random_.chance(0.3)) options.window = static_cast<std::uint32_t>(random_.below(20'000));
  if (!options.empty()) subscribe.options = options;
  post(peer, Message{subscribe}, any_qos());
}

void RandomClients::announce(SimulatedPeer& peer) {
  std::deque<std::string> texts;
  Announce announce{.ns = "stage"};
  for (auto count = random_.below(4); count > 0; --count) {
    SignalDefinition signal{.address = texts.emplace_back(random_.chance(0.97) ? some_address() : "no/slash")};
    signal.type = static_cast<SignalType>(random_.below(signal_type_count));
    if (random_.chance(0.5)) signal.datatype = "f32";
    if (random_.chance(0.5)) signal.access = "rw";
    announce.signals.push_back(signal);
  }
  post(peer, Message{announce}, any_qos());
}

// Peer to peer: straight to one session, sometimes to one that is not there, sometimes lying about who sends.
void RandomClients::signal_to_one(SimulatedPeer& peer) {
  std::string target = world_.model().session_id(random_.below(world_.peers()));
  if (target.empty() || random_.chance(0.1)) target = "11111111-2222-4333-8444-555555555555";
  if (random_.chance(0.1)) target += "/more";
  const std::string address = "/clasp/p2p/signal/" + target;
  const EncodedValue offer(
      clasp::Value(Map{{"type", clasp::Value("offer")}, {"from", clasp::Value("somebody else")}, {"n", clasp::Value(++counter_)}}));
  const EncodedValue plain(some_value());
  Publish publish{.address = address, .signal = SignalType::event, .value = random_.chance(0.7) ? offer.view() : plain.view()};
  if (random_.chance(0.2)) publish.id = 7;
  if (random_.chance(0.2)) publish.rate = 50;
  if (random_.chance(0.1)) publish.signal = SignalType::stream;
  post(peer, Message{publish}, any_qos());
}

// At the edge of what fits: as many bytes as a SNAPSHOT entry can carry, or one more.
void RandomClients::large(SimulatedPeer& peer) {
  constexpr std::size_t around_a_value = 63;  // in a SNAPSHOT frame that holds nothing else
  const std::string& address = some_address();
  const std::size_t fits = wire::payload_bytes_max - around_a_value - address.size();
  const EncodedValue value(clasp::Value(std::string(fits + random_.below(2), 'L')));
  CLASP_CHECK(value.ok());
  if (random_.chance(0.5)) return post(peer, Message{Set{.address = address, .value = value.view()}}, Qos::confirm);
  post(peer, Message{Publish{.address = address, .signal = SignalType::event, .value = value.view()}}, Qos::confirm);
}

// The old encoding, in which a PUBLISH may have no signal type: it reaches every type mask.
void RandomClients::message_pack(SimulatedPeer& peer) {
  const auto text = [](std::string_view word) { return std::string(1, '\xd9') + static_cast<char>(word.size()) + std::string(word); };
  const bool publishes = random_.chance(0.6);
  const std::string payload = "\x83" + text("type") + text(publishes ? "PUBLISH" : "SET") + text("address") + text(some_address()) + text("value") +
                              static_cast<char>(random_.below(128));
  ByteBuffer frame;
  frame.append(as_bytes(std::string_view("\x53\x40", 2)));
  const std::string length{static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size())};
  frame.append(as_bytes(length));
  frame.append(as_bytes(payload));
  post(peer, std::move(frame));
}

void RandomClients::ask(SimulatedPeer& peer) {
  const std::string pattern = some_pattern();
  switch (random_.below(5)) {
    case 0: return post(peer, Message{Query{pattern}}, any_qos());
    case 1: return post(peer, Message{Query{"**"}}, any_qos());
    case 2: return post(peer, Message{Ping{}}, any_qos());
    case 3: return post(peer, Message{Sync{.t1 = random_.next() >> 1}}, any_qos());
    default: return post(peer, Message{Replay{.pattern = pattern}}, any_qos());
  }
}

// Messages that only routers send, and those nobody here understands.
void RandomClients::nonsense(SimulatedPeer& peer) {
  switch (random_.below(7)) {
    case 0: return post(peer, Message{Welcome{.version = 1, .session = "x", .name = "y"}}, any_qos());
    case 1: return post(peer, Message{Snapshot{}}, any_qos());
    case 2: return post(peer, Message{Ack{}}, any_qos());
    case 3: return post(peer, Message{ErrorReply{.code = 500, .message = "no"}}, any_qos());
    case 4: return post(peer, Message{QueryResult{}}, any_qos());
    case 5: return post(peer, Message{Pong{}}, any_qos());
    default: return post(peer, Message{FederationSync{}}, any_qos());
  }
}

// Cut or without the magic byte, so it can never be taken for a message.
void RandomClients::garbage(SimulatedPeer& peer) {
  ByteBuffer frame;
  const EncodedValue value(some_value());
  CLASP_CHECK(append_frame(frame, Message{Set{.address = some_address(), .value = value.view()}}, Qos::confirm));
  ByteBuffer bytes;
  if (random_.chance(0.5)) {
    bytes.append(frame.view().first(random_.below(frame.size())));
  } else {
    std::vector<std::byte> noise(1 + random_.below(60));
    for (std::byte& byte : noise) byte = static_cast<std::byte>(random_.next());
    noise.front() = std::byte{0};
    bytes.append(noise);
  }
  if (!peer.said_hello)
    world_.say(peer, bytes.view());
  else
    post(peer, std::move(bytes));
}

}  // namespace clasp::simulation
