// Sessions that never say HELLO and take views: what a broker or a bridge inside the process can ask of them.
#include "router/router_fixture.hpp"

namespace clasp::router {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Notes deliveries in words and reports `waiting` bytes for each.
class NotingSink final : public Sink {
 public:
  std::size_t deliver(const Delivery& delivery) override {
    std::string line = delivery.kind == CommitKind::remove ? "gone " : delivery.presence == Presence::snapshot ? "held " : "live ";
    line += std::string(delivery.address) + (delivery.own ? " own" : "");
    for (const std::uint32_t id : delivery.subscriptions) line += fmt::format(" #{}", id);
    lines.push_back(line);
    unsent += waiting;
    return waiting;
  }
  std::size_t reply(const Reply& reply) override {
    if (reply.message == nullptr) return 0;
    if (const auto* error = std::get_if<ErrorReply>(&reply.message->body)) lines.push_back(fmt::format("error {}", error->code));
    return 0;
  }
  void read(bool on) override { reading = on; }
  void close(const CloseReason& reason) override { lines.push_back("closed: " + std::string(reason.text)); }

  std::vector<std::string> told() { return std::exchange(lines, {}); }
  std::vector<std::string> lines;
  std::size_t waiting = 0;
  std::size_t unsent = 0;
  bool reading = true;
};

class ProfileSession : public RouterTest {
 protected:
  SessionId open(NotingSink& sink, const SessionProfile& profile = {.name = "inside"}) { return router().open_session(profile, sink, world().now()); }
  void subscribe(SessionId id, std::uint32_t number, std::string_view pattern, bool snapshot = true) {
    router().submit(id, Message{Subscribe{.id = number, .pattern = pattern, .snapshot = snapshot}}, Qos::fire, {}, world().now());
  }
  void set(SessionId id, std::string_view address, const Value& value, std::size_t input_bytes = 0) {
    const EncodedValue encoded(value);
    router().submit(id, Message{Set{.address = address, .value = encoded.view()}}, Qos::fire, {}, world().now(), input_bytes);
  }
  void emit(SessionId id, std::string_view address) {
    router().submit(id, Message{Publish{.address = address, .signal = SignalType::event}}, Qos::fire, {}, world().now());
  }
};

TEST_F(ProfileSession, OfTheProgramItselfIsInNoGauge) {
  NotingSink sink;
  const Gauges before = router().gauges();
  const SessionId session = router().open_session({.name = "reports", .grants = open_grants(), .counted = false}, sink, world().now());
  router().submit(session, Message{Subscribe{.id = 1, .pattern = "/a"}}, Qos::fire, {}, world().now());
  const Gauges with = router().gauges();
  EXPECT_EQ(with.sessions, before.sessions);
  EXPECT_EQ(with.links, before.links);
  EXPECT_EQ(with.subscriptions, before.subscriptions);
  router().close_session(session, world().now());
  EXPECT_EQ(router().gauges().sessions, before.sessions);
}

TEST_F(ProfileSession, IsToldWhichOfItsSubscriptionsMatch) {
  NotingSink sink;
  const SessionId inside = open(sink);
  subscribe(inside, 7, "/a/**");
  subscribe(inside, 9, "/*/b");
  connect("desk").set("/a/b", 1);
  EXPECT_THAT(sink.told(), ElementsAre("live /a/b #7 #9"));
  subscribe(inside, 11, "/a/b");
  EXPECT_THAT(sink.told(), ElementsAre("held /a/b #11"));
}

TEST_F(ProfileSession, SubscribesWithoutASnapshotIfItWants) {
  connect("desk").set("/a", 1);
  NotingSink sink;
  subscribe(open(sink), 1, "/a", false);
  world().turn();
  EXPECT_THAT(sink.told(), IsEmpty());
}

TEST_F(ProfileSession, HearsItsOwnPublishesOnlyIfItAsksForThem) {
  NotingSink plain;
  NotingSink echoing;
  const SessionId without = open(plain);
  const SessionId with = open(echoing, {.name = "broker", .echo_publishes = Echo::yes});
  subscribe(without, 1, "/e");
  subscribe(with, 1, "/e");
  emit(without, "/e");
  emit(with, "/e");
  EXPECT_THAT(plain.told(), ElementsAre("live /e #1"));
  EXPECT_THAT(echoing.told(), ElementsAre("live /e #1", "live /e own #1"));
}

TEST_F(ProfileSession, Rule20ClearsAParamForEverybody) {
  Peer& desk = connect("desk");
  desk.subscribe("/a");
  NotingSink sink;
  const SessionId inside = open(sink);
  set(inside, "/a", 1);
  world().turn();
  desk.forget();
  EXPECT_TRUE(*router().remove(inside, "/a", world().now()));
  world().turn();
  EXPECT_THAT(desk.received(), ElementsAre("SET /a null rev=2"));
  EXPECT_FALSE(router().find("/a"));
  EXPECT_FALSE(*router().remove(inside, "/a", world().now())) << "it was gone already";
}

TEST_F(ProfileSession, ClearsNothingThatSomebodyElseHasLocked) {
  Peer& desk = connect("desk");
  const EncodedValue one{Value(1)};
  desk.set(Set{.address = "/a", .value = one.view(), .lock = true});
  NotingSink sink;
  const auto removed = router().remove(open(sink), "/a", world().now());
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, ErrorCode::lock_held);
  EXPECT_TRUE(router().find("/a"));
}

TEST_F(ProfileSession, WhoseSinkQueuesGetsEverythingAtOnceHoweverMuchWaits) {
  NotingSink sink;
  sink.waiting = 1'000'000;
  subscribe(open(sink, {.name = "broker", .sink_queues = true}), 1, "/**");
  Peer& desk = connect("desk");
  for (int i = 0; i < 20; ++i) desk.set("/a", i);
  EXPECT_EQ(sink.told().size(), 20U);
  EXPECT_EQ(router().gauges().outbox_bytes, 0U);
}

TEST_F(ProfileSession, Rule17AFloodOfViewsWaitsForAMovingSubscriberThatQueuesItself) {
  NotingSink slow;
  slow.waiting = 60'000;
  const SessionId subscriber = open(slow, {.name = "broker", .sink_queues = true});
  subscribe(subscriber, 1, "/**");
  NotingSink flooding;
  const SessionId publisher = open(flooding);
  set(publisher, "/a", 1);
  router().sent(subscriber, 1, world().now());  // it moves
  for (int i = 0; i < 20 && flooding.reading; ++i) set(publisher, "/a", i, 10'000);
  EXPECT_FALSE(flooding.reading);
  router().sent(subscriber, slow.unsent - 1, world().now());
  world().turn();
  EXPECT_TRUE(flooding.reading);
}

TEST_F(ProfileSession, ASnapshotGoesOnAsSoonAsThereIsRoom) {
  Peer& desk = connect("desk");
  for (int i = 0; i < 3'000; ++i) desk.set(fmt::format("/a/{}", i), i, Qos::fire);
  NotingSink sink;
  sink.waiting = 1'000;
  const SessionId inside = open(sink, {.name = "broker", .sink_queues = true});
  subscribe(inside, 1, "/a/**");
  while (router().end_turn(world().now())) {
  }
  const std::size_t before = sink.lines.size();
  ASSERT_LT(before, 3'000U);
  router().sent(inside, sink.unsent, world().now());
  ASSERT_TRUE(router().next_deadline());
  EXPECT_LE(*router().next_deadline(), world().now().steady) << "else the loop sleeps until something else happens";
  router().end_turn(world().now());
  EXPECT_GT(sink.lines.size(), before);
}

}  // namespace
}  // namespace clasp::router
