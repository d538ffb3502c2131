// What simulated peers send, chosen by the run's random generator, and what each frame must lead to.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/check.hpp"
#include "world.hpp"

namespace clasp::simulation {

namespace {

constexpr std::array patterns{"/**",        "/max/**",     "/min/*", "/locked/**", "/merge/*", "/scene/**",
                              "/scene/1/*", "/scene/*/p1", "/**/p0", "/*",         "/sc*/**",  "/*/p2"};

bool may_lose(std::string_view address) { return address.starts_with("/max") || address.starts_with("/min") || address.starts_with("/locked"); }

}  // namespace

// A random part decides by strategy, the counter makes it unique.
std::int64_t SimulatedWorld::fresh_token() { return static_cast<std::int64_t>(random_.below(1'000)) * 1'000'000 + ++token_; }

Value SimulatedWorld::value(std::int64_t token) {
  if (random_.chance(0.5)) return Value(token);
  Array items{Value(token)};
  items.emplace_back(std::string(random_.below(scenario_.padding_bytes_max), 'x'));
  return Value(std::move(items));
}

const std::string& SimulatedWorld::some_address() { return addresses_[random_.below(addresses_.size())]; }

void SimulatedWorld::send(SimulatedPeer& peer, const Message& message, Qos qos) {
  ByteBuffer frame;
  CLASP_CHECK(append_frame(frame, message, qos));
  router_->receive(peer.link, frame.view(), now());
}

void SimulatedWorld::hello(SimulatedPeer& peer) {
  send(peer, Message{Hello{.version = 1, .features = feature::all_signals, .name = "peer"}}, Qos::fire);
  if (peer.session == nullptr) return fail(nullptr, "HELLO got no WELCOME");
  for (auto count = 1 + random_.below(3); count > 0 && peer.session; --count) subscribe(peer);
}

void SimulatedWorld::act(SimulatedPeer& peer) {
  const std::uint64_t dice = random_.below(1'000);
  if (dice < 400) return peer.schedules ? bundle(peer) : set(peer);
  if (dice < 550) return publish(peer, SignalType::event);
  if (dice < 630) return publish(peer, SignalType::stream);
  if (dice < 760) return gesture(peer);
  if (dice < 830) return bundle(peer);
  if (dice < 880) return subscribe(peer);
  if (dice < 910) return unsubscribe(peer);
  if (dice < 955) return get(peer);
  if (dice < 975) return send(peer, Message{Ping{}}, Qos::fire);
  if (dice < 995) return garbage(peer);
  // A second one: the old session ends at once. Only while the link has room, so that WELCOME shows at once which session is served.
  if (peer.unsent < router_->config().window_bytes) return hello(peer);
}

void SimulatedWorld::set(SimulatedPeer& peer) {
  const std::string& address = some_address();
  const std::int64_t token = fresh_token();
  const EncodedValue encoded(value(token));
  Set set{.address = address, .value = encoded.view()};
  if (random_.chance(0.15)) {
    const auto param = router_->find(address);
    set.revision = param && random_.chance(0.6) ? param->revision : random_.below(4);
  }
  set.lock = random_.chance(0.05);
  set.unlock = !set.lock && random_.chance(0.07);
  if (random_.chance(0.2)) {
    constexpr std::array modes{Ttl::Mode::never, Ttl::Mode::sliding, Ttl::Mode::absolute};
    set.ttl = Ttl{modes[random_.below(modes.size())], 0};
    if (set.ttl->mode != Ttl::Mode::never) set.ttl->seconds = static_cast<std::uint32_t>(1 + random_.below(2));
  }
  const auto qos = static_cast<Qos>(random_.below(3));
  send(peer, Message{set}, qos);
  if (!peer.session) return;  // closed meanwhile
  const Record* record = ledger_.find_token(token);
  if (record == nullptr) return peer.session->owe({OwedAnswer::Kind::error, address, 0});
  if (qos != Qos::fire) peer.session->owe({OwedAnswer::Kind::ack, address, record->revision});
}

void SimulatedWorld::publish(SimulatedPeer& peer, SignalType signal) {
  const std::int64_t token = fresh_token();
  const EncodedValue encoded(value(token));
  send(peer, Message{Publish{.address = some_address(), .signal = signal, .value = encoded.view()}}, default_qos(signal));
  if (ledger_.find_token(token) == nullptr) fail(peer.session.get(), fmt::format("rule 8: message {} was not committed", token));
}

void SimulatedWorld::gesture(SimulatedPeer& peer) {
  constexpr std::array phases{GesturePhase::start, GesturePhase::move, GesturePhase::move,
                              GesturePhase::move,  GesturePhase::end,  GesturePhase::cancel};
  const std::string& address = addresses_[random_.below(3)];  // few, so that gestures meet
  const auto id = static_cast<std::uint32_t>(random_.below(2));
  for (auto count = 1 + random_.below(4); count > 0 && peer.can_send(); --count) {
    const GesturePhase phase = phases[random_.below(phases.size())];
    const std::int64_t token = fresh_token();
    const EncodedValue encoded(value(token));
    send(peer, Message{Publish{.address = address, .signal = SignalType::gesture, .phase = phase, .value = encoded.view(), .id = id}}, Qos::fire);
    if (phase != GesturePhase::move && ledger_.find_token(token) == nullptr)
      fail(peer.session.get(), fmt::format("rule 8: gesture {} {} was not committed", phase_name(phase), token));
  }
}

void SimulatedWorld::bundle(SimulatedPeer& peer) {
  ScheduledBundle expected;
  std::deque<EncodedValue> values;
  Bundle bundle;
  std::vector<std::int64_t> sets;
  for (auto count = 1 + random_.below(4); count > 0; --count) {
    const std::string& address = some_address();
    const std::int64_t token = fresh_token();
    const EncodedValue& encoded = values.emplace_back(value(token));
    if (random_.chance(0.25)) {
      bundle.messages.push_back(Message{Publish{.address = address, .signal = SignalType::event, .value = encoded.view()}});
      expected.must.push_back(token);
      continue;
    }
    Set set{.address = address, .value = encoded.view()};
    if (random_.chance(0.1)) set.revision = random_.below(6);
    set.lock = random_.chance(0.05);
    bundle.messages.push_back(Message{set});
    (may_lose(address) ? expected.may : expected.must).push_back(token);
    sets.push_back(token);
  }
  if (random_.chance(0.2)) {
    Bundle outer;
    outer.messages.push_back(Message{std::move(bundle)});
    bundle = std::move(outer);
  }
  if (peer.schedules) bundle.timestamp = UnixTime{unix_.us + 1 + random_.below(300'000)};
  send(peer, Message{std::move(bundle)}, random_.chance(0.5) ? Qos::confirm : Qos::commit);
  if (peer.schedules) {
    if (peer.session) peer.session->owe_scheduled_answer();
    scheduled_.push_back(std::move(expected));
    return;
  }
  if (const auto fault = check_bundle(expected.must, expected.may)) fail(peer.session.get(), *fault);
  if (!peer.session) return;
  OwedAnswer owed{OwedAnswer::Kind::either, {}, 0};
  for (const std::int64_t token : sets) {
    if (const Record* record = ledger_.find_token(token)) owed = {OwedAnswer::Kind::ack, {}, record->revision};
  }
  peer.session->owe(std::move(owed));
}

// Rule 22: all or nothing; only members that lose by their strategy may be missing.
std::optional<std::string> SimulatedWorld::check_bundle(const std::vector<std::int64_t>& must, const std::vector<std::int64_t>& may) const {
  std::optional<std::uint64_t> bundle;
  std::size_t done = 0;
  bool together = true;
  const auto count = [&](std::int64_t token) {
    const Record* record = ledger_.find_token(token);
    if (record == nullptr) return false;
    if (bundle && *bundle != record->bundle) together = false;
    bundle = record->bundle;
    return true;
  };
  for (const std::int64_t token : must) done += count(token) ? 1 : 0;
  const bool any = std::ranges::count_if(may, count) > 0 || done > 0;
  if (!together || (any && done != must.size())) return fmt::format("rule 22: {} of {} members of a bundle were executed", done, must.size());
  return std::nullopt;
}

void SimulatedWorld::subscribe(SimulatedPeer& peer) {
  const std::string pattern(random_.chance(0.3) ? some_address() : patterns[random_.below(patterns.size())]);
  Subscribe subscribe{.id = static_cast<std::uint32_t>(1 + random_.below(6)), .pattern = pattern};  // sometimes an id that is in use: replaced
  if (random_.chance(0.3)) subscribe.types = TypeMask{static_cast<std::uint8_t>(1 + random_.below(31))};
  SubscribeOptions options;
  const bool thinning = random_.chance(scenario_.thinning);
  if (thinning && random_.chance(0.6))
    options.max_rate = static_cast<std::uint32_t>(1 + random_.below(100));
  else if (thinning)
    options.epsilon = static_cast<double>(random_.below(200)) * 1e6;
  if (random_.chance(0.15)) options.history = static_cast<std::uint32_t>(random_.below(10));
  if (!options.empty()) subscribe.options = options;
  send(peer, Message{subscribe}, Qos::confirm);
  if (peer.session) peer.session->subscribe(subscribe.id, {*Pattern::parse(pattern), subscribe.types, thinning, router_->last_seq()});
}

void SimulatedWorld::unsubscribe(SimulatedPeer& peer) {
  const auto id = static_cast<std::uint32_t>(1 + random_.below(6));
  send(peer, Message{Unsubscribe{id}}, Qos::confirm);
  if (peer.session) peer.session->unsubscribe(id);
}

void SimulatedWorld::get(SimulatedPeer& peer) { send(peer, Message{Get{some_address()}}, static_cast<Qos>(random_.below(3))); }

// Cut or without the magic byte, so it can never be taken for a message.
void SimulatedWorld::garbage(SimulatedPeer& peer) {
  ByteBuffer frame;
  const EncodedValue encoded(value(fresh_token()));
  CLASP_CHECK(append_frame(frame, Message{Set{.address = some_address(), .value = encoded.view()}}, Qos::confirm));
  if (random_.chance(0.5)) return router_->receive(peer.link, frame.view().first(random_.below(frame.size())), now());
  std::vector<std::byte> noise(1 + random_.below(60));
  for (std::byte& byte : noise) byte = static_cast<std::byte>(random_.next());
  noise.front() = std::byte{0};
  router_->receive(peer.link, noise, now());
}

}  // namespace clasp::simulation
