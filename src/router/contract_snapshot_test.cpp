// Delivery contract, rules 5–7: snapshots.
#include "router/router_fixture.hpp"

namespace clasp::router {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ContractSnapshot : public RouterTest {};

TEST_F(ContractSnapshot, Rule05WelcomeIsFirstThenASnapshotEvenWhenEmpty) {
  Peer& first = peer("first");
  first.hello();
  EXPECT_THAT(first.received(), ElementsAre("WELCOME", "SNAPSHOT"));
  first.set("/a", 1);
  Peer& second = peer("second");
  second.hello();
  EXPECT_THAT(second.received(), ElementsAre("WELCOME", "SNAPSHOT /a=1@1"));
}

TEST_F(ContractSnapshot, Rule05SubscribeGetsASnapshotOnlyIfAParamMatchesAndNeverAnAck) {
  Peer& peer = connect("peer");
  peer.set("/a/b", 1);
  peer.forget();
  peer.subscribe("/a/**", {}, TypeMask::of(SignalType::event));
  EXPECT_THAT(peer.received(), ElementsAre("SNAPSHOT /a/b=1@1")) << "whatever the type mask";
  peer.subscribe("/none/**");
  EXPECT_THAT(peer.received(), IsEmpty());
}

TEST_F(ContractSnapshot, APatternWithGlobstarAlsoBringsTheParent) {
  Peer& peer = connect("peer");
  peer.set("/chat", "room");
  peer.set("/chat/x", 1);
  peer.forget();
  peer.subscribe("/chat/**");
  EXPECT_THAT(peer.received(), ElementsAre("SNAPSHOT /chat=\"room\"@1 /chat/x=1@1"));
}

TEST_F(ContractSnapshot, ALargeStateComesInFramesOfBoundedSizeAndComplete) {
  Peer& writer = connect("writer");
  for (int i = 0; i < 3000; ++i) writer.set(fmt::format("/state/{}/value", i), std::string(40, 'v'), Qos::fire);
  Peer& late = peer("late");
  late.hello();
  std::size_t params = 0;
  std::size_t frames = 0;
  for (const auto& bytes : late.sink.frames) {
    Decoder decoder;
    const auto message = decoder.decode(decode_frame(bytes)->payload);
    if (const auto* snapshot = std::get_if<Snapshot>(&message->body)) {
      params += snapshot->params.size();
      ++frames;
      EXPECT_LE(snapshot->params.size(), wire::snapshot_params_max);
      EXPECT_LE(bytes.size(), wire::frame_bytes_max);
    }
  }
  EXPECT_EQ(params, 3000u);
  EXPECT_GT(frames, 10u);
}

TEST_F(ContractSnapshot, ALargeSnapshotSharesTheTurnWithOthers) {
  Peer& writer = connect("writer");
  for (int i = 0; i < 30000; ++i) writer.set(fmt::format("/state/{}/value", i), std::string(60, 'v'), Qos::fire);
  Peer& late = peer("late");
  late.stall();
  late.hello();
  EXPECT_LT(late.sink.received_bytes, 200'000u) << "a link with no room gets no more than its window";
  EXPECT_EQ(router().gauges().snapshots_running, 1u);
  late.resume();
  EXPECT_EQ(router().gauges().snapshots_running, 0u);
}

TEST_F(ContractSnapshot, Rule06NothingIsMissingWhenValuesChangeDuringTheSnapshot) {
  Peer& writer = connect("writer");
  for (int i = 0; i < 5000; ++i) writer.set(fmt::format("/s/{:05}", i), std::string(60, 'a'), Qos::fire);
  Peer& late = connect("late");
  late.forget();
  late.stall();
  late.subscribe("/s/**");
  for (int i = 0; i < 5000; i += 7) writer.set(fmt::format("/s/{:05}", i), "changed", Qos::fire);
  writer.set("/s/99999", "new", Qos::fire);
  for (int i = 0; i < 4000; ++i) late.drain(1000);
  late.resume();
  std::map<std::string, std::pair<std::string, std::uint64_t>> seen;
  for (const auto& bytes : late.sink.frames) {
    Decoder decoder;
    const auto message = decoder.decode(decode_frame(bytes)->payload);
    const auto see = [&](std::string_view address, const ValueView& value, std::uint64_t revision) {
      auto& entry = seen[std::string(address)];
      ASSERT_GE(revision, entry.second) << address << ": a revision fell (rule 7)";
      entry = {describe_value(value), revision};
    };
    if (const auto* snapshot = std::get_if<Snapshot>(&message->body))
      for (const SnapshotParam& param : snapshot->params) see(param.address, param.value, param.revision);
    if (const auto* set = std::get_if<Set>(&message->body)) see(set->address, set->value, *set->revision);
  }
  EXPECT_EQ(seen.size(), 5001u);
  router().for_each(*Pattern::parse("/s/**"), [&](const Router::ParamView& param) {
    EXPECT_EQ(seen[std::string(param.address)], std::pair(describe_value(param.value), param.revision)) << param.address;
  });
}

TEST_F(ContractSnapshot, Rule07AGetNeverShowsALowerRevisionThanWasSeen) {
  Peer& writer = connect("writer");
  Peer& slow = connect("slow");
  slow.subscribe("/**");
  slow.stall();
  for (int i = 1; i <= 4000; ++i) {
    writer.set("/x", std::string(500, 'x'), Qos::fire);
    if (i % 100 == 0) slow.get("/x");
  }
  slow.resume();
  std::uint64_t last = 0;
  std::size_t answers = 0;
  for (const auto& bytes : slow.sink.frames) {
    Decoder decoder;
    const auto message = decoder.decode(decode_frame(bytes)->payload);
    std::uint64_t revision = last;
    if (const auto* snapshot = std::get_if<Snapshot>(&message->body)) revision = snapshot->params.at(0).revision, ++answers;
    if (const auto* set = std::get_if<Set>(&message->body)) revision = *set->revision;
    ASSERT_GE(revision, last);
    last = revision;
  }
  EXPECT_EQ(answers, 40u) << "answers are never dropped";
  EXPECT_EQ(last, 4000u);
}

TEST_F(ContractSnapshot, AnUnsubscribedPatternStopsItsSnapshot) {
  Peer& writer = connect("writer");
  for (int i = 0; i < 5000; ++i) writer.set(fmt::format("/s/{}", i), std::string(60, 'a'), Qos::fire);
  Peer& late = connect("late");
  late.forget();
  late.stall();
  late.subscribe("/s/**");
  late.unsubscribe(1);
  const std::size_t before = late.sink.frames.size();
  late.resume();
  EXPECT_EQ(late.sink.frames.size(), before);
}

// Found by the simulation: a turn whose budget ended with the snapshots it had looked at said that nothing was left, and the others waited for a reason
// to have another turn.
TEST_F(ContractSnapshot, Rule06ATurnSaysWhenSnapshotsAreLeftForTheNext) {
  Config config;
  config.window_bytes = 200;
  configure(config);
  Peer& writer = connect("writer");
  writer.set("/big", std::string(60'000, 'b'));
  std::vector<Peer*> waiting;
  for (int i = 0; i < 30; ++i) {
    Peer& reader = connect(fmt::format("reader{}", i));
    reader.stall();
    reader.get("/big");  // fills its window, so that the snapshot has to wait
    reader.subscribe("/big");
    reader.forget();
    waiting.push_back(&reader);
  }
  for (Peer* reader : waiting) reader->sink.stalled = false;
  world().turn();  // as often as the router says that something is left
  for (Peer* reader : waiting) EXPECT_EQ(reader->frames_waiting(), 1U);
}

TEST_F(ContractSnapshot, AClientMayAskForNoSnapshotAfterWelcome) {
  Peer& writer = connect("writer");
  writer.set("/a", 1);
  Peer& tool = peer("tool");
  const EncodedValue none("none");
  tool.send(Message{Hello{.version = 1, .features = feature::all_signals | feature::extended, .name = "tool", .block = {{"snapshot", none.view()}}}}, Qos::fire);
  EXPECT_THAT(tool.received(), ElementsAre("WELCOME"));
  tool.get("/a");
  EXPECT_THAT(tool.received(), ElementsAre("SNAPSHOT /a=1@1"));
}

}  // namespace
}  // namespace clasp::router
