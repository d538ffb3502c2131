#include "random_clients.hpp"

#include <fmt/format.h>

#include <array>

#include "core/check.hpp"

namespace clasp::simulation {

namespace {

std::vector<std::string> make_addresses(std::size_t count) {
  constexpr std::array prefixes{"/max", "/min", "/locked", "/merge", "/scene/1", "/scene/2", "/scene/1/deep/er", ""};
  std::vector<std::string> addresses;
  for (std::size_t i = 0; i < count; ++i) addresses.push_back(fmt::format("{}/p{}", prefixes[i % prefixes.size()], i / prefixes.size()));
  return addresses;
}

}  // namespace

RandomClients::RandomClients(const Scenario& scenario)
    : scenario_(scenario), random_(scenario.seed), addresses_(make_addresses(scenario.addresses)), world_(scenario, random_) {
  constexpr std::array<std::uint64_t, 4> rates{1, 50, 2'000, 100'000};
  for (std::size_t i = 0; i < scenario_.peers; ++i) {
    Pace pace;
    if (random_.chance(scenario_.slow_links))
      pace = {Pace::Kind::trickles, rates[random_.below(rates.size())]};
    else if (random_.chance(scenario_.stalling_links))
      pace.kind = Pace::Kind::stalls;
    SimulatedPeer& peer = world_.add(pace);
    peer.must_answer_pings = random_.chance(0.5);
    peer.answers_pings = random_.chance(0.8);
  }
}

std::optional<std::string> RandomClients::run() {
  for (std::uint64_t i = 0; i < scenario_.steps && !world_.failed(); ++i) {
    world_.note_step(i);
    step();
  }
  if (!world_.failed()) world_.heal();
  return world_.failure();
}

void RandomClients::step() {
  constexpr std::uint64_t ms = 1'000;
  const std::uint64_t dice = random_.below(100);
  const std::uint64_t longest = dice < 2 ? 20'000 * ms : dice < 10 ? 200 * ms : 2'500;
  world_.pass(Micros{static_cast<std::int64_t>(random_.below(longest))});
  for (auto actions = 1 + random_.below(6); actions > 0; --actions) {
    SimulatedPeer& peer = world_.peer(random_.below(world_.peers()));
    if (peer.open && peer.said_hello) act(peer);
  }
  arrive();
  let_links_stall();
  come_and_go();
  world_.turn();
  if (random_.chance(0.1)) {
    for (int i = 0; i < 3; ++i) world_.turn();
    world_.compare_state();
    world_.compare_views(false);
  }
}

// Each link keeps its order; between links anything can overtake.
void RandomClients::arrive() {
  for (bool again = true; again && !world_.failed();) {
    again = false;
    for (std::size_t i = 0; i < world_.peers(); ++i) {
      SimulatedPeer& peer = world_.peer(i);
      if (peer.underway.empty() || !peer.can_send() || peer.underway.front().arrives > world_.now().steady) continue;
      if (peer.underway.front().waits_for_snapshot && world_.model().snapshot_open(i)) continue;
      const auto frame = std::move(peer.underway.front().frame);
      peer.underway.pop_front();
      world_.say(peer, frame);
      again = true;
    }
  }
}

void RandomClients::let_links_stall() {
  for (std::size_t i = 0; i < world_.peers(); ++i) {
    SimulatedPeer& peer = world_.peer(i);
    if (peer.pace.kind != Pace::Kind::stalls || !peer.open) continue;
    if (peer.stalled_until > world_.now().steady) continue;
    constexpr std::uint64_t short_us = 5'000'000;
    constexpr std::uint64_t long_us = 60'000'000;
    if (random_.chance(0.02)) {
      const std::uint64_t stall = random_.below(random_.chance(0.2) ? long_us : short_us);
      peer.stalled_until = world_.now().steady + Micros{static_cast<std::int64_t>(stall)};
    }
    world_.drain(peer, peer.unsent);
  }
}

// Links break, are left half open without a word, come back; HELLO comes late or never.
void RandomClients::come_and_go() {
  for (std::size_t i = 0; i < world_.peers() && !world_.failed(); ++i) {
    SimulatedPeer& peer = world_.peer(i);
    const SteadyTime now = world_.now().steady;
    if (peer.open && random_.chance(scenario_.drop_probability)) {
      world_.lose(peer);
      peer.reconnect_at = now + Micros{static_cast<std::int64_t>(random_.below(peer.is_away ? 3'000'000 : 50'000))};
    }
    if (peer.open && scenario_.resuming > 0 && random_.chance(0.05)) world_.mark(peer);
    if (peer.open && peer.pinged && peer.answers_pings) world_.answer_ping(peer);
    if (peer.is_away) {
      if (peer.reconnect_at <= now) world_.come_back(peer);
      continue;
    }
    if (!peer.open && peer.reconnect_at <= now) {
      world_.connect(peer);
      peer.hello_at = now + Micros{static_cast<std::int64_t>(random_.chance(0.1) ? random_.below(600'000) : random_.below(3'000))};
    }
    if (!peer.open || peer.said_hello || peer.hello_at > now) continue;
    if (random_.chance(0.03)) return garbage(peer);  // instead of HELLO
    world_.greet(peer, scenario_.resuming > 0 && random_.chance(scenario_.resuming));
    if (peer.resumable) world_.drain(peer, peer.unsent);  // a WELCOME that never arrives leaves a session nobody can claim
    for (auto count = 1 + random_.below(3); count > 0 && peer.open; --count) subscribe(peer);
  }
}

void RandomClients::post(SimulatedPeer& peer, const Message& message, Qos qos) {
  ByteBuffer frame;
  CLASP_CHECK(append_frame(frame, message, qos));
  const bool asks = std::holds_alternative<Subscribe>(message.body) || std::holds_alternative<Get>(message.body);
  post(peer, std::move(frame), asks && (scenario_.reads_renew || scenario_.thinning > 0));
}

void RandomClients::post(SimulatedPeer& peer, ByteBuffer frame, bool waits_for_snapshot) {
  const SteadyTime last = peer.underway.empty() ? SteadyTime{} : peer.underway.back().arrives;
  const SteadyTime arrives = world_.now().steady + Micros{static_cast<std::int64_t>(random_.below(random_.chance(0.1) ? 50'000 : 2'000))};
  const Bytes bytes = frame.view();
  peer.underway.push_back({.frame = {bytes.begin(), bytes.end()}, .arrives = std::max(last, arrives), .waits_for_snapshot = waits_for_snapshot});
}

}  // namespace clasp::simulation
