// What the router does for whoever keeps a journal: shows commits, holds or refuses writers, takes back what was kept.
#include "router/router_fixture.hpp"

namespace clasp::router {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class JournalSeam : public RouterTest {
 protected:
  JournalSeam() { configure({.durability = Durability::sync}); }
  const EncodedValue one{Value(1)};
};

TEST_F(JournalSeam, AFullJournalHoldsWhoWritesAndNobodyElse) {
  Peer& writer = connect("writer");
  Peer& reader = connect("reader");
  router().set_journal_slow(true);
  EXPECT_TRUE(writer.sink.reading) << "who writes nothing is read";
  writer.set("/x", 1);
  reader.get("/x");
  EXPECT_FALSE(writer.sink.reading);
  EXPECT_TRUE(reader.sink.reading);
  EXPECT_THAT(reader.received(), ElementsAre("SNAPSHOT /x=1@1")) << "what was written is there";
  router().set_journal_slow(false);
  EXPECT_TRUE(writer.sink.reading);
}

TEST_F(JournalSeam, AFaultyJournalTurnsWaitingAcksIntoErrorsInTheirOrderAndRefusesWrites) {
  Peer& writer = connect("writer");
  writer.set("/a", 1);
  writer.set(Set{.address = "/a", .value = one.view(), .revision = 9});
  writer.set("/b", 1);
  EXPECT_THAT(writer.received(), IsEmpty());
  router().set_journal_fault("the disk is full", world().now());
  EXPECT_THAT(writer.received(), ElementsAre("ERROR 503 the disk is full [/a]", HasSubstr("ERROR 400 RevisionConflict"), "ERROR 503 the disk is full [/b]"));
  writer.set("/c", 1);
  writer.publish("/d", 1);
  writer.get("/a");
  EXPECT_THAT(writer.received(), ElementsAre("ERROR 503 the disk is full [/c]", "ERROR 503 the disk is full [/d]", "SNAPSHOT /a=1@1"));
  router().durable(router().last_seq(), world().now());
  EXPECT_THAT(writer.received(), IsEmpty()) << "no second answer";
  router().set_journal_fault(std::nullopt, world().now());
  writer.set("/c", 1);
  router().durable(router().last_seq(), world().now());
  EXPECT_THAT(writer.received(), ElementsAre("ACK /c rev=1"));
}

TEST_F(JournalSeam, ASessionsAnswersStayInOrderHoweverManyWait) {
  Peer& writer = connect("writer");
  for (int i = 0; i < 1'000; ++i) writer.set("/x", i);
  router().durable(500, world().now());
  writer.set("", 1);
  EXPECT_EQ(writer.received().size(), 500U);
  router().durable(1'000, world().now());
  const auto rest = writer.received();
  ASSERT_EQ(rest.size(), 501U);
  EXPECT_EQ(rest.front(), "ACK /x rev=501");
  EXPECT_THAT(rest.back(), HasSubstr("ERROR 400")) << "behind the answers before it";
}

TEST_F(JournalSeam, ObserversSeeEverythingThereIsToKeep) {
  class Recorder final : public Observer {
   public:
    void committed(std::span<const Commit> commits) override {
      EXPECT_LE(commits.size(), shown_at_once_max);
      for (const Commit& commit : commits)
        lines.push_back(fmt::format("{} {}{}{}{}{}", commit.address, commit.revision, commit.lock ? " lock" : "", commit.unlock ? " unlock" : "",
                                    commit.ttl ? fmt::format(" ttl={}", commit.ttl->seconds) : "",
                                    commit.timestamp ? fmt::format(" sent={}", commit.timestamp->us) : ""));
    }
    std::vector<std::string> lines;
  } observer;
  Peer& peer = connect("peer");
  peer.set("/unseen", 1);
  router().set_observer(&observer);
  peer.set(Set{.address = "/a", .value = one.view(), .ttl = Ttl{Ttl::Mode::sliding, 60}, .lock = true});
  peer.set(Set{.address = "/a", .value = one.view(), .unlock = true});
  peer.publish("/e", 1);
  world().turn();
  EXPECT_THAT(observer.lines, ElementsAre("/a 1 lock ttl=60", "/a 2 unlock", "/e 0"));
  for (int i = 0; i < 600; ++i) peer.set("/many", i);
  world().turn();
  EXPECT_EQ(observer.lines.size(), 603U);
  EXPECT_EQ(observer.lines.back(), "/many 600");
  router().set_observer(nullptr);
}

TEST_F(JournalSeam, WhatIsShownIsWholeOnlyBetweenFrames) {
  class Recorder final : public Observer {
   public:
    void committed(std::span<const Commit> commits) override {
      shown += commits.size();
      ++calls;
    }
    void whole() override { wholes.push_back(shown); }
    std::size_t shown = 0;
    int calls = 0;
    std::vector<std::size_t> wholes;
  } observer;
  configure({.commit_log_bytes_max = 65'536});  // so small that a bundle is shown in pieces
  Peer& peer = connect("peer");
  router().set_observer(&observer);
  peer.bundle(std::vector<Message>(600, Message{Set{.address = "/a", .value = one.view()}}));
  world().turn();
  world().turn();
  EXPECT_GE(observer.calls, 3);
  EXPECT_THAT(observer.wholes, ElementsAre(600U)) << "said when all of it was shown, and not again when nothing came";
  router().set_observer(nullptr);
}

TEST_F(JournalSeam, NothingIsUnseenHoweverLittleTheLogHolds) {
  class Recorder final : public Observer {
   public:
    void committed(std::span<const Commit> commits) override {
      for (const Commit& commit : commits) lines.emplace_back(commit.address);
    }
    std::vector<std::string> lines;
  } observer;
  configure({.commit_log_bytes_max = 20'000});
  Peer& peer = connect("peer");
  router().set_observer(&observer);
  peer.publish("/go", 1);
  peer.set("/small", 1);
  peer.set("/large", std::string(40'000, 'x'));  // drops everything that is in the log
  peer.set("/after", 1);
  world().turn();
  EXPECT_THAT(observer.lines, ElementsAre("/go", "/small", "/large", "/after"));
  router().set_observer(nullptr);
}

TEST_F(JournalSeam, ARemovalComesBackAsOneAndItsAddressGoesOnAbove) {
  ASSERT_TRUE(router().restore("/gone", one.view(), 10, "w", UnixTime{1}, {}, world().now()));
  router().restore_removal("/gone", 11);
  EXPECT_FALSE(router().find("/gone"));
  router().restore_removal("/never/there", 20);
  EXPECT_EQ(router().removed_revisions_max(), 20U);
  configure({});
  router().restore_removal("/gone", 11);
  router().restore_removed_revisions_max(40);
  Peer& peer = connect("peer");
  peer.set("/gone", 1);
  peer.set("/new", 1);
  EXPECT_THAT(peer.received(), ElementsAre("ACK /gone rev=12", "ACK /new rev=41")) << "nobody knows what the new one had: above everything";
}

TEST_F(JournalSeam, TheWholeStateCanBeWalkedALittleAtATime) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(router().restore(fmt::format("/p/{}", i), one.view(), 1, "w", UnixTime{1}, Ttl{Ttl::Mode::absolute, 9}, world().now()));
  std::vector<std::string> seen;
  std::string after;
  bool all = false;
  while (!all) {
    int count = 0;
    all = router().walk(after, [&](const Router::ParamView& param) {
      seen.emplace_back(param.address);
      after = param.address;
      EXPECT_EQ(param.ttl, (Ttl{Ttl::Mode::absolute, 9}));
      return ++count < 3;
    });
  }
  EXPECT_EQ(seen.size(), 10U);
  EXPECT_EQ(seen.front(), "/p/0");
  EXPECT_EQ(seen.back(), "/p/9");
}

}  // namespace
}  // namespace clasp::router
