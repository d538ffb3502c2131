#include "bridge/mapped/mapped_link.hpp"

#include "bridge/local/local_link.hpp"
#include "bridge/mapped/mapping_timer.hpp"
#include "io/io_loop.hpp"
#include "router/router_fixture.hpp"

namespace clasp::bridge {
namespace {

using router::RouterTest;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

mapping::MappingTable table_of(std::string_view text) {
  mapping::MappingSource source;
  const auto read = mapping::read_mappings(text, "test.map", source);
  EXPECT_TRUE(read) << read.error().message;
  auto table = mapping::MappingTable::compile(source, {.protocol = "osc", .ns = "/osc", .transforms = {}});
  EXPECT_TRUE(table) << table.error().message;
  return std::move(*table);
}

// The bridge above: what it would send to its device, except to the peer that caused it.
class Bridge final : public RouterLinkListener {
 public:
  void link_up() override { ++ups; }
  void link_down(std::string_view) override {}
  void delivered(const LinkDelivery& delivery) override {
    std::string line = fmt::format("{} {}", delivery.address, delivery.value ? router::describe_value(*delivery.value) : "-");
    if (!delivery.is_set) line = fmt::format("{} {}", signal_name(delivery.signal), line);
    if (delivery.own) line += fmt::format(" own by {}", static_cast<std::uint32_t>(delivery.peer));
    lines.push_back(line);
    if (on_delivery) on_delivery(delivery);
  }
  void refused(const Error& error) override { lines.push_back(fmt::format("refused: {}", error.message)); }
  void answered(LinkTicket ticket, const LinkAnswer& answer) override {
    lines.push_back(fmt::format("answer {}: {}", static_cast<std::uint64_t>(ticket),
                                answer.error != nullptr ? answer.error->message : fmt::format("revision {}", answer.revision)));
  }
  std::vector<std::string> take() { return std::exchange(lines, {}); }
  std::vector<std::string> lines;
  std::function<void(const LinkDelivery&)> on_delivery;
  int ups = 0;
};

class MappedLinkTest : public RouterTest {
 protected:
  void begin(std::string_view mappings, bool pass = true) {
    local_.emplace(router(), [this] { return world().now(); }, 1);
    mapping::MappingTable table = table_of(mappings);
    if (!pass) table = dropping(mappings);
    link_.emplace(*local_, *NamespaceMap::parse("/osc"), std::move(table),
                  MappedLink::Outside{.clock = [this] { return world().now(); }, .log = [this](std::string_view line) { log_.emplace_back(line); }});
    const std::vector<std::string> patterns{"/osc/**"};
    link_->open({.name = "osc-bridge", .ns = "/osc", .protocol = "osc", .device = {}}, patterns, false, bridge_);
  }
  static mapping::MappingTable dropping(std::string_view text) {
    mapping::MappingSource source;
    EXPECT_TRUE(mapping::read_mappings(text, "test.map", source));
    source.pass_unmatched = false;
    return std::move(*mapping::MappingTable::compile(source, {.protocol = "osc", .ns = "/osc", .transforms = {}}));
  }
  void set(std::string_view address, const Value& value, std::uint32_t peer = 7) {
    const EncodedValue encoded(value);
    link_->set(address, encoded.view(), PeerTag{peer});
  }
  std::string held(std::string_view address) {
    const auto param = router().find(address);
    return param ? router::describe_value(param->value) : "nothing";
  }

  Bridge bridge_;
  std::vector<std::string> log_;
  std::optional<LocalRouterLink> local_;
  std::optional<MappedLink> link_;
};

constexpr const char* bank = "osc:/fader/{1..8} <-> /lights/{n}/dim | scale 0..1 0..255 | clamp 0 255";

TEST_F(MappedLinkTest, TurnsAFaderIntoALampAndBack) {
  begin(bank);
  set("/osc/fader/3", 0.5);
  EXPECT_EQ(held("/lights/3/dim"), "127.5");
  EXPECT_EQ(held("/osc/fader/3"), "nothing") << "it is there under one name only";
  EXPECT_THAT(bridge_.take(), ElementsAre("/osc/fader/3 0.5 own by 7")) << "so that the bridge does not send it back to the device that moved it";
  connect("desk").set("/lights/3/dim", 51);
  EXPECT_THAT(bridge_.take(), ElementsAre("/osc/fader/3 0.2"));
}

TEST_F(MappedLinkTest, WhatNoMappingHasPassesUnderItsName) {
  begin(bank);
  set("/osc/xy", 1);
  EXPECT_EQ(held("/osc/xy"), "1");
  router::Peer& desk = connect("desk");
  desk.set("/osc/other", 2);
  desk.set("/lights/9/dim", 3);
  EXPECT_THAT(bridge_.take(), ElementsAre("/osc/xy 1 own by 7", "/osc/other 2")) << "there is no fader 9";
}

TEST_F(MappedLinkTest, OrDoesNotPass) {
  begin(bank, false);
  set("/osc/xy", 1);
  EXPECT_EQ(held("/osc/xy"), "nothing");
  connect("desk").set("/osc/other", 2);
  EXPECT_THAT(bridge_.take(), IsEmpty());
  EXPECT_EQ(link_->counters().dropped_in, 1u);
}

TEST_F(MappedLinkTest, EventsStayEventsUnlessTheMappingSaysOtherwise) {
  begin("osc:/go/{n} -> /cue/{n}\nosc:/state/{n} -> /state/{n} | kind param\nosc:/note/{n} -> /note/{n} | kind event\n");
  router::Peer& desk = connect("desk");
  desk.subscribe("/**");
  desk.forget();
  const EncodedValue one{1};
  link_->publish({.address = "/osc/go/1", .signal = SignalType::event, .value = one.view()}, PeerTag{7});
  link_->publish({.address = "/osc/state/1", .signal = SignalType::event, .value = one.view()}, PeerTag{7});
  set("/osc/note/1", 5);
  EXPECT_THAT(desk.received(), ElementsAre("PUBLISH event /cue/1 1", "SET /state/1 1 rev=1", "PUBLISH event /note/1 5"));
}

TEST_F(MappedLinkTest, ABundleIsMappedMemberByMemberAndStaysOne) {
  begin(bank);
  const EncodedValue low{0.2};
  const EncodedValue high{0.4};
  Set first;
  first.address = "/osc/fader/1";
  first.value = low.view();
  Set second;
  second.address = "/osc/plain";
  second.value = high.view();
  const std::vector<Message> messages{{first}, {second}};
  const std::uint64_t commits = router().last_seq();
  link_->bundle(messages, std::nullopt, PeerTag{7});
  EXPECT_EQ(held("/lights/1/dim"), "51.0");
  EXPECT_EQ(held("/osc/plain"), "0.4");
  EXPECT_EQ(router().last_seq(), commits + 2);
}

TEST_F(MappedLinkTest, ATurnedDownFaultyValueIsToldToTheBridge) {
  begin("osc:/a -> /b\n");
  router::Peer& desk = connect("desk");
  const EncodedValue one{1};
  Set locked;
  locked.address = "/b";
  locked.value = one.view();
  locked.lock = true;
  desk.set(locked);
  set("/osc/a", 2);
  EXPECT_THAT(bridge_.lines, testing::Contains(HasSubstr("refused: ")));
  EXPECT_EQ(held("/b"), "1");
}

TEST_F(MappedLinkTest, NewMappingsTakeOverAndTheSessionStaysIfTheAddressesDo) {
  begin(bank);
  EXPECT_EQ(bridge_.ups, 1);
  link_->replace(table_of("osc:/fader/{1..8} <-> /lights/{n}/dim | scale 0..1 0..100\n"));
  set("/osc/fader/1", 0.5);
  EXPECT_EQ(held("/lights/1/dim"), "50.0");
  EXPECT_EQ(bridge_.ups, 1) << "no need to open again";
  link_->replace(table_of("osc:/fader/{1..8} <-> /desk/{n}\n"));
  EXPECT_EQ(bridge_.ups, 2);
  bridge_.take();
  router::Peer& desk = connect("desk");
  desk.set("/desk/2", 0.25);
  desk.set("/lights/2/dim", 9);
  EXPECT_THAT(bridge_.take(), ElementsAre("/osc/fader/2 0.25")) << "the old addresses are no longer subscribed";
}

TEST_F(MappedLinkTest, AnExpressionThatFailsIsToldOnceASecondAndCounted) {
  begin("osc:/a -> /b | expr ivalue / 0\n");
  for (int i = 0; i < 5; ++i) set("/osc/a", i);
  EXPECT_EQ(held("/b"), "4");
  EXPECT_EQ(link_->counters().faults, 5u);
  EXPECT_THAT(log_, ElementsAre("osc-bridge: test.map:1: mapping 1: division by zero; the value stays as it was"));
  link_->replace(table_of("osc:/a -> /b | expr 1 % 0\n"));
  set("/osc/a", 1);
  EXPECT_EQ(link_->counters().faults, 6u);
}

TEST_F(MappedLinkTest, HeldFeedbackComesWhenItIsDue) {
  begin("osc:/fader/{n} <-> /lights/{n} | feedback 10hz\n");
  router::Peer& desk = connect("desk");
  for (int i = 0; i <= 5; ++i) desk.set("/lights/1", i);
  EXPECT_THAT(bridge_.take(), ElementsAre("/osc/fader/1 0"));
  ASSERT_TRUE(link_->next_deadline());
  world().advance(Micros{100'000});
  link_->advance(world().now());
  EXPECT_THAT(bridge_.take(), ElementsAre("/osc/fader/1 5"));
}

TEST_F(MappedLinkTest, EventsAreNeverHeld) {
  begin("osc:/fader/{n} <-> /lights/{n} | feedback 1hz\n");
  router::Peer& desk = connect("desk");
  for (int i = 0; i < 3; ++i) desk.publish("/lights/1", i);
  EXPECT_THAT(bridge_.take(), ElementsAre("event /osc/fader/1 0", "event /osc/fader/1 1", "event /osc/fader/1 2"));
}

// Two devices that answer each value with another one, as badly wired shows do: neither the router's origin nor the bridge's echo guard sees a loop.
TEST_F(MappedLinkTest, ALoopThroughTwoDevicesEndsAfterEightHopsWithOneLine) {
  begin("osc:/a <-> /x\n");
  std::optional<std::pair<double, std::uint32_t>> answer;  // what a device says next, and which
  bridge_.on_delivery = [&](const LinkDelivery& delivery) {
    answer = {*delivery.value->as_number() + 1, delivery.peer == PeerTag{1} ? 2 : 1};  // the one that did not cause it
  };
  connect("desk").set("/x", 0);
  int answers = 0;
  for (; answer && answers < 100; ++answers) {
    const auto [value, device] = *std::exchange(answer, std::nullopt);
    set("/osc/a", value, device);
  }
  EXPECT_EQ(answers, 9) << "eight hops, and the one that is refused";
  EXPECT_EQ(held("/x"), "8.0");
  EXPECT_EQ(link_->counters().loops_ended, 1u);
  EXPECT_THAT(log_, ElementsAre(HasSubstr("a value has gone round in circles 8 times and ends here: /a")));
}

TEST_F(MappedLinkTest, WhatAMappingMakesTooLargeForAFrameIsRefused) {
  local_.emplace(router(), [this] { return world().now(); }, 1);
  mapping::MappingSource source;
  ASSERT_TRUE(mapping::read_mappings(R"([{"from":"osc:/t","to":"/t","template":{"a":"$","b":"$"}}])", "test.json", source));
  link_.emplace(*local_, *NamespaceMap::parse("/osc"),
                std::move(*mapping::MappingTable::compile(source, {.protocol = "osc", .ns = "/osc", .transforms = {}})),
                MappedLink::Outside{.clock = [this] { return world().now(); }, .log = [](std::string_view) {}});
  link_->open({.name = "osc-bridge", .ns = "/osc", .protocol = "osc", .device = {}}, {}, false, bridge_);
  set("/osc/t", std::string(40'000, 'x'));
  EXPECT_EQ(held("/t"), "nothing");
  EXPECT_THAT(bridge_.take(), ElementsAre(HasSubstr("refused: ")));
  set("/osc/t", "x");
  EXPECT_NE(held("/t"), "nothing");
}

TEST_F(MappedLinkTest, TheTimerFollowsTheDeadlines) {
  begin("osc:/fader/{n} <-> /lights/{n} | feedback 20hz\n");
  io::IoLoop loop;
  Now real = io::read_clocks();
  link_.reset();
  local_.emplace(router(), [this] { return world().now(); }, 1);
  link_.emplace(*local_, *NamespaceMap::parse("/osc"), table_of("osc:/fader/{n} <-> /lights/{n} | feedback 20hz\n"),
                MappedLink::Outside{.clock = [&] { return real = io::read_clocks(); }, .log = [](std::string_view) {}});
  MappingTimer timer(loop, *link_);
  const std::vector<std::string> patterns{"/osc/**"};
  link_->open({.name = "osc-bridge", .ns = "/osc", .protocol = "osc", .device = {}}, patterns, false, bridge_);
  router::Peer& desk = connect("desk");
  desk.set("/lights/1", 1);
  desk.set("/lights/1", 2);
  EXPECT_THAT(bridge_.take(), ElementsAre("/osc/fader/1 1"));
  const SteadyTime limit = io::steady_now() + Micros{60'000'000};
  while (bridge_.lines.empty() && io::steady_now() < limit) loop.turn(Micros{1'000'000});
  EXPECT_THAT(bridge_.take(), ElementsAre("/osc/fader/1 2"));
}

TEST_F(MappedLinkTest, AnswersWhenTheMappedValueHasArrived) {
  begin(bank, false);
  const EncodedValue half(0.5);
  link_->write({Set{.address = "/osc/fader/3", .value = half.view(), .ttl = Ttl{.mode = Ttl::Mode::absolute, .seconds = 60}}}, PeerTag{7}, LinkTicket{1});
  link_->write({Set{.address = "/osc/other", .value = half.view()}}, PeerTag{7}, LinkTicket{2});
  link_->write({Set{.address = "/lights/9/dim", .value = half.view()}}, PeerTag{7}, LinkTicket{3});
  std::vector<std::string> answers = bridge_.take();
  std::erase_if(answers, [](const std::string& line) { return !line.starts_with("answer"); });
  EXPECT_THAT(answers, ElementsAre("answer 1: revision 1", HasSubstr("answer 2: no mapping takes /osc/other"), "answer 3: revision 1"));
  EXPECT_EQ(held("/lights/3/dim"), "127.5");
  EXPECT_EQ(held("/lights/9/dim"), "0.5") << "outside the namespace nothing is mapped";
  advance(std::chrono::seconds{70});
  EXPECT_EQ(held("/lights/3/dim"), "nothing") << "with all options of the original";
}

TEST_F(MappedLinkTest, WhatAPeerAsksForPassesAsItIs) {
  begin(bank);
  router::Peer& desk = connect("desk");
  link_->subscribe("/lights/**");
  desk.set("/lights/3/dim", 255);
  desk.set("/lights/x", 1);
  EXPECT_THAT(bridge_.take(), ElementsAre("/osc/fader/3 1.0", "/lights/x 1"));
  link_->unsubscribe("/lights/**");
  desk.set("/lights/x", 2);
  desk.set("/lights/3/dim", 0);
  EXPECT_THAT(bridge_.take(), ElementsAre("/osc/fader/3 0.0"));
}

}  // namespace
}  // namespace clasp::bridge
