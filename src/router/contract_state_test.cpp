// Delivery contract, rules 19–24: revisions, lifetimes, locks, strategies, bundles.
#include "router/router_fixture.hpp"

namespace clasp::router {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ContractState : public RouterTest {
 protected:
  Message set(std::string_view address, const EncodedValue& value, std::optional<std::uint64_t> revision = {}) {
    return Message{Set{.address = address, .value = value.view(), .revision = revision}};
  }
  const EncodedValue one{1}, two{2}, three{3};
};

TEST_F(ContractState, Rule19RevisionsStartAtOneAndCountAcceptedWritesOnly) {
  Peer& peer = connect("peer");
  peer.set("/x", 5);
  peer.set("/x", 5);
  peer.set(Set{.address = "/x", .value = one.view(), .revision = 7});
  peer.set("/x", 6);
  EXPECT_THAT(peer.received(), ElementsAre("ACK /x rev=1", "ACK /x rev=2", "ERROR 400 RevisionConflict { expected: 7, actual: 2 } [/x]", "ACK /x rev=3"));
}

TEST_F(ContractState, Rule20ExpiryTellsSubscribersNullAndRevisionsContinue) {
  Peer& writer = connect("writer");
  Peer& watcher = connect("watcher");
  watcher.subscribe("/x");
  writer.set(Set{.address = "/x", .value = one.view(), .ttl = Ttl{Ttl::Mode::absolute, 5}});
  writer.forget();
  watcher.forget();
  advance(4'999ms);
  EXPECT_THAT(watcher.received(), IsEmpty());
  advance(1ms);
  EXPECT_THAT(watcher.received(), ElementsAre("SET /x null rev=2")) << "on time, not on a sweep";
  Peer& late = peer("late");
  late.hello();
  EXPECT_THAT(late.received(), ElementsAre("WELCOME", "SNAPSHOT"));
  writer.set("/x", 2);
  EXPECT_THAT(writer.received(), ElementsAre("ACK /x rev=3"));
}

TEST_F(ContractState, ASlidingLifetimeIsRenewedByWritesAndReads) {
  Peer& peer = connect("peer");
  peer.set(Set{.address = "/x", .value = one.view(), .ttl = Ttl{Ttl::Mode::sliding, 10}});
  advance(9s);
  peer.get("/x");
  advance(9s);
  peer.set("/x", 2, Qos::fire);
  advance(9s);
  EXPECT_TRUE(router().find("/x"));
  advance(1001ms);
  EXPECT_FALSE(router().find("/x"));
}

TEST_F(ContractState, ALifetimeOfZeroAbsoluteSecondsMeansNever) {
  Peer& peer = connect("peer");
  ByteBuffer frame;  // Python's ttl=0, absolute=True: 0x80000000
  const char payload[] = "\x21\x10\x00\x02/a\x80\x00\x00\x00";
  frame.u8(0x53), frame.u8(0x41), frame.u16(sizeof payload - 1);
  frame.append(as_bytes(std::string_view(payload, sizeof payload - 1)));
  peer.send_raw(frame.view());
  advance(1h);
  EXPECT_TRUE(router().find("/a"));
}

TEST_F(ContractState, Rule20EvictionTellsSubscribersToo) {
  Config config;
  config.params_max = 2;
  config.eviction = EvictionPolicy::lru;
  configure(config);
  Peer& peer = connect("peer");
  peer.subscribe("/**");
  peer.set("/a", 1, Qos::fire);
  peer.set("/b", 1, Qos::fire);
  peer.get("/a");
  peer.forget();
  peer.set("/c", 1, Qos::fire);
  EXPECT_THAT(peer.received(), ElementsAre("SET /b null rev=2", "SET /c 1 rev=1"));
  EXPECT_EQ(router().stats().params_evicted, 1u);
}

TEST_F(ContractState, AtCapacityANewAddressIsRefusedClearlyAndOldOnesCanBeWritten) {
  Config config;
  config.params_max = 1;
  configure(config);
  Peer& peer = connect("peer");
  peer.set("/a", 1);
  peer.set("/b", 1);
  peer.set("/a", 2);
  EXPECT_THAT(peer.received(), ElementsAre("ACK /a rev=1", "ERROR 400 AtCapacity: the router holds its maximum of 1 params [/b]", "ACK /a rev=2"));
  EXPECT_EQ(router().stats().params_refused, 1u);
}

TEST_F(ContractState, Rule21WallClocksNeverDecide) {
  Peer& peer = connect("peer");
  peer.set("/x", 1);
  world().step_wall_clock(-3'600'000'000);
  peer.set("/x", 2);
  peer.set(Set{.address = "/x", .value = three.view(), .ttl = Ttl{Ttl::Mode::absolute, 5}, .lock = true});
  EXPECT_THAT(peer.received(), ElementsAre("ACK /x rev=1", "ACK /x rev=2", "ACK /x rev=3 locked"));
  advance(4'999ms);
  EXPECT_TRUE(router().find("/x"));
  advance(2ms);
  EXPECT_FALSE(router().find("/x"));
}

TEST_F(ContractState, RestoredValuesFromTheFutureDoNotBlockWriters) {
  const UnixTime ten_years{world().unix_us() + 315'360'000'000'000};
  ASSERT_TRUE(router().restore("/x", one.view(), 41, "restore", ten_years, {}, world().now()));
  Peer& peer = connect("peer");
  peer.set("/x", 2);
  EXPECT_THAT(peer.received(), ElementsAre("ACK /x rev=42"));
}

TEST_F(ContractState, LocksKeepOthersOutAndEndWithTheirHolder) {
  Peer& holder = connect("holder");
  Peer& other = connect("other");
  holder.set(Set{.address = "/x", .value = one.view(), .lock = true});
  EXPECT_THAT(holder.received(), ElementsAre("ACK /x rev=1 locked"));
  other.set("/x", 2);
  other.set(Set{.address = "/x", .value = two.view(), .unlock = true});
  const std::string held = fmt::format("ERROR 401 LockHeld {{ holder: \"{}\" }} [/x]", holder.session_id());
  EXPECT_THAT(other.received(), ElementsAre(held, held)) << "an unlock by somebody else does not pass either";
  holder.set("/x", 3);
  EXPECT_THAT(holder.received(), ElementsAre("ACK /x rev=2"));
  holder.leave();
  other.set("/x", 4);
  EXPECT_THAT(other.received(), ElementsAre("ACK /x rev=3"));
}

TEST_F(ContractState, TheHolderMayUnlock) {
  Peer& holder = connect("holder");
  Peer& other = connect("other");
  holder.set(Set{.address = "/x", .value = one.view(), .lock = true});
  holder.set(Set{.address = "/x", .value = two.view(), .unlock = true});
  other.set("/x", 3);
  EXPECT_THAT(other.received(), ElementsAre("ACK /x rev=3"));
}

TEST_F(ContractState, StrategiesAreChosenPerPattern) {
  Config config;
  config.strategies = {{"/max/**", ConflictStrategy::max}, {"/min/*", ConflictStrategy::min}};
  configure(config);
  Peer& peer = connect("peer");
  for (const int value : {5, 3, 7}) peer.set("/max/x", value);
  for (const int value : {5, 3, 7}) peer.set("/min/x", value);
  EXPECT_THAT(peer.received(), ElementsAre("ACK /max/x rev=1", "ERROR 400 ConflictRejected [/max/x]", "ACK /max/x rev=2", "ACK /min/x rev=1",
                                           "ACK /min/x rev=2", "ERROR 400 ConflictRejected [/min/x]"));
  router().set_strategy(*Pattern::parse("/api/**"), ConflictStrategy::max);
  peer.set("/api/x", 2);
  peer.set("/api/x", 1);
  EXPECT_THAT(peer.received(), ElementsAre("ACK /api/x rev=1", "ERROR 400 ConflictRejected [/api/x]"));
}

TEST_F(ContractState, Rule22ABundleIsAllOrNothing) {
  Peer& holder = connect("holder");
  Peer& peer = connect("peer");
  holder.set(Set{.address = "/locked", .value = one.view(), .lock = true});
  peer.subscribe("/**");
  peer.forget();
  peer.bundle({set("/a", one), set("/locked", two), set("/b", two)});
  EXPECT_THAT(peer.received(), ElementsAre(HasSubstr("ERROR 401 LockHeld")));
  EXPECT_FALSE(router().find("/a"));
  peer.bundle({set("/a", one), set("/b", two), Message{Publish{.address = "/go", .signal = SignalType::event}}});
  EXPECT_THAT(peer.received(), ElementsAre("SET /a 1 rev=1", "SET /b 2 rev=1", "ACK rev=1"));
}

TEST_F(ContractState, Rule22EachMemberSeesThoseBeforeIt) {
  Peer& peer = connect("peer");
  peer.bundle({set("/x", one), set("/x", two, 1), set("/x", three, 2)});
  EXPECT_THAT(peer.received(), ElementsAre("ACK rev=3"));
  peer.bundle({set("/x", one, 3), set("/x", two, 3)});
  EXPECT_THAT(peer.received(), ElementsAre("ERROR 400 RevisionConflict { expected: 3, actual: 4 } [/x]"));
  EXPECT_EQ(router().find("/x")->revision, 3u);
}

TEST_F(ContractState, Rule22CapacityCountsTheWholeBundle) {
  Config config;
  config.params_max = 2;
  configure(config);
  Peer& peer = connect("peer");
  peer.bundle({set("/a", one), set("/b", one), set("/c", one)});
  EXPECT_THAT(peer.received(), ElementsAre(HasSubstr("AtCapacity")));
  EXPECT_EQ(router().gauges().params, 0u);
}

TEST_F(ContractState, Rule22AValueThatLosesByItsStrategyIsNoRefusal) {
  Config config;
  config.strategies = {{"/max", ConflictStrategy::max}};
  configure(config);
  Peer& peer = connect("peer");
  peer.set("/max", 10);
  peer.forget();
  peer.bundle({set("/max", one), set("/a", two)});
  EXPECT_THAT(peer.received(), ElementsAre("ACK rev=1"));
  EXPECT_EQ(describe_value(router().find("/max")->value), "10");
}

TEST_F(ContractState, Rule23ABundleIsExecutedAtItsTimeInOrderOfReceipt) {
  Peer& peer = connect("peer");
  Peer& watcher = connect("watcher");
  watcher.subscribe("/**");
  const UnixTime at{world().unix_us() + 200'000};
  peer.bundle({set("/x", one)}, at);
  peer.bundle({set("/x", two)}, at);
  EXPECT_THAT(peer.received(), IsEmpty()) << "it is acknowledged when executed";
  advance(199'999us);
  EXPECT_THAT(watcher.received(), IsEmpty());
  advance(1us);
  EXPECT_THAT(watcher.received(), ElementsAre("SET /x 1 rev=1", "SET /x 2 rev=2"));
  EXPECT_THAT(peer.received(), ElementsAre("ACK rev=1", "ACK rev=2"));
  peer.bundle({set("/x", three)}, UnixTime{world().unix_us() - 1});
  EXPECT_THAT(watcher.received(), ElementsAre("SET /x 3 rev=3")) << "at once if past";
}

TEST_F(ContractState, Rule23AWaitingBundleOutlivesItsSender) {
  Peer& peer = connect("peer");
  Peer& watcher = connect("watcher");
  watcher.subscribe("/**");
  peer.bundle({set("/x", one)}, UnixTime{world().unix_us() + 100'000});
  peer.leave();
  advance(100ms);
  EXPECT_THAT(watcher.received(), ElementsAre("SET /x 1 rev=1"));
}

TEST_F(ContractState, Rule23BeyondTheHorizonABundleIsRefusedAndBlocksNobody) {
  Peer& peer = connect("peer");
  peer.bundle({set("/x", one)}, UnixTime{world().unix_us() + 90'000'000'000});
  EXPECT_THAT(peer.received(), ElementsAre(HasSubstr("ERROR 402 bundle timestamp is 90000 s ahead")));
  peer.bundle({set("/x", one)}, UnixTime{world().unix_us() + 3'600'000'000});
  peer.set("/x", 2);
  EXPECT_THAT(peer.received(), ElementsAre("ACK /x rev=1"));
}

TEST_F(ContractState, Rule23TheWaitingBundlesOfASessionAreBounded) {
  Config config;
  config.bundles_per_session_max = 2;
  configure(config);
  Peer& peer = connect("peer");
  for (int i = 0; i < 3; ++i) peer.bundle({set("/x", one)}, UnixTime{world().unix_us() + 100'000});
  EXPECT_THAT(peer.received(), ElementsAre(HasSubstr("ERROR 429 too many bundles")));
}

TEST_F(ContractState, Rule24SubscribersGetSingleFramesNextToEachOther) {
  Peer& peer = connect("peer");
  Peer& watcher = connect("watcher");
  watcher.subscribe("/**");
  peer.bundle({set("/a", one), Message{Bundle{.messages = {set("/b", two)}}}, Message{Publish{.address = "/e", .signal = SignalType::event, .value = three.view()}}});
  EXPECT_THAT(watcher.received(), ElementsAre("SET /a 1 rev=1", "SET /b 2 rev=1", "PUBLISH event /e 3"));
}

TEST_F(ContractState, AnEmptyBundleIsAcknowledgedWithoutRevision) {
  Peer& peer = connect("peer");
  peer.bundle({});
  EXPECT_THAT(peer.received(), ElementsAre("ACK"));
}

}  // namespace
}  // namespace clasp::router
