#include "bridge/web/audience.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>

namespace clasp::bridge::web {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class NotingLink final : public RouterLink {
 public:
  void open(const BridgeIdentity&, std::span<const std::string>, bool, RouterLinkListener&) override {}
  void close() override {}
  void set(std::string_view, const ValueView&, PeerTag) override {}
  void publish(const Publish&, PeerTag) override {}
  void bundle(std::span<const Message>, std::optional<UnixTime>, PeerTag) override {}
  void subscribe(const std::string& pattern) override { lines.push_back("+" + pattern); }
  void unsubscribe(const std::string& pattern) override { lines.push_back("-" + pattern); }
  std::vector<std::string> lines;
};

class AudienceTest : public testing::Test {
 protected:
  AudienceTest() { audience.set_base({"/ws/**"}); }

  bool deliver(std::string_view address, const Value& value, std::uint64_t revision, bool snapshot = false) {
    const EncodedValue encoded(value);
    return audience.note({.address = address, .value = encoded.view(), .revision = revision, .snapshot = snapshot});
  }
  std::vector<std::string> subscribe(std::uint32_t client, std::string_view pattern, TypeMask types = {}) {
    std::vector<std::string> shown;
    const Result<void> done = audience.subscribe(PeerTag{client}, *Pattern::parse(pattern), types,
                                                 [&](std::string_view address, const ValueView& value, std::uint64_t revision) {
                                                   shown.push_back(fmt::format("{}={} r{}", address, to_json(to_value(value)), revision));
                                                 });
    if (!done) shown.push_back(done.error().message);
    return shown;
  }
  std::vector<std::uint32_t> listeners(std::string_view address, SignalType type = SignalType::param) {
    std::vector<std::uint32_t> out;
    for (const PeerTag tag : audience.listeners(address, type)) out.push_back(static_cast<std::uint32_t>(tag));
    return out;
  }

  NotingLink link;
  Audience audience{link, {.params_max = 4, .patterns_max = 4}};
};

TEST_F(AudienceTest, TheLinkHasEachPatternOnceAndSomebodyHearsAMessageOnce) {
  subscribe(1, "/a/**"), subscribe(2, "/a/**"), subscribe(2, "/a/x"), subscribe(3, "/ws/**");
  EXPECT_THAT(link.lines, ElementsAre("+/a/**", "+/a/x"));
  EXPECT_THAT(listeners("/a/x"), ElementsAre(1, 2));
  EXPECT_THAT(listeners("/a/y"), ElementsAre(1, 2));
  EXPECT_THAT(listeners("/ws/y"), ElementsAre(3));
  EXPECT_THAT(listeners("/b"), IsEmpty());
  EXPECT_TRUE(audience.unsubscribe(PeerTag{1}, "/a/**"));
  EXPECT_FALSE(audience.unsubscribe(PeerTag{1}, "/a/**"));
  EXPECT_FALSE(audience.unsubscribe(PeerTag{1}, "/never"));
  audience.forget(PeerTag{2});
  audience.forget(PeerTag{3});
  EXPECT_THAT(link.lines, ElementsAre("+/a/**", "+/a/x", "-/a/**", "-/a/x")) << "the bridge's own pattern stays";
}

TEST_F(AudienceTest, WhoComesLaterGetsWhatIsKnown) {
  EXPECT_THAT(subscribe(1, "/a/*"), IsEmpty());
  EXPECT_TRUE(deliver("/a/1", 1, 1, true));
  EXPECT_TRUE(deliver("/a/2", 2, 1));
  EXPECT_TRUE(deliver("/a/2", 3, 2));
  EXPECT_THAT(subscribe(2, "/a/*"), UnorderedElementsAre("/a/1=1 r1", "/a/2=3 r2"));
  EXPECT_THAT(subscribe(3, "/a/2"), ElementsAre("/a/2=3 r2")) << "a part of it, and the link is asked as well";
  EXPECT_FALSE(deliver("/a/2", 3, 2, true)) << "everybody knows";
  EXPECT_TRUE(deliver("/a/2", 4, 3, true)) << "newer than what is known";
  EXPECT_TRUE(deliver("/a/2", nullptr, 4));
  EXPECT_THAT(subscribe(4, "/a/*"), ElementsAre("/a/1=1 r1")) << "what is gone is gone";
  EXPECT_THAT(subscribe(5, "/a/*", TypeMask::of(SignalType::event)), IsEmpty()) << "asked for events only";
  EXPECT_THAT(listeners("/a/1", SignalType::event), ElementsAre(1, 2, 4, 5));
  EXPECT_THAT(listeners("/a/1", SignalType::param), ElementsAre(1, 2, 4));
}

TEST_F(AudienceTest, WhatIsNotHeardAnyMoreIsForgotten) {
  subscribe(1, "/a/*"), subscribe(1, "/a/2");
  deliver("/a/1", 1, 1), deliver("/a/2", 2, 1), deliver("/ws/x", 3, 1);
  audience.unsubscribe(PeerTag{1}, "/a/*");
  EXPECT_EQ(audience.params(), 2U);
  EXPECT_THAT(subscribe(2, "/a/*"), ElementsAre("/a/2=2 r1"));
  audience.link_down();
  EXPECT_EQ(audience.params(), 0U);
  EXPECT_TRUE(deliver("/a/2", 2, 1, true)) << "after a new connection it is news";
}

TEST_F(AudienceTest, KnowsOfWhichPatternsItHasEverything) {
  subscribe(1, "/a/*");
  EXPECT_FALSE(audience.is_settled("/a/*"));
  audience.caught_up("/a/*");
  audience.caught_up("/never");
  EXPECT_TRUE(audience.is_settled("/a/*"));
  EXPECT_FALSE(audience.is_settled("/never"));
  audience.link_down();
  EXPECT_FALSE(audience.is_settled("/a/*"));
  audience.caught_up("/a/*");
  audience.unsubscribe(PeerTag{1}, "/a/*");
  subscribe(1, "/a/*");
  EXPECT_FALSE(audience.is_settled("/a/*")) << "asked for anew";
}

TEST_F(AudienceTest, HasBounds) {
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(deliver(fmt::format("/ws/{}", i), i, 1));
  EXPECT_EQ(audience.params(), 4U);
  EXPECT_EQ(audience.not_kept(), 2U);
  EXPECT_TRUE(deliver("/ws/5", 5, 1, true)) << "told twice rather than never";
  subscribe(1, "/a"), subscribe(1, "/b"), subscribe(1, "/c");
  EXPECT_THAT(subscribe(1, "/d"), ElementsAre("all clients together have subscribed to 4 patterns already"));
  EXPECT_EQ(audience.subscriptions(PeerTag{1}), 3U);
  EXPECT_THAT(link.lines, ElementsAre("+/a", "+/b", "+/c"));
  EXPECT_THAT(subscribe(2, "/a"), IsEmpty()) << "others may have what is there";
}

}  // namespace
}  // namespace clasp::bridge::web
