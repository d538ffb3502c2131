// Delivery contract, rules 13–18: slow links.
#include <algorithm>

#include "router/router_fixture.hpp"

namespace clasp::router {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class ContractSlow : public RouterTest {
 protected:
  // Makes a stalled peer congested: fills its window and more than the permitted backlog.
  void congest(Peer& writer, Peer& slow, std::string_view address = "/fill") {
    slow.stall();
    const std::string filler(4000, 'f');
    for (int i = 0; i < 400; ++i) writer.set(address, filler, Qos::fire);
    ASSERT_EQ(router().gauges().sessions_congested, 1u);
  }
};

TEST_F(ContractSlow, NothingIsConflatedBelowTheStatedBacklog) {
  Peer& writer = connect("writer");
  Peer& watcher = connect("watcher");
  watcher.subscribe("/x");
  watcher.stall();
  for (int i = 1; i <= 2000; ++i) writer.set("/x", std::string(400, 'x'), Qos::fire);  // about 850 kB
  EXPECT_EQ(router().gauges().sessions_congested, 0u);
  watcher.resume();
  EXPECT_THAT(watcher.received(), SizeIs(2000));
}

TEST_F(ContractSlow, ABacklogOlderThanAHundredMillisecondsIsConflated) {
  Peer& writer = connect("writer");
  Peer& watcher = connect("watcher");
  watcher.subscribe("/x");
  watcher.stall();
  for (int i = 1; i <= 400; ++i) writer.set("/x", std::string(400, 'x'), Qos::fire);
  advance(101ms);
  writer.set("/x", "last", Qos::fire);
  EXPECT_EQ(router().gauges().sessions_congested, 1u);
  watcher.resume();
  const auto lines = watcher.received();
  EXPECT_LT(lines.size(), 400u);
  EXPECT_EQ(lines[lines.size() - 2], "SET /x \"last\" rev=401") << "the newest at the place of the first; the notice follows";
}

TEST_F(ContractSlow, Rule13AParamWaitsOnceKeepsItsPlaceAndShowsTheNewest) {
  Peer& writer = connect("writer");
  Peer& slow = connect("slow");
  slow.subscribe("/**");
  congest(writer, slow);
  slow.forget();
  writer.set("/a", 1, Qos::fire);
  writer.publish("/between", 1);
  writer.set("/b", 1, Qos::fire);
  writer.set("/a", 2, Qos::fire);
  slow.resume();
  const auto lines = slow.received();
  std::vector<std::string> tail(lines.end() - 3, lines.end());
  EXPECT_THAT(tail, ElementsAre("SET /a 2 rev=2", "PUBLISH event /between 1", "SET /b 1 rev=1"));
  EXPECT_GT(router().stats().params_conflated, 0u);
}

// A waiting param belongs to an entry whose id another address may get once the param is gone and the session is no longer told.
TEST_F(ContractSlow, Rule7AReplacedSubscriptionLeavesNoMarkThatAnotherAddressInherits) {
  configure({.params_max = 2, .eviction = EvictionPolicy::oldest_first});
  Peer& writer = connect("writer");
  Peer& slow = connect("slow");
  slow.subscribe("/fill");
  slow.subscribe("/old");
  congest(writer, slow);
  writer.set("/old", 1, Qos::fire);
  slow.send(Message{Subscribe{.id = 2, .pattern = "/new"}}, Qos::confirm);  // replaces /old, whose mark waits
  writer.set("/fill", 2, Qos::fire);
  writer.set("/new", 1, Qos::fire);  // evicts, its entry takes over the id
  writer.publish("/fill", "kept");
  writer.set("/new", 2, Qos::fire);
  slow.forget();
  slow.resume();
  const auto lines = slow.received();
  EXPECT_THAT(lines, Not(Contains(HasSubstr("/old"))));
  EXPECT_EQ(std::ranges::count_if(lines, [](const std::string& line) { return line.starts_with("SET /new"); }), 1);
}

TEST_F(ContractSlow, Rule7AnAnswerToGetIsNotFollowedByAnOlderRemoval) {
  configure({.params_max = 2, .eviction = EvictionPolicy::oldest_first});
  Peer& writer = connect("writer");
  Peer& slow = connect("slow");
  slow.subscribe("/fill");
  slow.subscribe("/x");
  writer.set("/x", 1, Qos::fire);
  congest(writer, slow);
  slow.forget();
  slow.get("/x");
  writer.set("/other", 1, Qos::fire);  // evicts /x with revision 2
  writer.set("/x", 3, Qos::fire);      // evicts again, /x goes on at revision 3
  slow.resume();
  std::vector<std::string> of_x;
  for (const std::string& line : slow.received()) {
    if (line.find(" /x") != std::string::npos) of_x.push_back(line);
  }
  ASSERT_FALSE(of_x.empty());
  EXPECT_THAT(of_x.front(), HasSubstr("SNAPSHOT /x=3"));
  EXPECT_THAT(of_x, Not(Contains(HasSubstr("null"))));
}

TEST_F(ContractSlow, Rule14OfAStreamOnlyTheNewestWaits) {
  Peer& writer = connect("writer");
  Peer& slow = connect("slow");
  slow.subscribe("/**");
  congest(writer, slow);
  slow.forget();
  for (int i = 0; i < 10; ++i) writer.publish("/s", i, SignalType::stream);
  writer.publish("/other", 1, SignalType::stream);
  slow.resume();
  const auto lines = slow.received();
  EXPECT_THAT(lines, Contains("PUBLISH stream /s 9"));
  EXPECT_THAT(lines, Contains("PUBLISH stream /other 1"));
  EXPECT_THAT(lines, ::testing::Not(Contains("PUBLISH stream /s 8")));
  EXPECT_EQ(router().stats().streams_dropped, 9u);
}

// Found by the simulation: a gesture move without an id pushed a waiting stream item of the same address out.
TEST_F(ContractSlow, Rule14AMoveDoesNotReplaceAStreamItemOfTheSameAddress) {
  Peer& writer = connect("writer");
  Peer& slow = connect("slow");
  slow.subscribe("/**");
  congest(writer, slow);
  slow.forget();
  writer.publish("/s", "item", SignalType::stream);
  writer.gesture("/s", 0, GesturePhase::move, "move");
  slow.resume();
  const auto lines = slow.received();
  EXPECT_THAT(lines, Contains("PUBLISH stream /s \"item\""));
  EXPECT_THAT(lines, Contains(HasSubstr("\"move\"")));
}

TEST_F(ContractSlow, Rule15EventsAndRepliesAreKeptInOrder) {
  Peer& writer = connect("writer");
  Peer& slow = connect("slow");
  slow.subscribe("/**");
  congest(writer, slow);
  slow.forget();
  for (int i = 0; i < 1000; ++i) writer.publish("/e", i);
  slow.send(Message{Ping{}}, Qos::fire);
  slow.resume();
  std::vector<std::string> kept;
  for (const auto& line : slow.received()) {
    if (line.starts_with("PUBLISH") || line == "PONG") kept.push_back(line);
  }
  ASSERT_THAT(kept, SizeIs(1001));
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(kept[static_cast<std::size_t>(i)], fmt::format("PUBLISH event /e {}", i));
  EXPECT_EQ(kept.back(), "PONG");
}

TEST_F(ContractSlow, Rule15TooManyWaitingEventsCloseTheSessionWithAReason) {
  Peer& writer = connect("writer");
  Peer& slow = connect("slow");
  Peer& other = connect("other");
  slow.subscribe("/**");
  other.subscribe("/**");
  slow.stall();
  const std::string payload(10'000, 'e');
  for (int i = 0; i < 500; ++i) writer.publish("/e", payload);
  EXPECT_TRUE(slow.sink.closed);
  EXPECT_EQ(slow.sink.close_code, CloseCode::try_later);
  EXPECT_THAT(slow.sink.close_text, HasSubstr("too slow"));
  EXPECT_EQ(router().stats().sessions_overflow_closed, 1u);
  EXPECT_THAT(other.received(), SizeIs(500));
  EXPECT_THAT(world().log_lines, Contains(HasSubstr("too slow")));
}

TEST_F(ContractSlow, Rule15ThirtySecondsWithoutProgressCloseTheSession) {
  Peer& writer = connect("writer");
  Peer& slow = connect("slow");
  slow.subscribe("/**");
  slow.stall();
  for (int i = 0; i < 100; ++i) writer.set("/x", std::string(4000, 'x'), Qos::fire);
  advance(25s);
  slow.drain(10);
  advance(25s);
  EXPECT_FALSE(slow.sink.closed) << "it made progress";
  advance(6s);
  EXPECT_TRUE(slow.sink.closed);
  EXPECT_EQ(router().stats().sessions_stalled_closed, 1u);
}

TEST_F(ContractSlow, Rule15TimeInWhichTheRouterItselfStandsStillIsNotTheSessions) {
  Peer& writer = connect("writer");
  Peer& slow = connect("slow");
  slow.subscribe("/**");
  slow.stall();
  for (int i = 0; i < 100; ++i) writer.set("/x", std::string(4000, 'x'), Qos::fire);
  advance(20s);
  world().stand_still(60s);
  EXPECT_FALSE(slow.sink.closed) << "it could not be sent anything";
  advance(8s);
  EXPECT_FALSE(slow.sink.closed);
  advance(5s);
  EXPECT_TRUE(slow.sink.closed) << "what it did before counts";
  EXPECT_EQ(router().stats().sessions_stalled_closed, 1u);
}

TEST_F(ContractSlow, Rule16DroppingIsAnnouncedAtMostEveryTenSeconds) {
  Peer& writer = connect("writer");
  Peer& slow = connect("slow");
  slow.subscribe("/**");
  congest(writer, slow);
  for (int i = 0; i < 50; ++i) writer.set("/fill", i, Qos::fire);
  slow.resume();
  auto notices = [&] {
    int count = 0;
    for (const auto& line : slow.received()) count += line.starts_with("ERROR 503 Buffer overflow: messages being dropped") ? 1 : 0;
    return count;
  };
  EXPECT_EQ(notices(), 1);
  congest(writer, slow);
  for (int i = 0; i < 50; ++i) writer.set("/fill", i, Qos::fire);
  slow.resume();
  EXPECT_EQ(notices(), 0) << "within ten seconds";
  advance(11s);
  congest(writer, slow);
  slow.resume();
  EXPECT_EQ(notices(), 1);
}

TEST_F(ContractSlow, Rule17ASlowLinkChangesNothingForOthers) {
  Peer& writer = connect("writer");
  Peer& slow = connect("slow");
  Peer& fast = connect("fast");
  slow.subscribe("/**");
  fast.subscribe("/**");
  slow.stall();
  for (int i = 1; i <= 3000; ++i) writer.set("/x", std::string(1000, 'x'), Qos::fire);
  EXPECT_THAT(fast.received(), SizeIs(3000));
  EXPECT_TRUE(writer.sink.reading);
  EXPECT_LT(router().gauges().outbox_bytes, 2'500'000u);
}

class Pacing : public RouterTest {
 protected:
  void SetUp() override {
    writer = &connect("writer");
    subscriber = &connect("subscriber");
    subscriber->subscribe("/**");
    subscriber->stall();
    // One turn in which the writer fills its read budget and the subscriber, which moves, falls behind.
    const EncodedValue value(std::string(2000, 'x'));
    ByteBuffer frame;
    append_frame(frame, Set{.address = "/x", .value = value.view()});
    for (int i = 0; i < 450; ++i) {
      if (i % 50 == 0) subscriber->drain(1);
      router().receive(writer->link, frame.view(), world().now());
      if (!writer->sink.reading) break;
    }
  }
  Peer* writer = nullptr;
  Peer* subscriber = nullptr;
};

TEST_F(Pacing, Rule17AFloodingPublisherWaitsForAMovingSubscriberAtMostTwentyMilliseconds) {
  ASSERT_FALSE(writer->sink.reading);
  advance(19ms);
  EXPECT_FALSE(writer->sink.reading);
  advance(2ms);
  EXPECT_TRUE(writer->sink.reading);
}

TEST_F(Pacing, IsOverWhenTheSubscriberHasDrained) {
  ASSERT_FALSE(writer->sink.reading);
  subscriber->resume();
  EXPECT_TRUE(writer->sink.reading);
}

TEST_F(Pacing, IsOverWhenTheSubscriberLeaves) {
  ASSERT_FALSE(writer->sink.reading);
  subscriber->leave();
  EXPECT_TRUE(writer->sink.reading);
}

TEST_F(Pacing, IsOverWhenTheSubscriberIsConflated) {
  ASSERT_FALSE(writer->sink.reading);
  Peer& other = connect("other");
  for (int i = 0; i < 400; ++i) other.set("/y", std::string(2000, 'y'), Qos::fire);
  EXPECT_EQ(router().gauges().sessions_congested, 1u);
  EXPECT_TRUE(writer->sink.reading);
}

TEST_F(ContractSlow, Rule17ALinkThatDoesNotMovePacesNobody) {
  Peer& writer = connect("writer");
  Peer& dead = connect("dead");
  dead.subscribe("/**");
  dead.stall();
  advance(200ms);
  const EncodedValue value(std::string(2000, 'x'));
  ByteBuffer frame;
  append_frame(frame, Set{.address = "/x", .value = value.view()});
  for (int i = 0; i < 400; ++i) router().receive(writer.link, frame.view(), world().now());
  EXPECT_TRUE(writer.sink.reading);
}

TEST_F(ContractSlow, Rule18ADrainedSubscriberHoldsExactlyTheRoutersState) {
  Config config;
  config.param_ttl = std::chrono::seconds{5};
  configure(config);
  Peer& writer = connect("writer");
  Peer& slow = connect("slow");
  slow.subscribe("/**");
  for (int i = 0; i < 300; ++i) writer.set(fmt::format("/p/{}", i), i, Qos::fire);
  congest(writer, slow);
  for (int i = 0; i < 300; i += 2) writer.set(fmt::format("/p/{}", i), i + 1000, Qos::fire);
  advance(4s);
  for (int i = 0; i < 300; i += 3) writer.set(fmt::format("/p/{}", i), i + 2000, Qos::fire);  // these live on, the others expire
  advance(3s);
  slow.resume();
  std::map<std::string, std::string> held;
  for (const auto& bytes : slow.sink.frames) {
    Decoder decoder;
    const auto message = decoder.decode(decode_frame(bytes)->payload);
    if (const auto* set = std::get_if<Set>(&message->body)) held[std::string(set->address)] = describe_value(set->value);
  }
  std::erase_if(held, [](const auto& entry) { return entry.second == "null"; });
  std::map<std::string, std::string> state;
  router().for_each(*Pattern::parse("/**"), [&](const Router::ParamView& param) { state[std::string(param.address)] = describe_value(param.value); });
  EXPECT_EQ(held, state);
  EXPECT_EQ(state.size(), 100u);
}

TEST_F(ContractSlow, MemoryForAllOutboxesIsBoundedByConflatingTheLargestFirst) {
  Config config;
  config.outboxes_bytes_max = 3'000'000;
  config.congested_bytes = 100'000'000;
  configure(config);
  Peer& writer = connect("writer");
  Peer& slow = connect("slow");
  slow.subscribe("/**");
  slow.stall();
  for (int i = 0; i < 2000; ++i) writer.set("/x", std::string(4000, 'x'), Qos::fire);
  EXPECT_LT(router().gauges().outbox_bytes, 3'100'000u);
  EXPECT_FALSE(slow.sink.closed);
  slow.resume();
  const auto lines = slow.received();
  EXPECT_THAT(lines, Contains(HasSubstr("rev=2000")));
}

TEST_F(ContractSlow, UnreadAnswersPauseReadingAndNoneIsLost) {
  Peer& eager = connect("eager");
  eager.stall();
  ByteBuffer frame;
  const EncodedValue value(1);
  append_frame(frame, Set{.address = "/x", .value = value.view()});
  int sent = 0;
  while (eager.sink.reading && sent < 1'000'000) {
    router().receive(eager.link, frame.view(), world().now());
    ++sent;
  }
  EXPECT_LT(sent, 100'000) << "its reading pauses";
  EXPECT_LT(router().gauges().outbox_bytes, 8'000'000u);
  eager.resume();
  EXPECT_TRUE(eager.sink.reading);
  EXPECT_EQ(eager.sink.frames.size(), static_cast<std::size_t>(sent)) << "then every ACK comes";
}

TEST_F(ContractSlow, ASessionThatMustNotLoseParamsKeepsThemAllOrIsClosed) {
  Peer& writer = connect("writer");
  class Slow final : public Sink {
   public:
    std::size_t deliver(const Delivery& delivery) override {
      revisions.push_back(delivery.revision);
      return 100;
    }
    std::size_t reply(const Reply&) override { return 0; }
    void close(const CloseReason&) override { closed = true; }
    std::vector<Revision> revisions;
    bool closed = false;
  } sink;
  const SessionId session = router().open_session({.name = "mqtt", .conflate = false}, sink, world().now());
  router().submit(session, Message{Subscribe{.id = 1, .pattern = "/**"}}, Qos::fire, {}, world().now());
  for (int i = 0; i < 3000; ++i) writer.set("/x", std::string(500, 'x'), Qos::fire);
  advance(200ms);
  writer.set("/x", 1, Qos::fire);
  EXPECT_EQ(router().gauges().sessions_congested, 0u);
  while (sink.revisions.size() < 3001) router().sent(session, 100, world().now());
  for (std::size_t i = 0; i < sink.revisions.size(); ++i) ASSERT_EQ(sink.revisions[i], i + 1);
}

}  // namespace
}  // namespace clasp::router
