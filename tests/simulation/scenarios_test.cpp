// The scenarios people ask about by name. Each runs the real router beside the model, so every frame of every client is compared; the expectations
// below say in addition what the scenario is about.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "world.hpp"

namespace clasp::simulation {
namespace {

using namespace std::chrono_literals;

class NamedScenario : public ::testing::Test {
 protected:
  SimulatedWorld& start(const Scenario& scenario = {}) {
    world_ = std::make_unique<SimulatedWorld>(scenario, random_);
    return *world_;
  }
  SimulatedWorld& world() { return *world_; }
  SimulatedPeer& joined(Pace pace = {}) {
    SimulatedPeer& peer = world_->add(pace);
    world_->join(peer);
    return peer;
  }
  SimulatedPeer& reader(std::string_view pattern, Pace pace = {}) {
    SimulatedPeer& peer = joined(pace);
    subscribe(peer, 1, pattern);
    return peer;
  }
  void subscribe(SimulatedPeer& peer, std::uint32_t id, std::string_view pattern, SubscribeOptions options = {}) {
    Subscribe message{.id = id, .pattern = pattern};
    if (!options.empty()) message.options = options;
    world_->say(peer, Message{message});
  }
  void set(SimulatedPeer& peer, const std::string& address, const clasp::Value& value, Set flags = {}) {
    const EncodedValue encoded(value);
    flags.address = address;
    flags.value = encoded.view();
    world_->say(peer, Message{flags});
  }
  void emit(SimulatedPeer& peer, const std::string& address, std::int64_t value) {
    const EncodedValue encoded{clasp::Value(value)};
    world_->say(peer, Message{Publish{.address = address, .signal = SignalType::event, .value = encoded.view()}}, Qos::confirm);
  }
  void bundle(SimulatedPeer& peer, const std::string& address, std::int64_t value, UnixTime when) {
    const EncodedValue encoded{clasp::Value(value)};
    Bundle message{.timestamp = when};
    message.messages.push_back(Message{Set{.address = address, .value = encoded.view()}});
    world_->say(peer, Message{std::move(message)});
  }
  std::optional<std::int64_t> integer_at(const std::string& address) {
    const auto param = world_->router().find(address);
    return param ? param->value.as_integer() : std::nullopt;
  }
  std::uint64_t revision_of(const std::string& address) {
    const auto param = world_->router().find(address);
    return param ? param->revision : 0;
  }
  void expect_as_foretold() {
    if (!world_->failed()) world_->heal();
    EXPECT_FALSE(world_->failed()) << world_->failure().value_or("");
  }
  std::vector<std::size_t> shuffled(std::vector<std::size_t> numbers) {
    for (std::size_t i = numbers.size(); i > 1; --i) std::swap(numbers[i - 1], numbers[random_.below(i)]);
    return numbers;
  }

  SeededRandom random_{20};
  std::unique_ptr<SimulatedWorld> world_;
};

// Links stop one by one, and come back one by one in another order, while everybody else goes on.
TEST_F(NamedScenario, SwizzleClog) {
  Scenario scenario;
  scenario.config.window_bytes = 2'000;  // so that a clog is felt soon
  scenario.config.window_bytes_congested = 1'000;
  start(scenario);
  constexpr std::size_t clients = 40;
  for (std::size_t i = 0; i < clients; ++i) reader("/**");
  const auto traffic = [&](std::size_t rounds) {
    for (std::size_t i = 0; i < rounds; ++i) {
      SimulatedPeer& writer = world().peer(random_.below(clients));
      set(writer, fmt::format("/fader/{}", random_.below(20)), clasp::Value(static_cast<std::int64_t>(random_.below(1'000))));
      if (i % 4 == 0) emit(writer, "/cue", static_cast<std::int64_t>(i));
      world().pass(Micros{static_cast<std::int64_t>(random_.below(4'000))});
      world().turn();
    }
  };
  for (int round = 0; round < (sanitized ? 1 : 3) && !world().failed(); ++round) {
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < clients; ++i) {
      if (random_.chance(0.4)) chosen.push_back(i);
    }
    for (const std::size_t number : shuffled(chosen)) {
      world().peer(number).pace = random_.chance(0.5) ? Pace{Pace::Kind::dead} : Pace{Pace::Kind::trickles, 1};
      traffic(60);
    }
    for (const std::size_t number : shuffled(chosen)) {
      SimulatedPeer& peer = world().peer(number);
      peer.pace = {};
      world().drain(peer, peer.unsent);
      traffic(20);
    }
    world().compare_views(true);
  }
  EXPECT_GT(world().totals().conflated, 0U) << "no link was slow long enough";
  expect_as_foretold();
  EXPECT_EQ(world().totals().closed_by_router, 0U) << "clogs were short";
}

// Everybody loses the link at once and is back within a tenth of a second, some while the router still believes in the old connection.
TEST_F(NamedScenario, ReconnectStorm) {
  Scenario scenario;
  scenario.config.session_timeout = 20s;
  start(scenario);
  constexpr std::size_t clients = sanitized ? 60 : 300;
  for (std::size_t i = 0; i < clients; ++i) reader("/**");
  for (std::size_t i = 0; i < clients; ++i) set(world().peer(i), fmt::format("/own/{}", i), clasp::Value(1), {.lock = i % 3 == 0});
  std::vector<std::string> sessions_before;
  for (std::size_t i = 0; i < clients; ++i) sessions_before.push_back(world().model().session_id(i));

  std::size_t half_open = 0;
  for (std::size_t i = 0; i < clients; ++i) {
    SimulatedPeer& peer = world().peer(i);
    if (i % 6 == 0) {
      peer.pace = {Pace::Kind::dead};  // the cable is out, the router has not noticed
      ++half_open;
    } else {
      world().lose(peer);
    }
  }
  std::vector<std::size_t> back;
  for (std::size_t i = 0; i < clients; ++i) {
    world().pass(Micros{static_cast<std::int64_t>(random_.below(600))});
    SimulatedPeer& peer = reader("/**");
    back.push_back(peer.number);
    set(peer, fmt::format("/own/{}", i), clasp::Value(2));  // another's lock is free only if its session has ended
    if (i % 10 == 0) world().turn();
    EXPECT_EQ(std::ranges::count(sessions_before, world().model().session_id(peer.number)), 0) << "a session id came back";
  }
  EXPECT_EQ(world().router().gauges().sessions, clients + half_open);
  for (std::size_t i = 0; i < clients; ++i) {
    const bool still_locked = i % 3 == 0 && i % 6 == 0;  // its holder's session is one of the half-open ones
    EXPECT_EQ(integer_at(fmt::format("/own/{}", i)), still_locked ? 1 : 2) << i;
  }
  for (int second = 0; second < 25; ++second) {
    world().pass(1s);
    for (const std::size_t number : back) world().say(world().peer(number), Message{Ping{}});
    world().turn();
  }
  EXPECT_EQ(world().router().gauges().sessions, clients) << "the half-open ones are gone";
  set(world().peer(back.front()), "/own/0", clasp::Value(3));
  EXPECT_EQ(integer_at("/own/0"), 3) << "and so are their locks";
  expect_as_foretold();
}

// It takes nothing, ever. The others notice nothing, and it does not last.
TEST_F(NamedScenario, OneDeadReaderAmongAThousand) {
  Scenario scenario;
  scenario.config.stall_max = 30s;
  start(scenario);
  constexpr std::size_t readers = sanitized ? 300 : 1'000;
  constexpr std::int64_t rounds = 120;  // more than a link that takes nothing is given
  for (std::size_t i = 0; i < readers; ++i) reader("/**");
  SimulatedPeer& dead = reader("/**", {Pace::Kind::dead});
  SimulatedPeer& writer = joined();
  const std::string wide(2'000, 'w');
  const std::uint64_t before = world().totals().frames_out;
  for (std::int64_t i = 0; i < rounds; ++i) {
    set(writer, fmt::format("/p/{}", i % 50), clasp::Value(wide + std::to_string(i)));
    if (i % 10 == 0) emit(writer, "/cue", i);
    world().pass(25ms);
    world().turn();
    EXPECT_LT(world().router().gauges().outbox_bytes, 1'048'576U) << "the dead one costs memory without end";
  }
  const auto heard = static_cast<std::uint64_t>(rounds + (rounds + 9) / 10);
  EXPECT_GE(world().totals().frames_out - before, heard * readers) << "everybody else heard everything";
  EXPECT_TRUE(dead.open);
  world().compare_views(false);
  for (int second = 0; second < 40 && dead.open; ++second) {
    emit(writer, "/cue", 1'000 + second);
    world().pass(1s);
    world().turn();
  }
  EXPECT_FALSE(dead.open) << "it was to be closed after 30 s without progress";
  EXPECT_EQ(world().totals().closed_by_router, 1U);
  expect_as_foretold();
}

// The Unix clock of the machine goes back an hour, as after a wrong time server; the steady clock does not.
TEST_F(NamedScenario, ClockStepsBackAnHour) {
  start();
  SimulatedPeer& watcher = reader("/**");
  SimulatedPeer& writer = joined();
  set(writer, "/mortal", clasp::Value(1), {.ttl = Ttl{Ttl::Mode::absolute, 10}});
  set(writer, "/read", clasp::Value(1), {.ttl = Ttl{Ttl::Mode::sliding, 10}});
  set(writer, "/level", clasp::Value(1));
  bundle(writer, "/cued/before", 1, UnixTime{world().now().unix_time.us + 8'000'000});
  world().pass(5s);
  const std::uint64_t unix_before = world().now().unix_time.us;
  world().set_unix_clock_back(1h);

  set(writer, "/level", clasp::Value(2));
  EXPECT_EQ(integer_at("/level"), 2) << "a write is refused by no clock";
  EXPECT_EQ(revision_of("/level"), 2U);
  EXPECT_LT(world().router().find("/level")->time.us, unix_before) << "its time is what the clock says now";
  world().say(writer, Message{Get{"/read"}});
  bundle(writer, "/cued/after", 1, UnixTime{world().now().unix_time.us + 1'000'000});
  world().pass(999ms);
  EXPECT_FALSE(integer_at("/cued/after"));
  world().pass(2ms);
  EXPECT_EQ(integer_at("/cued/after"), 1) << "a bundle's time is by the clock at its receipt";
  world().pass(1'990ms);
  EXPECT_FALSE(integer_at("/cued/before"));
  world().pass(20ms);
  EXPECT_EQ(integer_at("/cued/before"), 1) << "neither early nor an hour late";
  world().pass(1'970ms);
  EXPECT_EQ(integer_at("/mortal"), 1) << "not before its 10 s";
  world().pass(30ms);
  EXPECT_FALSE(integer_at("/mortal")) << "nor an hour late";
  EXPECT_EQ(integer_at("/read"), 1) << "read at 5 s, so it lives to 15 s";
  world().pass(5s);
  EXPECT_FALSE(integer_at("/read"));
  set(writer, "/mortal", clasp::Value(2));
  EXPECT_EQ(revision_of("/mortal"), 3U) << "revisions never fall";
  world().pass(3'600s);
  for (std::int64_t i = 0; i < 5; ++i) set(writer, "/level", clasp::Value(i));
  EXPECT_EQ(integer_at("/level"), 2) << "both clients were silent for an hour and are gone";
  EXPECT_FALSE(watcher.open);
  SimulatedPeer& late = reader("/**");
  set(late, "/level", clasp::Value(7));
  EXPECT_EQ(revision_of("/level"), 3U);
  expect_as_foretold();
}

TEST_F(NamedScenario, EveryLimitHitAtOnce) {
  Scenario scenario;
  Config& config = scenario.config;
  config.sessions_max = 4;
  config.handshake_timeout = 500ms;
  config.subscriptions_per_session_max = 2;
  config.messages_per_second_max = 60;
  config.params_max = 3;
  config.signals_max = 1;
  config.address_bytes_max = 64;
  config.gestures_max = 1;
  config.bundles_per_session_max = 1;
  config.bundle_horizon = 60s;
  config.option_slots_max = 1;
  config.history_max = 2;
  config.replies_bytes_max = 4'000;
  config.window_bytes = 2'000;
  config.window_bytes_congested = 1'000;
  config.undroppable_bytes_max = 60'000;
  start(scenario);
  const Stats& stats = world().router().stats();

  SimulatedPeer& one = reader("/**");
  SimulatedPeer& two = joined();
  SimulatedPeer& greedy = joined({Pace::Kind::dead});
  SimulatedPeer& four = joined();
  SimulatedPeer& fifth = joined();
  EXPECT_FALSE(fifth.open) << "sessions";
  SimulatedPeer& silent = world().add();
  world().connect(silent);

  subscribe(one, 2, "/**", {.max_rate = 1});
  subscribe(one, 3, "/c");
  EXPECT_EQ(stats.subscriptions_refused, 1U);
  subscribe(one, 1, "/events/**", {.history = 100});  // replaces: at the limit that is allowed
  EXPECT_EQ(stats.subscriptions_refused, 1U);
  for (const char* address : {"/a", "/b", "/c", "/d"}) set(two, address, clasp::Value(1));
  EXPECT_EQ(stats.params_refused, 1U);
  set(two, "/a", clasp::Value(2));
  EXPECT_EQ(revision_of("/a"), 2U) << "what exists can still be written";
  EXPECT_GT(world().router().stats().option_slots_exhausted, 0U);

  const std::string longest(64 - 1, 'x');
  emit(two, "/" + longest, 1);
  emit(two, "/x" + longest, 2);  // ERROR 400
  constexpr std::size_t around = 63;
  set(two, "/a", clasp::Value(std::string(wire::payload_bytes_max - around - 2, 'L')));
  EXPECT_EQ(revision_of("/a"), 3U) << "the largest value that fits";
  set(two, "/a", clasp::Value(std::string(wire::payload_bytes_max - around - 1, 'L')));
  EXPECT_EQ(revision_of("/a"), 3U) << "one byte more does not";

  const UnixTime soon{world().now().unix_time.us + 1'000'000};
  bundle(four, "/b", 5, soon);
  bundle(four, "/b", 6, soon);
  bundle(four, "/b", 7, UnixTime{soon.us + 100'000'000});
  EXPECT_EQ(stats.bundles_refused, 2U);
  world().say(four, Message{Announce{.ns = "n", .signals = {{.address = "/s/1"}, {.address = "/s/2"}}}});
  EXPECT_EQ(stats.signals_refused, 1U);
  const EncodedValue point(clasp::Value(0.5));
  for (std::uint32_t id = 1; id <= 3; ++id)
    world().say(four,
                Message{Publish{.address = "/g", .signal = SignalType::gesture, .phase = GesturePhase::start, .value = point.view(), .id = id}});
  EXPECT_EQ(world().router().stats().gestures_untracked, 2U);

  for (int i = 0; i < 70; ++i) emit(four, "/events/x", i);
  EXPECT_GT(stats.rate_limited, 0U);
  EXPECT_TRUE(four.open) << "too fast is no reason to close";
  for (int i = 0; i < 50 && greedy.reading; ++i) world().say(greedy, Message{Get{"/a"}});
  EXPECT_FALSE(greedy.reading) << "who does not read answers is not read";
  world().pass(2s);
  EXPECT_EQ(integer_at("/b"), 5);
  EXPECT_FALSE(silent.open) << "no HELLO";
  EXPECT_EQ(stats.handshakes_timed_out, 1U);
  world().turn();
  expect_as_foretold();
}

TEST_F(NamedScenario, TwoWritersAndALock) {
  start();
  SimulatedPeer& watcher = reader("/desk/**");
  SimulatedPeer* first = &joined();
  SimulatedPeer* second = &joined();
  for (std::int64_t round = 0; round < 100 && !world().failed(); ++round) {
    const std::string address = fmt::format("/desk/{}", round % 3);
    if (random_.chance(0.5)) std::swap(first, second);
    set(*first, address, clasp::Value(round * 10), {.lock = true});
    const std::uint64_t locked_at = revision_of(address);
    set(*second, address, clasp::Value(round * 10 + 1));
    set(*second, address, clasp::Value(round * 10 + 2), {.lock = true});
    set(*second, address, clasp::Value(round * 10 + 3), {.unlock = true});
    EXPECT_EQ(revision_of(address), locked_at) << "nobody but the holder writes, locks or unlocks";
    set(*first, address, clasp::Value(round * 10 + 4));
    EXPECT_EQ(integer_at(address), round * 10 + 4) << "the holder does";
    if (round % 4 == 3) {  // it never unlocks: its link breaks
      world().lose(*first);
      first = &joined();
    } else {
      set(*first, address, clasp::Value(round * 10 + 5), {.unlock = true});
    }
    set(*second, address, clasp::Value(round * 10 + 6));
    EXPECT_EQ(integer_at(address), round * 10 + 6) << "a free param is anybody's, round " << round;
    const ClientView::Known* seen = watcher.view.find(address);
    ASSERT_NE(seen, nullptr);
    EXPECT_EQ(seen->revision, revision_of(address));
    world().pass(Micros{static_cast<std::int64_t>(random_.below(20'000))});
    world().turn();
  }
  expect_as_foretold();
}

}  // namespace
}  // namespace clasp::simulation
