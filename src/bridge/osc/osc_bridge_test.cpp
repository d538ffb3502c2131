#include "bridge/osc/osc_bridge.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <utility>

#include "bridge/osc/osc_test_bytes.hpp"
#include "core/limits.hpp"

namespace clasp::bridge::osc {
namespace {

using namespace std::chrono_literals;
using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t start_unix_s = 1'767'225'600;  // 2026-01-01

std::string describe(const Message& message) {
  if (const Set* set = std::get_if<Set>(&message.body)) return fmt::format("SET {} {}", set->address, to_json(to_value(set->value)));
  const Publish& publish = std::get<Publish>(message.body);
  return fmt::format("PUBLISH {} {} {}", signal_name(*publish.signal), publish.address, to_json(to_value(*publish.value)));
}

// A router that writes down what it is told. Times are seconds after the start of the test.
class FakeLink final : public RouterLink {
 public:
  void open(const BridgeIdentity& identity, std::span<const std::string> patterns, bool snapshot, RouterLinkListener& listener) override {
    lines.push_back(fmt::format("open {} {} {} snapshot={}", identity.ns, identity.protocol, fmt::join(patterns, ","), snapshot));
    listener_ = &listener;
  }
  void close() override {
    lines.emplace_back("close");
    listener_ = nullptr;
  }
  void set(std::string_view address, const ValueView& value, PeerTag peer) override {
    lines.push_back(fmt::format("SET {} {} from {}", address, to_json(to_value(value)), static_cast<std::uint32_t>(peer)));
    last_value = to_value(value);
  }
  void publish(const Publish& publish, PeerTag peer) override {
    lines.push_back(fmt::format("{} from {}", describe({publish}), static_cast<std::uint32_t>(peer)));
  }
  void bundle(std::span<const Message> messages, std::optional<UnixTime> at, PeerTag peer) override {
    std::string text;
    ByteBuffer frame;
    std::size_t bytes = 16;
    for (const Message& message : messages) {
      text += fmt::format("{}{}", text.empty() ? "" : ", ", describe(message));
      const Set* set = std::get_if<Set>(&message.body);
      bytes += 8 + (set != nullptr ? set->address.size() + set->value.encoded_bytes() : 0);
    }
    EXPECT_LE(bytes, wire::payload_bytes_max) << "more than a frame can carry";
    bundle_sizes.push_back(messages.size());
    const std::string when = at ? fmt::format("at {}", at->us / 1'000'000 - start_unix_s) : "now";
    lines.push_back(fmt::format("BUNDLE {} [{}] from {}", when, text, static_cast<std::uint32_t>(peer)));
  }

  RouterLinkListener& listener() { return *listener_; }
  std::vector<std::string> take() { return std::exchange(lines, {}); }

  std::vector<std::string> lines;
  std::vector<std::size_t> bundle_sizes;
  Value last_value;

 private:
  RouterLinkListener* listener_ = nullptr;
};

class FakeNetwork final : public DatagramSink, public OscLog {
 public:
  bool send(Bytes packet, const Endpoint& to) override {
    if (broken) return false;
    sent.push_back(fmt::format("{} <- {}", to.port, to_hex(packet)));
    return true;
  }
  SteadyTime now() const override { return time; }
  void deadline_changed() override { ++wakes; }
  void line(std::string_view text) override { log.emplace_back(text); }
  std::vector<std::string> take() { return std::exchange(sent, {}); }

  SteadyTime time{1'000'000'000};
  std::vector<std::string> sent;
  std::vector<std::string> log;
  int wakes = 0;
  bool broken = false;
};

class OscBridgeTest : public testing::Test {
 protected:
  void begin(OscConfig config = {}) {
    bridge_ = std::make_unique<OscBridge>(link_, std::move(config), network_, network_);
    bridge_->start();
    link_.take();
  }
  Now now() const {
    const UnixTime unix_time{start_unix_s * 1'000'000 + static_cast<std::uint64_t>(network_.time.us - 1'000'000'000)};
    return {.steady = network_.time, .unix_time = unix_time, .received = unix_time};
  }
  static Endpoint controller(std::uint16_t port) { return Endpoint::ipv4({192, 168, 1, 20}, port); }
  void hear(std::string_view packet, std::uint16_t port = 40001) { bridge_->datagram(as_bytes(packet), controller(port), now()); }

  // As the loop would: every deadline on the way is served.
  void wait(Micros duration) {
    const SteadyTime end = network_.time + duration;
    for (auto next = bridge_->next_deadline(); next && *next <= end; next = bridge_->next_deadline()) {
      network_.time = std::max(network_.time, *next);
      bridge_->advance(now());
    }
    network_.time = end;
  }

  void deliver(std::string_view address, const Value& value, PeerTag cause = PeerTag::none) {
    const EncodedValue encoded(value);
    LinkDelivery delivery;
    delivery.address = address;
    delivery.value = encoded.view();
    delivery.own = cause != PeerTag::none;
    delivery.peer = cause;
    link_.listener().delivered(delivery);
  }
  void deliver_publish(std::string_view address, SignalType signal, const Value& value, GesturePhase phase = GesturePhase::start) {
    const EncodedValue encoded(value);
    LinkDelivery delivery;
    delivery.is_set = false;
    delivery.signal = signal;
    delivery.phase = phase;
    delivery.address = address;
    delivery.value = encoded.view();
    link_.listener().delivered(delivery);
  }
  static TimeTag in(Micros offset, UnixTime from) { return to_time_tag({from.us + static_cast<std::uint64_t>(offset.count())}); }

  FakeLink link_;
  FakeNetwork network_;
  std::unique_ptr<OscBridge> bridge_;
};

// ---- cases from the field ----

TEST_F(OscBridgeTest, C01MixerDumpWithZeroTimeTagAndAMessageWithoutTypeTags) {
  begin();
  hear(
      hex("2362756e 646c6500 00000000 00000000 | 00000004 2f310000 | 00000014 2f312f6c 6162656c 53310000 2c730000 53756200 |"
          "00000014 2f312f73 6f6c6f2f 312f3100 2c660000 00000000"));
  EXPECT_THAT(link_.take(), ElementsAre("BUNDLE now [SET /osc/1 null, SET /osc/1/labelS1 \"Sub\", SET /osc/1/solo/1/1 0.0] from 1"));
  EXPECT_EQ(bridge_->counters().malformed, 0U);
}

TEST_F(OscBridgeTest, C02AGoodDatagramAfterBadOnesIsReadAndTheBadAreCounted) {
  begin();
  for (const std::string& bad :
       {hex("2f620000 2c620000 7fffffff 00000000"), hex("2362756e 646c6500"), hex("2f6f6b"), std::string(), nested_bundles(3'000, "")}) {
    hear(bad);
  }
  hear(hex("2f6f6b00 2c690000 00000001"));
  EXPECT_THAT(link_.take(), ElementsAre("SET /osc/ok 1 from 1"));
  EXPECT_EQ(bridge_->counters().received, 6U);
  EXPECT_EQ(bridge_->counters().malformed, 4U);
  EXPECT_EQ(bridge_->counters().too_deep, 1U);
}

TEST_F(OscBridgeTest, C03SenderClockFarAhead) {
  begin();
  const UnixTime start = now().unix_time;
  for (std::uint32_t i = 0; i < 100'000; ++i) hear(bundle(in(31'536'000s, start), {int_message("/late", i)}));
  EXPECT_THAT(link_.lines, SizeIs(100'000));
  EXPECT_EQ(link_.lines.back(), "SET /osc/late 99999 from 1") << "applied at once, so the fader moves";
  EXPECT_EQ(bridge_->counters().wrong_clock, 100'000U);
  link_.take();

  for (int i = 0; i < 10; ++i) hear(bundle(in(59s, start), {int_message("/near", 1)}));
  EXPECT_THAT(link_.take(), testing::AllOf(SizeIs(10), testing::Each("BUNDLE at 59 [SET /osc/near 1] from 1")));
  hear(bundle(TimeTag{0x64ULL << 32}, {int_message("/odd", 1)}));
  hear(int_message("/ok", 1));
  EXPECT_THAT(link_.take(), ElementsAre("SET /osc/odd 1 from 1", "SET /osc/ok 1 from 1"));
  EXPECT_EQ(bridge_->counters().wrong_clock, 100'001U);

  wait(5s);
  EXPECT_THAT(network_.log, ElementsAre(HasSubstr("clock of sender wrong"), HasSubstr("100000 time tags")));
}

TEST_F(OscBridgeTest, C04TwoControllersOnOneHost) {
  begin();
  hear(hex("2f680000 2c690000 00000001"), 40001);
  hear(hex("2f680000 2c690000 00000001"), 40002);
  EXPECT_THAT(link_.take(), ElementsAre("SET /osc/h 1 from 1", "SET /osc/h 1 from 2"));

  deliver("/osc/c", 0.5);
  EXPECT_THAT(network_.take(), ElementsAre("40002 <- 2f630000 2c660000 3f000000", "40001 <- 2f630000 2c660000 3f000000"));

  hear(hex("2f630000 2c660000 3e800000"), 40001);
  EXPECT_THAT(link_.take(), ElementsAre("SET /osc/c 0.25 from 1"));
  deliver("/osc/c", 0.25, PeerTag{1});
  EXPECT_THAT(network_.take(), ElementsAre("40002 <- 2f630000 2c660000 3e800000"));

  for (int i = 0; i < 8; ++i) {
    wait(5s);
    hear(int_message("/alive", 1), 40002);
  }
  deliver("/osc/c", 0.75);
  EXPECT_THAT(network_.take(), ElementsAre("40002 <- 2f630000 2c660000 3f400000"));
  hear(int_message("/h", 2), 40001);
  deliver("/osc/c", 1.0);
  EXPECT_THAT(network_.take(), SizeIs(2)) << "40001 comes back by sending one datagram";
}

TEST_F(OscBridgeTest, C05TextThatIsNotAscii) {
  begin();
  hear(hex("2f740000 2c730000 636166c3 a9000000"));
  hear(hex("2f740000 2c730000 636166e9 00000000"));
  EXPECT_THAT(link_.take(), ElementsAre("SET /osc/t \"café\" from 1", "SET /osc/t \"caf\xef\xbf\xbd\" from 1"));
  deliver("/osc/t", "Groß 9°");
  deliver("/osc/t", "\xf0\x9f\x8e\xb9");
  EXPECT_THAT(network_.take(), ElementsAre("40001 <- 2f740000 2c730000 47726fc3 9f2039c2 b0000000", "40001 <- 2f740000 2c730000 f09f8eb9 00000000"));
}

TEST_F(OscBridgeTest, C31NotANumberArrivesAsNotANumberAndIsNotResentForever) {
  begin();
  hear(hex("2f6e0000 2c660000 7fc00000"), 40001);
  ASSERT_NE(link_.last_value.floating(), nullptr);
  EXPECT_TRUE(std::isnan(*link_.last_value.floating()));
  hear(int_message("/hello", 1), 40002);
  deliver("/osc/n", std::nan(""), PeerTag{1});
  EXPECT_THAT(network_.take(), ElementsAre("40002 <- 2f6e0000 2c660000 7fc00000"));
  link_.take();
  hear(hex("2f6e0000 2c660000 7fc00000"), 40002);  // a motor fader that says what it was told
  EXPECT_THAT(link_.take(), IsEmpty());
  EXPECT_EQ(bridge_->counters().echoes_dropped, 1U);
}

// ---- life ----

TEST_F(OscBridgeTest, OpensTheLinkForItsNamespaceAndClosesIt) {
  bridge_ = std::make_unique<OscBridge>(link_, OscConfig{}, network_, network_);
  bridge_->start();
  bridge_->stop();
  EXPECT_THAT(link_.take(), ElementsAre("open /osc osc /osc/** snapshot=false", "close"));
  EXPECT_EQ(bridge_->next_deadline(), std::nullopt);
}

// ---- inbound ----

TEST_F(OscBridgeTest, AddressesAreEncodedOnTheWayInAndDecodedOnTheWayOut) {
  begin();
  hear(int_message("/ch/*/on", 1));
  hear(int_message("//a", 1));
  EXPECT_THAT(link_.take(), ElementsAre("SET /osc/ch/%2A/on 1 from 1", "SET /osc/%2Fa 1 from 1"));
  deliver("/osc/%2Fa", true);
  EXPECT_THAT(network_.take(), ElementsAre("40001 <- 2f2f6100 2c540000"));
  hear(int_message("/" + std::string(2'000, 'x'), 1));
  EXPECT_THAT(link_.take(), IsEmpty());
  EXPECT_EQ(bridge_->counters().invalid_address, 1U);
}

TEST_F(OscBridgeTest, TheKindOfAMessageFollowsItsAddress) {
  OscConfig config;
  config.kinds = {{*Pattern::parse("/osc/buttons/**"), MessageKind::event}, {*Pattern::parse("/osc/*/level"), MessageKind::stream}};
  begin(std::move(config));
  hear(int_message("/buttons/1", 1));
  hear(int_message("/mic/level", 2));
  hear(int_message("/fader", 3));
  hear(bundle(in(1s, now().unix_time), {int_message("/buttons/2", 1), int_message("/fader", 4)}));
  EXPECT_THAT(link_.take(), ElementsAre("PUBLISH event /osc/buttons/1 1 from 1", "PUBLISH stream /osc/mic/level 2 from 1", "SET /osc/fader 3 from 1",
                                        "BUNDLE at 1 [PUBLISH event /osc/buttons/2 1, SET /osc/fader 4] from 1"));
}

TEST_F(OscBridgeTest, BundlesStayTogetherAndOneImmediateMessageNeedsNone) {
  begin();
  hear(bundle(TimeTag::immediately, {int_message("/a", 1)}));
  hear(bundle(TimeTag::immediately, {int_message("/a", 1), int_message("/b", 2)}));
  hear(bundle(in(-1s, now().unix_time), {int_message("/past", 1)}));
  hear(bundle(in(2s, now().unix_time), {int_message("/later", 1)}));
  hear(bundle(TimeTag::immediately, {}));
  EXPECT_THAT(link_.take(), ElementsAre("SET /osc/a 1 from 1", "BUNDLE now [SET /osc/a 1, SET /osc/b 2] from 1", "SET /osc/past 1 from 1",
                                        "BUNDLE at 2 [SET /osc/later 1] from 1"));
}

TEST_F(OscBridgeTest, NestedBundlesAreExecutedTogetherWithOthersOfTheirTime) {
  begin();
  const UnixTime start = now().unix_time;
  hear(bundle(in(1s, start),
              {int_message("/a", 1), bundle(in(2s, start), {int_message("/b", 2)}), bundle(TimeTag::immediately, {int_message("/c", 3)})}));
  EXPECT_THAT(link_.take(), ElementsAre("BUNDLE at 1 [SET /osc/a 1, SET /osc/c 3] from 1", "BUNDLE at 2 [SET /osc/b 2] from 1"));
}

TEST_F(OscBridgeTest, TheReadablePartOfABundleFiftyDeepIsUsed) {
  begin();
  hear(bundle(TimeTag::immediately, {int_message("/before", 1), nested_bundles(50, int_message("/deep", 2)), int_message("/after", 3)}));
  EXPECT_THAT(link_.take(), ElementsAre("BUNDLE now [SET /osc/before 1, SET /osc/after 3] from 1"));
  EXPECT_EQ(bridge_->counters().too_deep, 1U);
}

TEST_F(OscBridgeTest, ABundleLargerThanAFrameIsSplitAndCounted) {
  begin();
  std::vector<std::string> elements;
  for (std::uint32_t i = 0; i < 3'000; ++i) elements.push_back(int_message(fmt::format("/number/{}", i), i));
  const std::string packet = bundle(in(1s, now().unix_time), elements);
  hear(packet);
  ASSERT_GE(link_.bundle_sizes.size(), 2U);
  EXPECT_EQ(std::accumulate(link_.bundle_sizes.begin(), link_.bundle_sizes.end(), std::size_t{0}), 3'000U);
  EXPECT_THAT(link_.lines, testing::Each(HasSubstr("BUNDLE at 1 [")));
  EXPECT_EQ(bridge_->counters().bundles_split, link_.bundle_sizes.size() - 1);
}

TEST_F(OscBridgeTest, ValuesAtTheLimitOfAFrameStillFitABundle) {
  begin();
  const std::string big = message("/s", ",s", text(std::string(wire::payload_bytes_max - 64 - 2 - 3, 'x')));
  hear(big);
  hear(bundle(in(1s, now().unix_time), {big}));
  EXPECT_THAT(link_.lines, SizeIs(2)) << "the fake checks the size of the bundle";
}

TEST_F(OscBridgeTest, AnswersPingWithTheSameArgumentsAndStillForwardsIt) {
  begin();
  hear(message("/ping", ",si", text("abc") + u32(7)));
  EXPECT_THAT(network_.take(), ElementsAre("40001 <- " + to_hex(as_bytes(message("/pong", ",si", text("abc") + u32(7))))));
  EXPECT_THAT(link_.take(), ElementsAre("SET /osc/ping [\"abc\",7] from 1"));

  OscConfig silent;
  silent.pong = false;
  begin(std::move(silent));
  hear(message("/ping", ","));
  EXPECT_THAT(network_.take(), IsEmpty());
}

TEST_F(OscBridgeTest, DispatchPatternsStandForTheAddressesTheyMatch) {
  OscConfig config;
  config.dispatch_patterns = true;
  begin(std::move(config));
  hear(int_message("/ch/1/on", 0));
  hear(int_message("/ch/2/on", 0));
  hear(int_message("/ch/2/name", 0));
  deliver("/osc/ch/3/on", 0);  // known because the router has it
  link_.take();
  hear(int_message("/ch/[1-9]/on", 1));
  std::vector<std::string> lines = link_.take();
  std::ranges::sort(lines);
  EXPECT_THAT(lines, ElementsAre("SET /osc/ch/1/on 1 from 1", "SET /osc/ch/2/on 1 from 1", "SET /osc/ch/3/on 1 from 1"));
  hear(int_message("/nothing/*", 1));
  hear(int_message("/{open", 1));
  EXPECT_THAT(link_.take(), IsEmpty());
  EXPECT_EQ(bridge_->counters().dispatch_unmatched, 2U);
}

TEST_F(OscBridgeTest, DispatchingIsBounded) {
  OscConfig config;
  config.dispatch_patterns = true;
  config.known_addresses_max = 10;
  config.dispatch_steps_max = 30;
  begin(std::move(config));
  for (std::uint32_t i = 0; i < 20; ++i) hear(int_message(fmt::format("/{}", i), 0));
  EXPECT_EQ(bridge_->counters().dispatch_cut, 10U);
  link_.take();
  hear(int_message("/*", 1));
  EXPECT_LT(link_.lines.size(), 20U);
  EXPECT_EQ(bridge_->counters().dispatch_cut, 11U);
}

// ---- echo ----

TEST_F(OscBridgeTest, AValueGoesBackToItsCauseOnlyIfEchoIsWanted) {
  begin();
  hear(int_message("/c", 1));
  deliver("/osc/c", 1, PeerTag{1});
  EXPECT_THAT(network_.take(), IsEmpty());

  OscConfig config;
  config.echo = true;
  begin(std::move(config));
  hear(int_message("/c", 1));
  deliver("/osc/c", 1, PeerTag{1});
  EXPECT_THAT(network_.take(), SizeIs(1));
}

TEST_F(OscBridgeTest, WhatADeviceSendsStraightBackIsNoNews) {
  begin();
  hear(int_message("/hello", 1));
  link_.take();
  deliver("/osc/fader", 0.3);
  hear(message("/fader", ",f", hex("3e99999a")));  // 0.3 as a float: digits were lost on the way
  EXPECT_THAT(link_.take(), IsEmpty());
  hear(message("/fader", ",f", hex("3e99999b")));
  EXPECT_THAT(link_.take(), SizeIs(1)) << "another value is news";
  wait(50ms);
  hear(message("/fader", ",f", hex("3e99999a")));
  EXPECT_THAT(link_.take(), SizeIs(1)) << "and so is the same one later";
  EXPECT_EQ(bridge_->counters().echoes_dropped, 1U);
}

TEST_F(OscBridgeTest, TwoPressesOfOneButtonAreTwoPresses) {
  OscConfig config;
  config.kinds = {{*Pattern::parse("/osc/**"), MessageKind::event}};
  begin(std::move(config));
  hear(int_message("/bang", 1), 40001);
  hear(int_message("/other", 1), 40002);
  deliver("/osc/bang", 1, PeerTag{1});  // went to 40002 only
  link_.take();
  hear(int_message("/bang", 1), 40001);
  EXPECT_THAT(link_.take(), SizeIs(1));
}

TEST_F(OscBridgeTest, AnEchoWindowOfZeroSeesNoEchoes) {
  OscConfig config;
  config.loopback_window = 0us;
  begin(std::move(config));
  hear(int_message("/hello", 1));
  deliver("/osc/a", 1);
  link_.take();
  hear(int_message("/a", 1));
  EXPECT_THAT(link_.take(), SizeIs(1));
}

// ---- outbound ----

TEST_F(OscBridgeTest, TargetsGetEverythingAndRepliesAreThenOff) {
  begin();
  const Endpoint targets[] = {controller(9001), controller(9002), Endpoint{}};
  bridge_->set_targets(targets);
  hear(int_message("/h", 1), 40001);
  hear(int_message("/h", 1), 9002);  // a target that also sends, from the same port
  deliver("/osc/c", true);
  EXPECT_THAT(network_.take(), ElementsAre("9001 <- 2f630000 2c540000", "9002 <- 2f630000 2c540000"));
  deliver("/osc/c", true, PeerTag{2});
  EXPECT_THAT(network_.take(), ElementsAre("9001 <- 2f630000 2c540000"));
}

TEST_F(OscBridgeTest, RepliesBesideTargetsIfAskedFor) {
  OscConfig config;
  config.reply_to_sender = true;
  begin(std::move(config));
  const Endpoint targets[] = {controller(9001)};
  bridge_->set_targets(targets);
  hear(int_message("/h", 1), 40001);
  hear(int_message("/h", 1), 9001);
  deliver("/osc/c", true);
  EXPECT_THAT(network_.take(), ElementsAre("9001 <- 2f630000 2c540000", "40001 <- 2f630000 2c540000")) << "nobody twice";

  OscConfig never;
  never.reply_to_sender = false;
  begin(std::move(never));
  hear(int_message("/h", 1), 40001);
  deliver("/osc/c", true);
  EXPECT_THAT(network_.take(), IsEmpty());
}

TEST_F(OscBridgeTest, RepliesMayGoToAFixedPort) {
  OscConfig config;
  config.send_port = 9000;
  begin(std::move(config));
  hear(int_message("/h", 1), 40001);
  hear(int_message("/h", 1), 40002);
  deliver("/osc/c", true);
  EXPECT_THAT(network_.take(), ElementsAre("9000 <- 2f630000 2c540000"));
  deliver("/osc/c", true, PeerTag{1});
  EXPECT_THAT(network_.take(), IsEmpty());
}

TEST_F(OscBridgeTest, OnlyWhatLiesInTheNamespaceIsSent) {
  begin();
  hear(int_message("/h", 1));
  for (const std::string_view address : {"/oscillator/1", "/osc", "/lights/1"}) deliver(address, 1);
  EXPECT_THAT(network_.take(), IsEmpty());
  EXPECT_EQ(bridge_->counters().outside_namespace, 3U);
}

TEST_F(OscBridgeTest, PublishesAreSentWithTheirValueOrSamples) {
  begin();
  hear(int_message("/h", 1));
  deliver_publish("/osc/e", SignalType::event, "go");
  LinkDelivery stream;
  const std::string samples = hex("3fe0000000000000");
  stream.is_set = false;
  stream.signal = SignalType::stream;
  stream.address = "/osc/s";
  stream.samples = as_bytes(samples);
  link_.listener().delivered(stream);
  stream.samples.reset();
  link_.listener().delivered(stream);
  EXPECT_THAT(network_.take(),
              ElementsAre("40001 <- 2f650000 2c730000 676f0000", "40001 <- 2f730000 2c660000 3f000000", "40001 <- 2f730000 2c000000"));
}

TEST_F(OscBridgeTest, AGestureShowsItsPhaseOnRequest) {
  OscConfig config;
  config.gesture_phase = true;
  begin(std::move(config));
  hear(int_message("/h", 1));
  deliver_publish("/osc/g", SignalType::gesture, 1, GesturePhase::end);
  deliver_publish("/osc/e", SignalType::event, 1, GesturePhase::end);
  EXPECT_THAT(network_.take(), ElementsAre("40001 <- 2f670000 2c697300 00000001 656e6400", "40001 <- 2f650000 2c690000 00000001"));
}

TEST_F(OscBridgeTest, WhatNoPacketCanHoldIsCounted) {
  OscConfig config;
  config.packet_bytes_max = 64;
  begin(std::move(config));
  hear(int_message("/h", 1));
  deliver("/osc/long", std::string(100, 'x'));
  EXPECT_THAT(network_.take(), IsEmpty());
  EXPECT_EQ(bridge_->counters().too_large, 1U);
  network_.broken = true;
  deliver("/osc/a", 1);
  EXPECT_EQ(bridge_->counters().send_failed, 1U);
  EXPECT_EQ(bridge_->counters().sent, 0U);
}

TEST_F(OscBridgeTest, AMaximumRateKeepsTheNewestValueOfEachAddress) {
  OscConfig config;
  config.rate_hz_max = 10;
  begin(std::move(config));
  hear(int_message("/h", 1));
  for (int i = 1; i <= 5; ++i) deliver("/osc/a", i);
  deliver("/osc/b", 9);
  deliver_publish("/osc/a", SignalType::event, 7);
  EXPECT_THAT(network_.take(), ElementsAre("40001 <- 2f610000 2c690000 00000001", "40001 <- 2f620000 2c690000 00000009",  //
                                           "40001 <- 2f610000 2c690000 00000007"))
      << "the first at once, events always";
  wait(99ms);
  EXPECT_THAT(network_.take(), IsEmpty());
  wait(1ms);
  EXPECT_THAT(network_.take(), ElementsAre("40001 <- 2f610000 2c690000 00000005"));
  EXPECT_EQ(bridge_->counters().replaced, 3U);
  hear(int_message("/a", 5));
  EXPECT_EQ(bridge_->counters().echoes_dropped, 1U) << "a late value is recognised as well when it comes back";
  wait(1s);
  deliver("/osc/a", 6);
  EXPECT_THAT(network_.take(), SizeIs(1));
  EXPECT_GT(network_.wakes, 0);
}

TEST_F(OscBridgeTest, SendersAreBoundedAndTheOldestMakesRoom) {
  OscConfig config;
  config.senders_max = 2;
  begin(std::move(config));
  for (std::uint16_t port = 1; port <= 3; ++port) hear(int_message("/h", 1), port);
  EXPECT_EQ(bridge_->counters().senders_evicted, 1U);
  deliver("/osc/c", true);
  EXPECT_THAT(network_.take(), ElementsAre("3 <- 2f630000 2c540000", "2 <- 2f630000 2c540000"));
}

TEST_F(OscBridgeTest, GarbageMakesNobodyASender) {
  begin();
  hear("not osc");
  deliver("/osc/c", true);
  EXPECT_THAT(network_.take(), IsEmpty());
}

// ---- news ----

TEST_F(OscBridgeTest, TheLogGetsAtMostOneLineASecondWithCounts) {
  begin();
  for (int i = 0; i < 1'000; ++i) hear("not osc");
  EXPECT_THAT(network_.log, ElementsAre("osc: 1 malformed packets or messages; last sender 192.168.1.20:40001"));
  wait(999ms);
  EXPECT_THAT(network_.log, SizeIs(1));
  wait(1ms);
  EXPECT_THAT(network_.log, SizeIs(2));
  EXPECT_EQ(network_.log.back(), "osc: 999 malformed packets or messages; last sender 192.168.1.20:40001");
  wait(1h);
  EXPECT_THAT(network_.log, SizeIs(2));
}

TEST_F(OscBridgeTest, RefusalsOfTheRouterAreCountedAndTold) {
  begin();
  link_.listener().refused({ErrorCode::forbidden, "no right to write /osc/x", "/osc/x"});
  EXPECT_EQ(bridge_->counters().refused, 1U);
  EXPECT_THAT(network_.log, ElementsAre("osc: 1 writes refused by the router; last refusal: no right to write /osc/x"));
}

}  // namespace
}  // namespace clasp::bridge::osc
