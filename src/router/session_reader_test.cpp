// What sessions without a link of their own can do: read, remove, know when their snapshot is complete, come back where they left.
#include "router/router_fixture.hpp"

namespace clasp::router {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

// A sink of views; what it takes waits until drain().
class ViewSink final : public Sink {
 public:
  std::size_t deliver(const Delivery& delivery) override {
    const char* kind = delivery.kind == CommitKind::publish ? "PUBLISH" : delivery.presence == Presence::snapshot ? "SNAPSHOT" : "SET";
    std::string line = fmt::format("{} {} {}", kind, delivery.address, describe_value(delivery.value.value_or(ValueView{})));
    if (delivery.kind != CommitKind::publish) line += fmt::format(" rev={}", delivery.revision);
    lines.push_back(line);
    seqs.push_back(delivery.presence == Presence::live ? delivery.seq : 0);
    return bytes_each;
  }
  std::size_t reply(const Reply& reply) override {
    if (reply.message != nullptr) lines.push_back(describe_frame(reply.frame));
    return 0;
  }
  void caught_up(std::uint32_t subscription) override { lines.push_back(fmt::format("COMPLETE {}", subscription)); }
  void close(const CloseReason&) override { closed = true; }
  std::vector<std::string> take() { return std::exchange(lines, {}); }

  std::vector<std::string> lines;
  std::vector<Seq> seqs;
  std::size_t bytes_each = 0;
  bool closed = false;
};

class ReaderGrants final : public GrantSet {
 public:
  bool allows(Action action, std::string_view address) const override { return action == Action::read && address.starts_with("/open"); }
  bool covers(Action action, const Pattern& pattern) const override {
    return action == Action::read && pattern.literal_prefix().starts_with("/open");
  }
};

class SessionReader : public RouterTest {
 protected:
  SessionId open(ViewSink& sink, SessionProfile profile = {}) {
    profile.name = "reader";
    return router().open_session(profile, sink, world().now());
  }
  void subscribe(SessionId session, std::string_view pattern) {
    router().submit(session, Message{Subscribe{.id = 1, .pattern = pattern}}, Qos::confirm, {}, world().now());
  }
  bool subscribe_since(SessionId session, std::string_view pattern, Seq since) {
    return router().subscribe_since(session, {.id = 1, .pattern = pattern}, since, world().now());
  }
  void remove(SessionId session, std::string_view address) {
    router().submit(session, Message{Set{.address = address, .value = ValueView{}}}, Qos::confirm, {}, world().now());
  }
};

TEST_F(SessionReader, IsToldWhenItsSnapshotIsComplete) {
  Peer& desk = connect("desk");
  desk.set("/a/1", 1);
  desk.set("/a/2", 2);
  ViewSink sink;
  const SessionId session = open(sink);
  subscribe(session, "/a/**");
  EXPECT_THAT(sink.take(), ElementsAre("SNAPSHOT /a/1 1 rev=1", "SNAPSHOT /a/2 2 rev=1", "COMPLETE 1"));
  ViewSink other;
  subscribe(open(other), "/nothing/**");
  EXPECT_THAT(other.take(), ElementsAre("COMPLETE 1"));
}

TEST_F(SessionReader, ASnapshotThatHasToWaitIsCompleteWhenItsLastPartHasLeft) {
  configure({.window_bytes = 1'000});
  Peer& desk = connect("desk");
  for (int i = 0; i < 2'000; ++i) desk.set(fmt::format("/a/{:04}", i), i);
  ViewSink sink;
  sink.bytes_each = 10;
  const SessionId session = open(sink);
  subscribe(session, "/a/**");
  EXPECT_THAT(sink.lines.back(), StartsWith("SNAPSHOT "));
  for (int i = 0; i < 10 && !sink.lines.back().starts_with("COMPLETE"); ++i) {
    const std::size_t waiting = sink.lines.size() * 10;
    router().sent(session, std::min<std::size_t>(waiting, 8'000), world().now());
    sink.lines.clear();
    router().end_turn(world().now());
    ASSERT_FALSE(sink.lines.empty());
  }
  EXPECT_EQ(sink.lines.back(), "COMPLETE 1");
}

TEST_F(SessionReader, ComesBackWhereItLeftParamsOnceWithTheirValueOfNow) {
  Peer& desk = connect("desk");
  desk.set("/a/old", 1);
  const Seq since = router().last_seq();
  desk.set("/a/x", 1);
  desk.publish("/a/go", 7);
  desk.set("/a/x", 2);
  desk.set("/b/other", 3);
  desk.publish("/a/go", 8);
  ViewSink sink;
  const SessionId session = open(sink);
  ASSERT_TRUE(subscribe_since(session, "/a/**", since));
  EXPECT_THAT(sink.take(), ElementsAre("SET /a/x 2 rev=2", "PUBLISH /a/go 7", "PUBLISH /a/go 8"));
  EXPECT_THAT(sink.seqs, ElementsAre(since + 1, since + 2, since + 5)) << "each at its place";
  desk.set("/a/old", 2);
  EXPECT_THAT(sink.take(), ElementsAre("SET /a/old 2 rev=2"));
}

TEST_F(SessionReader, ComingBackToNothingNewIsQuietAndLive) {
  Peer& desk = connect("desk");
  desk.set("/a", 1);
  ViewSink sink;
  ASSERT_TRUE(subscribe_since(open(sink), "/**", router().last_seq()));
  EXPECT_THAT(sink.take(), IsEmpty());
  desk.set("/a", 2);
  EXPECT_THAT(sink.take(), ElementsAre("SET /a 2 rev=2"));
}

TEST_F(SessionReader, HearsOfWhatWasRemovedMeanwhile) {
  Peer& desk = connect("desk");
  desk.set("/a/x", 1);
  const Seq since = router().last_seq();
  desk.set("/a/x", 2);
  ViewSink remover;
  remove(open(remover, {.null_removes = true}), "/a/x");
  ViewSink sink;
  ASSERT_TRUE(subscribe_since(open(sink), "/a/**", since));
  EXPECT_THAT(sink.take(), ElementsAre("SET /a/x null rev=3"));
}

TEST_F(SessionReader, CannotComeBackToWhatTheRingHasForgottenOrNeverHad) {
  configure({.commit_log_bytes_max = 65'536});
  Peer& desk = connect("desk");
  desk.set("/a/first", 1);
  const Seq since = router().last_seq();
  for (int i = 0; i < 2'000; ++i) desk.set("/a/x", std::string(100, 'x'));
  ViewSink sink;
  const SessionId session = open(sink);
  EXPECT_FALSE(subscribe_since(session, "/a/**", since));
  EXPECT_FALSE(subscribe_since(session, "/a/**", router().last_seq() + 1));
  EXPECT_FALSE(subscribe_since(session, "no pattern", router().last_seq()));
  EXPECT_THAT(sink.take(), IsEmpty());
  desk.set("/a/x", 1);
  EXPECT_THAT(sink.take(), IsEmpty()) << "nothing happened: it is not subscribed";
  EXPECT_TRUE(subscribe_since(session, "/a/**", router().last_seq() - 1));
  EXPECT_THAT(sink.take(), ElementsAre("SET /a/x 1 rev=2001"));
}

TEST_F(SessionReader, CannotComeBackToMoreThanMayWait) {
  configure({.undroppable_bytes_max = 100'000});
  Peer& desk = connect("desk");
  const Seq since = router().last_seq();
  for (int i = 0; i < 100; ++i) desk.publish("/a/go", std::string(1'000, 'x'));
  ViewSink sink;
  EXPECT_FALSE(subscribe_since(open(sink), "/a/**", since));
  EXPECT_THAT(sink.take(), IsEmpty());
}

TEST_F(SessionReader, WhatHadToWaitHasNoPosition) {
  configure({.window_bytes = 100});
  Peer& desk = connect("desk");
  ViewSink sink;
  sink.bytes_each = 60;
  const SessionId session = open(sink);
  subscribe(session, "/**");
  for (int i = 1; i <= 4; ++i) desk.set("/a", i);
  EXPECT_EQ(sink.seqs.size(), 2U) << "the window is full";
  router().sent(session, 120, world().now());
  router().sent(session, 120, world().now());
  desk.set("/a", 5);
  EXPECT_THAT(sink.seqs, ElementsAre(testing::Gt(0U), testing::Gt(0U), 0U, 0U, router().last_seq()));
}

TEST_F(SessionReader, ItsSetToNullRemovesTheParamAndTheRevisionLivesOn) {
  Peer& desk = connect("desk");
  Peer& watcher = connect("watcher");
  watcher.subscribe("/**");
  desk.set("/a", 1);
  watcher.received();
  ViewSink sink;
  const SessionId session = open(sink, {.null_removes = true});
  remove(session, "/a");
  EXPECT_THAT(sink.take(), ElementsAre("ACK /a rev=2"));
  EXPECT_THAT(watcher.received(), ElementsAre("SET /a null rev=2"));
  EXPECT_FALSE(router().find("/a"));
  remove(session, "/a");
  EXPECT_THAT(sink.take(), ElementsAre("ACK /a")) << "nothing was there";
  EXPECT_THAT(watcher.received(), IsEmpty());
  desk.set("/a", 5);
  EXPECT_THAT(watcher.received(), ElementsAre("SET /a 5 rev=3"));
  desk.set("/a", Value());
  EXPECT_TRUE(router().find("/a")) << "for others Null is a value";
}

TEST_F(SessionReader, CannotRemoveWhatSomebodyElseHasLocked) {
  Peer& desk = connect("desk");
  const EncodedValue one(1);
  desk.set(Set{.address = "/a", .value = one.view(), .lock = true});
  ViewSink sink;
  remove(open(sink, {.null_removes = true}), "/a");
  EXPECT_THAT(sink.take(), ElementsAre(StartsWith("ERROR 401")));
  EXPECT_TRUE(router().find("/a"));
}

TEST_F(SessionReader, ABundleItScheduledRemovesAsWellAlthoughItHasLeft) {
  Peer& desk = connect("desk");
  desk.set("/a", 1);
  ViewSink sink;
  const SessionId session = open(sink, {.null_removes = true});
  const Bundle bundle{.timestamp = UnixTime{world().unix_us() + 50'000}, .messages = {Message{Set{.address = "/a", .value = ValueView{}}}}};
  router().submit(session, Message{bundle}, Qos::fire, {}, world().now());
  router().close_session(session, world().now());
  EXPECT_TRUE(router().find("/a"));
  advance(100ms);
  EXPECT_FALSE(router().find("/a"));
}

TEST_F(SessionReader, ReadsWhatItMaySeeInOrderFromWhereItStopped) {
  Peer& desk = connect("desk");
  for (const char* address : {"/open/b", "/secret/x", "/open/a", "/open/c"}) desk.set(address, 1);
  ViewSink sink;
  const SessionId session = open(sink, {.grants = std::make_shared<ReaderGrants>()});
  std::vector<std::string> seen;
  const auto read = [&](std::string_view after, std::size_t max) {
    seen.clear();
    return router().read(session, *Pattern::parse("/**"), after, [&](const Router::ParamView& param) {
      if (seen.size() == max) return false;
      seen.emplace_back(param.address);
      return true;
    });
  };
  EXPECT_FALSE(read("", 2));
  EXPECT_THAT(seen, ElementsAre("/open/a", "/open/b"));
  EXPECT_TRUE(read("/open/b", 2));
  EXPECT_THAT(seen, ElementsAre("/open/c"));
  EXPECT_TRUE(read("", 3)) << "all there is";
}

TEST_F(SessionReader, UnderstandsAnAnswerThatHadToWaitForTheDisk) {
  configure({.durability = Durability::sync});
  ViewSink sink;
  const SessionId session = open(sink);
  const EncodedValue one(1);
  router().submit(session, Message{Set{.address = "/a", .value = one.view()}}, Qos::confirm, {}, world().now());
  EXPECT_THAT(sink.take(), IsEmpty());
  router().durable(router().last_seq(), world().now());
  EXPECT_THAT(sink.take(), ElementsAre("ACK /a rev=1"));
}

}  // namespace
}  // namespace clasp::router
