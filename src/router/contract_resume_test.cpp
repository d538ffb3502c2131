// Contract 29, and what its neighbours (13–15, 26, 28, 30, 32, 33) mean for a session that outlives its link.
#include <gmock/gmock.h>

#include "router/resume_testing.hpp"

namespace clasp::router {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class ContractResume : public RouterTest {
 protected:
  // Subscribed to everything, and everything it was told so far heard.
  Traveller& travel(const std::string& name = "desk") {
    travellers_.push_back(std::make_unique<Traveller>(world(), name));
    Traveller& desk = *travellers_.back();
    desk.connect();
    desk.subscribe("/**");
    desk.heard();
    return desk;
  }
  SessionId id_of(const std::string& session) {
    for (std::uint64_t i = 1; i < 100; ++i) {
      for (std::uint64_t place = 0; place < 20; ++place) {
        if (router().session_text(SessionId{(i << 20) | place}) == session) return SessionId{(i << 20) | place};
      }
    }
    return nobody;
  }

 private:
  std::vector<std::unique_ptr<Traveller>> travellers_;
};

TEST_F(ContractResume, Rule29WhoComesBackMissesNoEventAndNoStreamItem) {
  Peer& stage = connect("stage");
  Traveller& desk = travel();
  const std::string session = desk.session();
  stage.publish("/e", 1);
  stage.publish("/s", 1, SignalType::stream);
  desk.lose();
  stage.publish("/e", 2);
  stage.publish("/s", 2, SignalType::stream);
  stage.publish("/s", 3, SignalType::stream);
  EXPECT_TRUE(desk.come_back());
  EXPECT_EQ(desk.session(), session);
  stage.publish("/e", 3);
  EXPECT_THAT(desk.heard(), ElementsAre("PUBLISH event /e 1", "PUBLISH stream /s 1", "PUBLISH event /e 2", "PUBLISH stream /s 2",
                                        "PUBLISH stream /s 3", "PUBLISH event /e 3"));
}

TEST_F(ContractResume, Rule29ItBeginsAtWelcomeEvenIfNothingWasReceived) {
  Peer& stage = connect("stage");
  stage.set("/x", 1);
  Traveller desk(world(), "desk");
  desk.connect();
  desk.lose(0);
  EXPECT_TRUE(desk.come_back());
  EXPECT_THAT(desk.heard(), ElementsAre("SNAPSHOT /x=1@1"));
}

TEST_F(ContractResume, Rule29WhatWasHeardBeforeIsNotToldAgain) {
  Peer& stage = connect("stage");
  Traveller& desk = travel();
  for (int i = 0; i < 5; ++i) stage.publish("/e", i);
  desk.lose(3);
  EXPECT_TRUE(desk.come_back());
  EXPECT_THAT(desk.heard(),
              ElementsAre("PUBLISH event /e 0", "PUBLISH event /e 1", "PUBLISH event /e 2", "PUBLISH event /e 3", "PUBLISH event /e 4"));
}

TEST_F(ContractResume, Rule29ItsLocksAndSubscriptionsAreStillThere) {
  Peer& stage = connect("stage");
  Traveller& desk = travel();
  desk.set("/x", 1, Qos::confirm, true);
  desk.heard();
  desk.lose();
  stage.set("/x", 2);
  EXPECT_THAT(stage.received(), ElementsAre(HasSubstr("ERROR 401"))) << "it has not ended";
  EXPECT_TRUE(desk.come_back());
  desk.set("/x", 3);
  EXPECT_THAT(desk.heard(), ElementsAre("SET /x 3 rev=2", "ACK /x rev=2"));
}

TEST_F(ContractResume, Rule29AfterTheWindowItHasEndedAndIsToldSo) {
  Peer& stage = connect("stage");
  Traveller& desk = travel();
  desk.set("/x", 1, Qos::confirm, true);
  desk.lose();
  advance(59s);
  EXPECT_EQ(router().gauges().sessions_detached, 1U);
  advance(2s);
  EXPECT_EQ(router().gauges().sessions_detached, 0U);
  stage.set("/x", 2);
  EXPECT_THAT(stage.received(), Contains("ACK /x rev=2")) << "its lock went with it";
  const std::string session = desk.session();
  EXPECT_FALSE(desk.come_back());
  EXPECT_EQ(desk.offer()->why, "unknown");
  EXPECT_NE(desk.session(), session);
  EXPECT_THAT(desk.heard(), ElementsAre("SNAPSHOT /x=2@2"));
  EXPECT_EQ(router().stats().sessions_not_resumed, 1U);
  EXPECT_EQ(router().stats().resumes_refused.at("unknown"), 1U);
}

TEST_F(ContractResume, Rule29WhatTheLogHasForgottenIsToldAndReplacedByASnapshot) {
  configure({.commit_log_bytes_max = 65'536});
  Peer& stage = connect("stage");
  Traveller& desk = travel();
  desk.lose();
  for (int i = 0; i < 2'000; ++i) stage.publish("/e", i);
  stage.set("/x", 1);
  EXPECT_FALSE(desk.come_back());
  EXPECT_EQ(desk.offer()->why, "overrun");
  EXPECT_THAT(desk.heard(), ElementsAre("SNAPSHOT /x=1@1"));
  EXPECT_EQ(router().gauges().sessions_detached, 0U) << "the old one has ended";
  EXPECT_EQ(router().stats().resumes_refused.at("overrun"), 1U);
}

TEST_F(ContractResume, Rule29AnotherRunOfTheRouterSaysSo) {
  Traveller& desk = travel();
  desk.lose();
  resume::Claim claim = desk.claim();
  ++claim.epoch;
  EXPECT_FALSE(desk.come_back(claim));
  EXPECT_EQ(desk.offer()->why, "restarted");
  EXPECT_EQ(router().gauges().sessions_detached, 1U) << "the session of this run is not concerned";
}

TEST_F(ContractResume, Rule29AWrongSecretIsAnsweredLikeAnUnknownSession) {
  Peer& stage = connect("stage");
  Traveller& desk = travel();
  desk.set("/x", 1, Qos::confirm, true);
  desk.lose();
  const resume::Claim right = desk.claim();
  Traveller thief(world(), "thief");
  thief.connect();
  for (std::size_t i = 0; i < right.secret.size(); ++i) {
    resume::Claim wrong = right;
    wrong.secret[i] ^= std::byte{1};
    EXPECT_FALSE(thief.come_back(wrong));
    EXPECT_EQ(thief.offer()->why, "unknown");
    EXPECT_FALSE(resume::same_secret(thief.offer()->secret, right.secret));
  }
  resume::Claim nobody_has = right;
  nobody_has.session = "00000000-0000-4000-8000-000000000000";
  EXPECT_FALSE(thief.come_back(nobody_has));
  EXPECT_EQ(thief.offer()->why, "unknown");
  stage.set("/x", 2);
  EXPECT_THAT(stage.received(), ElementsAre(HasSubstr("ERROR 401"))) << "the session was not touched";
  EXPECT_TRUE(desk.come_back(right));
}

TEST_F(ContractResume, Rule29ASecondLinkTakesOverFromOneThatIsHalfOpen) {
  Peer& stage = connect("stage");
  Traveller& desk = travel();
  stage.publish("/e", 1);
  Peer& dead = desk.peer();
  desk.fall_silent(0);
  stage.publish("/e", 2);  // into the dead link
  EXPECT_TRUE(desk.come_back());
  EXPECT_TRUE(dead.sink.closed);
  EXPECT_THAT(dead.sink.close_text, HasSubstr("taken the session over"));
  stage.publish("/e", 3);
  EXPECT_THAT(desk.heard(), ElementsAre("PUBLISH event /e 1", "PUBLISH event /e 2", "PUBLISH event /e 3"));
  EXPECT_EQ(router().gauges().links, 2U);
}

TEST_F(ContractResume, Rule29OfTwoWhoClaimTheSameTheLastHasIt) {
  Traveller& desk = travel();
  const resume::Claim claim = desk.claim();
  Traveller other(world(), "other");
  EXPECT_TRUE(other.come_back(claim));
  Peer& second = other.peer();
  EXPECT_TRUE(desk.come_back(claim));
  EXPECT_TRUE(second.sink.closed);
  EXPECT_FALSE(desk.peer().sink.closed);
}

TEST_F(ContractResume, Rule29BothSidesCountSoThatNothingIsSaidTwiceOrLost) {
  Peer& stage = connect("stage");
  stage.subscribe("/**");
  stage.received();
  Traveller& desk = travel();
  desk.publish("/e", 1);  // arrives
  desk.lose();
  desk.publish("/e", 2);  // said while there is no link
  EXPECT_TRUE(desk.come_back());
  EXPECT_EQ(desk.offer()->frames, 2U) << "SUBSCRIBE and the first event";
  desk.publish("/e", 3);
  EXPECT_THAT(stage.received(), ElementsAre("PUBLISH event /e 1", "PUBLISH event /e 2", "PUBLISH event /e 3"));
}

TEST_F(ContractResume, Rule26AnAnswerThatWasLostComesOnceAndTheWriteIsNotDoneTwice) {
  Peer& stage = connect("stage");
  stage.subscribe("/**");
  Traveller& desk = travel();
  desk.set("/x", 1);
  desk.lose(1);  // the echo arrives, the ACK does not
  EXPECT_TRUE(desk.come_back());
  EXPECT_THAT(desk.heard(), ElementsAre("SET /x 1 rev=1", "ACK /x rev=1"));
  EXPECT_EQ(router().find("/x")->revision, 1U);
}

TEST_F(ContractResume, Rule13AParamIsToldOnceWithItsNewestValueAtItsFirstPlace) {
  Peer& stage = connect("stage");
  Traveller& desk = travel();
  desk.lose();
  stage.set("/x", 1);
  stage.publish("/e", "between");
  for (int i = 2; i < 100; ++i) stage.set("/x", i);
  EXPECT_TRUE(desk.come_back());
  EXPECT_THAT(desk.heard(), ElementsAre("SET /x 99 rev=99", "PUBLISH event /e \"between\""));
}

TEST_F(ContractResume, Rule13AParamThatIsGoneIsToldAsGone) {
  Peer& stage = connect("stage");
  const EncodedValue one(Value(1));
  stage.set(Set{.address = "/short", .value = one.view(), .ttl = Ttl{Ttl::Mode::absolute, 5}});
  Traveller& desk = travel();
  desk.lose();
  stage.set(Set{.address = "/later", .value = one.view(), .ttl = Ttl{Ttl::Mode::absolute, 2}});
  advance(10s);
  stage.set("/again", 1);
  EXPECT_TRUE(desk.come_back());
  EXPECT_THAT(desk.heard(), ElementsAre("SET /later null rev=2", "SET /short null rev=2", "SET /again 1 rev=1"));
}

TEST_F(ContractResume, Rule2WhoHearsAnEventHoldsNoOlderValueOfAParamThatIsGone) {
  Peer& stage = connect("stage");
  const EncodedValue one(Value(1));
  stage.set("/x", 0);
  Traveller& desk = travel();
  desk.lose();
  stage.set(Set{.address = "/x", .value = one.view(), .ttl = Ttl{Ttl::Mode::absolute, 1}});
  stage.publish("/e", "behind the first");
  advance(2s);
  stage.publish("/e", "behind the end");
  stage.set("/y", 1);
  stage.set(Set{.address = "/z", .value = one.view(), .ttl = Ttl{Ttl::Mode::absolute, 1}});
  advance(2s);
  stage.publish("/e", "behind the end of z");
  stage.set("/z", "back");
  EXPECT_TRUE(desk.come_back());
  EXPECT_THAT(desk.heard(), ElementsAre("SET /x null rev=3", "PUBLISH event /e \"behind the first\"", "PUBLISH event /e \"behind the end\"",
                                        "SET /y 1 rev=1", "SET /z \"back\" rev=3", "PUBLISH event /e \"behind the end of z\""));
}

// What waited for the link names its params by ids, which are given to others while nobody tells this session.
TEST_F(ContractResume, Rule13WhatWaitedDoesNotShowAnotherParam) {
  configure({.params_max = 2, .eviction = EvictionPolicy::oldest_first, .window_bytes = 64, .window_bytes_congested = 64});
  Peer& stage = connect("stage");
  Traveller& desk = travel();
  desk.peer().stall();
  stage.publish("/e", std::string(200, 'x'));
  stage.set("/a", 1);
  stage.set("/b", 2);
  desk.lose(1);
  for (int i = 0; i < 4; ++i) stage.set(fmt::format("/c{}", i), i);
  EXPECT_TRUE(desk.come_back());
  const auto lines = desk.heard();
  EXPECT_EQ(std::ranges::count(lines, "SET /a null rev=2"), 1) << "once, though it waited when it went";
  EXPECT_EQ(std::ranges::count(lines, "SET /b null rev=2"), 1);
  EXPECT_THAT(lines, Contains("SET /c2 2 rev=1"));
  EXPECT_THAT(lines, Contains("SET /c3 3 rev=1"));
}

TEST_F(ContractResume, Rule15TooMuchToKeepEndsItAndItsClientIsTold) {
  configure({.window_bytes = 4'096, .undroppable_bytes_max = 65'536});
  Peer& stage = connect("stage");
  Traveller& desk = travel();
  desk.peer().stall();
  for (int i = 0; i < 2'000 && !desk.peer().sink.closed; ++i) stage.publish("/e", std::string(100, 'x'));
  EXPECT_TRUE(desk.peer().sink.closed);
  EXPECT_EQ(router().gauges().sessions_detached, 0U);
  desk.fall_silent();
  EXPECT_FALSE(desk.come_back());
  EXPECT_EQ(desk.offer()->why, "unknown");
}

TEST_F(ContractResume, WhileDetachedNothingAccumulates) {
  Peer& stage = connect("stage");
  Traveller& desk = travel();
  desk.lose();
  for (int i = 0; i < 10'000; ++i) stage.publish("/e", std::string(100, 'x'));
  EXPECT_EQ(router().gauges().outbox_bytes, 0U);
}

TEST_F(ContractResume, ALargeBacklogComesInTurnsAndTheClientIsNotReadMeanwhile) {
  configure({.window_bytes = 16'384});
  Peer& stage = connect("stage");
  Traveller& desk = travel();
  desk.lose();
  for (int i = 0; i < 20'000; ++i) stage.publish("/e", i);
  Peer* back = nullptr;
  const EncodedValue wish(resume::to_value(resume::Request{.claim = desk.claim()}));
  back = &peer("desk");
  back->stall();
  back->send(Message{Hello{.version = 1, .features = feature::extended, .name = "desk", .block = {{resume::key, wish.view()}}}}, Qos::fire);
  EXPECT_FALSE(back->sink.reading);
  EXPECT_LT(back->sink.unsent, 32'768U) << "the log keeps what the link has no room for";
  EXPECT_LT(router().gauges().outbox_bytes, 2 * 262'144U);
  stage.publish("/e", "live");
  back->resume();
  EXPECT_TRUE(back->sink.reading);
  const auto lines = back->received();
  ASSERT_THAT(lines, SizeIs(20'002));
  for (int i = 0; i < 20'000; ++i) ASSERT_EQ(lines[static_cast<std::size_t>(i) + 1], fmt::format("PUBLISH event /e {}", i));
  EXPECT_EQ(lines.back(), "PUBLISH event /e \"live\"");
}

// A link that cannot keep up while it catches up becomes an ordinary slow link before the log forgets what it is about to read.
TEST_F(ContractResume, Rule14WhoCatchesUpTooSlowlyGetsTheNewestOfStreams) {
  configure({.window_bytes = 4'096, .window_bytes_congested = 4'096, .commit_log_bytes_max = 262'144});
  Peer& stage = connect("stage");
  Traveller& desk = travel();
  desk.lose();
  stage.publish("/e", "first");
  for (int i = 0; i < 1'500; ++i) stage.publish("/s", std::string(300, 'x'), SignalType::stream);
  ASSERT_GT(router().last_seq(), 1'000U);
  // Too much for the log already: what is left of it begins behind the event.
  EXPECT_FALSE(desk.come_back());
  desk.subscribe("/**");
  desk.heard();
  desk.lose();
  for (int i = 0; i < 400; ++i) stage.publish("/s", std::string(300, 'x'), SignalType::stream);
  stage.publish("/e", "kept");
  const EncodedValue wish(resume::to_value(resume::Request{.claim = desk.claim()}));
  Peer& back = peer("desk");
  back.stall();
  back.send(Message{Hello{.version = 1, .features = feature::extended, .name = "desk", .block = {{resume::key, wish.view()}}}}, Qos::fire);
  for (int i = 0; i < 3'000; ++i) {
    stage.publish("/s", i, SignalType::stream);
    if (i % 100 == 0) advance(10ms);
  }
  ASSERT_FALSE(back.sink.closed) << back.sink.close_text;
  back.resume();
  const auto lines = back.received();
  EXPECT_THAT(lines, Contains("PUBLISH event /e \"kept\""));
  EXPECT_THAT(lines, Contains("PUBLISH stream /s 2999"));
  EXPECT_LT(lines.size(), 3'000U);
  EXPECT_GT(router().stats().streams_dropped, 0U);
}

TEST_F(ContractResume, Rule10HeldValuesArePending) {
  Peer& stage = connect("stage");
  Traveller desk(world(), "desk");
  desk.connect();
  desk.subscribe("/**", {.max_rate = 1});
  stage.set("/x", 1);
  stage.set("/x", 2);
  EXPECT_THAT(desk.heard(), ElementsAre("SNAPSHOT", "SET /x 1 rev=1"));
  desk.lose();
  advance(5s);
  EXPECT_TRUE(desk.come_back());
  advance(5s);
  EXPECT_THAT(desk.heard(), ElementsAre("SET /x 2 rev=2"));
}

TEST_F(ContractResume, Rule6ASnapshotGoesOnWhereItWas) {
  configure({.window_bytes = 2'048, .window_bytes_congested = 2'048, .snapshot_chunk_bytes = 512});
  Peer& stage = connect("stage");
  for (int i = 0; i < 200; ++i) stage.set(fmt::format("/p/{:03}", i), i, Qos::fire);
  Traveller desk(world(), "desk");
  desk.connect();
  desk.heard();
  desk.peer().stall();
  desk.subscribe("/p/*");
  std::string all;
  desk.listen(2);
  for (const std::string& line : desk.heard()) all += line + ' ';
  EXPECT_THAT(all, Not(HasSubstr("/p/150")));
  desk.lose();
  stage.set("/p/150", "changed", Qos::fire);
  EXPECT_TRUE(desk.come_back());
  for (const std::string& line : desk.heard()) all += line + ' ';
  EXPECT_THAT(all, HasSubstr("SET /p/150 \"changed\" rev=2"));
  for (int i = 0; i < 200; ++i) {
    const std::string address = fmt::format(" /p/{:03}", i);
    const std::size_t place = all.find(address);
    EXPECT_NE(place, std::string::npos) << address;
    EXPECT_EQ(all.find(address, place + 1), std::string::npos) << address << " came twice";
  }
}

TEST_F(ContractResume, Rule32AfterARevocationNothingThatWasMissedIsTold) {
  Peer& stage = connect("stage");
  Traveller& desk = travel();
  stage.publish("/secret/e", 1);
  desk.lose(0);
  stage.publish("/secret/e", 2);
  class Pub final : public GrantSet {
   public:
    bool allows(Action, std::string_view address) const override { return address.starts_with("/pub"); }
    bool covers(Action, const Pattern& pattern) const override { return pattern.text().starts_with("/pub"); }
  };
  router().set_grants(id_of(desk.session()), std::make_shared<Pub>(), world().now());
  EXPECT_FALSE(desk.come_back());
  EXPECT_EQ(desk.offer()->why, "rights");
  EXPECT_THAT(desk.heard(), ElementsAre("SNAPSHOT"));
}

TEST_F(ContractResume, Rule32AClosedAccessEndsADetachedSession) {
  Traveller& desk = travel();
  desk.lose();
  router().set_grants(id_of(desk.session()), nullptr, world().now());
  EXPECT_EQ(router().gauges().sessions_detached, 0U);
  EXPECT_FALSE(desk.come_back());
}

TEST_F(ContractResume, WhoSaysThatItLeavesIsGoneAtOnce) {
  Traveller& desk = travel();
  desk.set("/x", 1, Qos::confirm, true);
  desk.leave();
  EXPECT_EQ(router().gauges().sessions_detached, 0U);
  Peer& stage = connect("stage");
  stage.set("/x", 2);
  EXPECT_THAT(stage.received(), ElementsAre("ACK /x rev=2"));
}

TEST_F(ContractResume, ASilentLinkIsLostNotEnded) {
  Traveller& desk = travel();
  Peer& stage = connect("stage");
  desk.fall_silent();
  advance(200s);
  EXPECT_TRUE(desk.peer().sink.closed);
  advance(10s);
  stage.publish("/e", 1);
  (void)stage.received();
  EXPECT_EQ(router().stats().sessions_detached, 1U);
}

TEST_F(ContractResume, TheOneLongestAwayEndsWhenThereAreTooMany) {
  configure({.detached_sessions_max = 3});
  std::vector<Traveller*> all;
  for (int i = 0; i < 5; ++i) all.push_back(&travel(fmt::format("desk {}", i)));
  for (Traveller* desk : all) desk->lose();
  EXPECT_EQ(router().gauges().sessions_detached, 3U);
  EXPECT_FALSE(all[0]->come_back());
  EXPECT_FALSE(all[1]->come_back());
  for (int i = 2; i < 5; ++i) EXPECT_TRUE(all[static_cast<std::size_t>(i)]->come_back());
}

TEST_F(ContractResume, DetachedSessionsDoNotCountAsSessions) {
  configure({.sessions_max = 2});
  Traveller& desk = travel();
  connect("stage");
  desk.lose();
  Peer& third = connect("third");
  EXPECT_FALSE(third.sink.closed);
  third.leave();
  EXPECT_TRUE(desk.come_back());
}

TEST_F(ContractResume, TimeThisProcessDidNotRunCountsAgainstNobody) {
  Traveller& desk = travel();
  connect("stage");
  desk.lose();
  world().stand_still(300s);
  EXPECT_TRUE(desk.come_back());
}

TEST_F(ContractResume, Rule33WhoDidNotAskIsToldNothing) {
  Peer& stage = connect("stage");
  Peer& plain = peer("plain");
  plain.send(Message{Hello{.version = 1, .features = feature::all_signals, .name = "plain"}}, Qos::fire);
  const auto welcome = decode_frame(plain.sink.frames.front());
  Decoder decoder;
  EXPECT_TRUE(std::get<Welcome>(decoder.decode(welcome->payload)->body).block.empty());
  plain.subscribe("/**");
  for (int i = 0; i < 1'000; ++i) stage.publish("/e", i), plain.set("/x", i);
  for (const std::string& line : plain.received()) ASSERT_THAT(line, Not(HasSubstr("??"))) << "a MARK, which it would not understand";
  ByteBuffer mark;
  resume::append_mark(mark, {.frames = 1});
  plain.send_raw(mark.view());
  EXPECT_THAT(plain.received(), ElementsAre(HasSubstr("ERROR 101"))) << "and it is no message for it";
  plain.leave();
  EXPECT_EQ(router().gauges().sessions_detached, 0U);
}

TEST_F(ContractResume, WithAWindowOfNothingThereIsNoResume) {
  configure({.resume_window = 0ms});
  Traveller desk(world(), "desk");
  desk.connect();
  EXPECT_FALSE(desk.offer());
  desk.lose();
  EXPECT_EQ(router().gauges().sessions_detached, 0U);
}

TEST_F(ContractResume, AClaimBeyondWhatWasSentIsRefused) {
  Traveller& desk = travel();
  resume::Claim claim = desk.claim();
  claim.frames += 1;
  desk.lose();
  EXPECT_FALSE(desk.come_back(claim));
  EXPECT_EQ(desk.offer()->why, "invalid");
}

TEST_F(ContractResume, WhatMakesNoSenseGetsASessionOfItsOwn) {
  for (const Value& value :
       {Value(7), Value("x"), Value(Map{{"session", Value("x")}, {"secret", Value("y")}}), Value(Map{{"secret", Value(std::string(60'000, 'a'))}})}) {
    Peer& odd = peer("odd");
    const EncodedValue encoded(value);
    odd.send(Message{Hello{.version = 1, .features = feature::extended, .name = "odd", .block = {{resume::key, encoded.view()}}}}, Qos::fire);
    EXPECT_THAT(odd.received(), ElementsAre("WELCOME", "SNAPSHOT"));
  }
  EXPECT_EQ(router().stats().resumes_refused.at("invalid"), 4U);
}

TEST_F(ContractResume, MarksBoundWhatIsKept) {
  Peer& stage = connect("stage");
  Traveller& desk = travel();
  for (int i = 0; i < 70'000; ++i) {
    stage.publish("/e", i);
    if (i % 100 == 0) {
      desk.heard();
      desk.mark();
    }
  }
  desk.heard();
  desk.lose();
  EXPECT_TRUE(desk.come_back());
  for (int i = 0; i < 66'000; ++i) stage.publish("/e", i);  // more than are remembered, and none is confirmed
  desk.lose(0);
  EXPECT_FALSE(desk.come_back());
  EXPECT_EQ(desk.offer()->why, "overrun");
}

TEST_F(ContractResume, TheRouterTellsHowMuchItHasReceived) {
  Traveller& desk = travel();
  for (int i = 0; i < 300; ++i) desk.publish("/e", i);
  std::vector<std::uint64_t> marks;
  for (const auto& bytes : desk.peer().sink.frames) {
    const auto frame = decode_frame(bytes);
    if (const auto mark = resume::find_mark(frame->payload)) marks.push_back(mark->frames);
  }
  EXPECT_THAT(marks, ElementsAre(128U, 256U));
}

// Durability sync: an answer that waits for the disk waits for the session as well.
TEST_F(ContractResume, Rule25AnswersThatWaitForTheDiskAreThereWhenTheClientIs) {
  configure({.durability = Durability::sync});
  Traveller& desk = travel();
  desk.set("/x", 1);
  EXPECT_THAT(desk.heard(), ElementsAre("SET /x 1 rev=1"));
  desk.lose();
  router().durable(router().last_seq(), world().now());
  EXPECT_TRUE(desk.come_back());
  EXPECT_THAT(desk.heard(), ElementsAre("ACK /x rev=1"));
}

TEST_F(ContractResume, Rule23AWaitingBundleOfADetachedSessionIsItsOwn) {
  Traveller& desk = travel();
  const EncodedValue one(Value(1));
  desk.say(Message{Bundle{.timestamp = UnixTime{world().unix_us() + 1'000'000},
                          .messages = {Message{Set{.address = "/x", .value = one.view(), .lock = true}}}}},
           Qos::commit);
  desk.lose();
  advance(2s);
  EXPECT_TRUE(desk.come_back());
  EXPECT_THAT(desk.heard(), ElementsAre("SET /x 1 rev=1", "ACK rev=1"));
  Peer& stage = connect("stage");
  stage.set("/x", 2);
  EXPECT_THAT(stage.received(), ElementsAre(HasSubstr("ERROR 401")));
}

TEST_F(ContractResume, SignalsToOneSessionWaitForIt) {
  Peer& stage = connect("stage");
  Traveller& desk = travel();
  desk.lose();
  stage.publish("/clasp/p2p/signal/" + desk.session(), "offer");
  EXPECT_THAT(stage.received(), IsEmpty());
  EXPECT_TRUE(desk.come_back());
  EXPECT_THAT(desk.heard(), ElementsAre("PUBLISH event /clasp/p2p/signal/" + desk.session() + " \"offer\""));
}

TEST_F(ContractResume, ShutdownEndsDetachedSessions) {
  Traveller& desk = travel();
  desk.lose();
  router().close_all({CloseCode::going_away, "shutdown"}, world().now());
  EXPECT_EQ(router().gauges().sessions_detached, 0U);
}

}  // namespace
}  // namespace clasp::router
