// What subscribers hear of params that went while the connection was lost, as transcripts.
#include <algorithm>

#include "client/session_testing.hpp"

namespace clasp::client {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Doubts : public testing::SessionTest {
 protected:
  // Subscribed to /a/**, shown /a/1 and /a/2, and back after a lost connection.
  void come_back() {
    connect();
    subscribe("/a/**");
    router_sets("/a/1", 1, 7);
    router_sets("/a/2", 2, 8);
    lose_and_find();
  }
  void lose_and_find() {
    session().link_lost("gone", now());
    pass(10s);
    session().link_opened(now());
    welcome();
    told();
  }
  void router_pongs() { router_says({Pong{}}); }
};

TEST_F(Doubts, AParamTheSnapshotDoesNotBringIsAskedForAndToldAsGone) {
  come_back();
  EXPECT_THAT(sent(), ElementsAre("HELLO desk features=f8 token=", "SUBSCRIBE 1 /a/**", "PING"));
  router_shows("/a/1", 5, 1);
  EXPECT_THAT(told(), ElementsAre("SET* /a/1 5 rev=1 -> 1"));
  EXPECT_THAT(sent(), IsEmpty());
  router_pongs();
  EXPECT_THAT(sent(), ElementsAre("GET /a/2 confirm"));
  router_refuses(404, "/a/2");
  EXPECT_THAT(told(), ElementsAre("SET /a/2 null -> 1"));
  EXPECT_FALSE(session().last_error()) << "nobody has called anything that failed";
  EXPECT_EQ(session().cache().find("/a/2")->view().tag, ValueTag::null);
  router_sets("/a/2", 3, 1);
  EXPECT_THAT(told(), ElementsAre("SET /a/2 3 rev=1 -> 1"));
}

TEST_F(Doubts, AreOverOnceTheRouterShowsTheParam) {
  come_back();
  sent();
  router_pongs();
  EXPECT_THAT(sent(), SizeIs(2)) << "a snapshot that is still under way";
  router_shows("/a/1", 5, 1);
  router_sets("/a/2", 6, 2);
  EXPECT_THAT(told(), ElementsAre("SET* /a/1 5 rev=1 -> 1", "SET /a/2 6 rev=2 -> 1"));
  router_shows("/a/1", 5, 1);
  router_shows("/a/2", 6, 2);
  EXPECT_THAT(told(), IsEmpty()) << "the answers bring nothing new";
}

TEST_F(Doubts, AnAnswerThatANewerSetHasOvertakenIsNoReasonToForget) {
  come_back();
  router_shows("/a/1", 5, 1);
  router_pongs();
  router_sets("/a/2", 6, 1);
  told();
  router_refuses(404, "/a/2");
  EXPECT_EQ(session().cache().find("/a/2")->revision, 1U);
  for (const std::string& line : told()) EXPECT_FALSE(line.contains("null")) << line;
}

TEST_F(Doubts, ThereAreNoneAboutWhatNobodySubscribesTo) {
  connect();
  router_shows("/b", 1, 1);
  const std::uint32_t id = subscribe("/a/**");
  router_sets("/a/1", 1, 7);
  session().unsubscribe(id, now());
  subscribe("/c", TypeMask::all());
  sent();
  lose_and_find();
  EXPECT_THAT(sent(), ElementsAre("HELLO desk features=f8 token=", "SUBSCRIBE 2 /c"));
}

TEST_F(Doubts, AreAskedAboutAFewAtATime) {
  connect();
  subscribe("/a/**");
  for (int i = 0; i < 200; ++i) router_sets(fmt::format("/a/{}", i), i, 1);
  lose_and_find();
  sent();
  router_pongs();
  std::vector<std::string> asked = sent();
  EXPECT_THAT(asked, SizeIs(64));
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const std::string& line = asked[i];
    router_refuses(404, line.substr(4, line.find(' ', 4) - 4));
    std::ranges::copy(sent(), std::back_inserter(asked));
  }
  EXPECT_THAT(asked, SizeIs(200));
  EXPECT_THAT(told(), SizeIs(200));
}

TEST_F(Doubts, ACallThatAsksForTheSameSharesTheGet) {
  come_back();
  router_shows("/a/1", 5, 1);
  router_pongs();
  sent();
  told();
  ASSERT_TRUE(get("/a/2", 1));
  EXPECT_THAT(sent(), IsEmpty());
  router_refuses(404, "/a/2");
  EXPECT_THAT(told(), ElementsAre("#1 failed 404 /a/2", "SET /a/2 null -> 1"));
  EXPECT_TRUE(session().last_error()) << "that was a call";
}

TEST_F(Doubts, ACallDoesNotWaitForARouterThatSaysNothing) {
  come_back();
  router_pongs();
  ASSERT_TRUE(get("/a/2", 1));
  sent();
  pass(6s);
  EXPECT_THAT(told(), ElementsAre("#1 failed 904 /a/2"));
  ASSERT_TRUE(get("/a/2", 2));
  EXPECT_THAT(sent(), ElementsAre("GET /a/2 confirm")) << "asked anew";
}

TEST_F(Doubts, EndWithTheConnection) {
  come_back();
  router_pongs();
  lose_and_find();
  sent();
  router_shows("/a/1", 5, 1);
  router_shows("/a/2", 6, 1);
  told();
  router_pongs();
  EXPECT_THAT(sent(), IsEmpty());
}

}  // namespace
}  // namespace clasp::client
