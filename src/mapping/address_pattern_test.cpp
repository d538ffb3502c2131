#include "mapping/address_pattern.hpp"

#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include "core/pattern.hpp"

namespace clasp::mapping {
namespace {

using testing::HasSubstr;

// The captures, or "no".
std::string match(std::string_view pattern, std::string_view address) {
  const auto parsed = AddressPattern::parse(pattern);
  if (!parsed) return parsed.error().message;
  Captured captured;
  return parsed->match(address, captured) ? fmt::format("{}", fmt::join(captured, ",")) : "no";
}

TEST(AddressPattern, CapturesItsWildcardsInOrder) {
  struct Case {
    const char *pattern, *address, *captures;
  };
  const Case cases[] = {
      {"/a/b", "/a/b", ""},
      {"/a/b", "/a/b/c", "no"},
      {"/a/b", "/x/a/b", "no"},
      {"/a/*", "/a/b", "b"},
      {"/a/*", "/a/b/c", "no"},
      {"/a/*", "/a/", "no"},
      {"/*/b/*", "/a/b/c", "a,c"},
      {"/a/**", "/a", ""},
      {"/a/**", "/a/b", "b"},
      {"/a/**", "/a/b/c", "b/c"},
      {"/**/z", "/z", ""},
      {"/**/z", "/a/b/z", "a/b"},
      {"/**/z", "/z/y", "no"},
      {"/**/m/**", "/a/m/b/m/c", "a,b/m/c"},
      {"/a/**/b/*", "/a/x/b/y/b/c", "x/b/y,c"},
      {"/fader*", "/fader", ""},
      {"/fader*", "/fader12", "12"},
      {"/ch*/cc*x", "/ch1/cc74x", "1,74"},
      {"/midi/{dev}/cc/{n}", "/midi/nano/cc/74", "nano,74"},
      {"/ch{c}/cc{n}", "/ch3/cc74", "3,74"},
      {"/fader/{1..8}", "/fader/8", "8"},
      {"/fader/{1..8}", "/fader/9", "no"},
      {"/fader/{1..8}", "/fader/08", "no"},
      {"/fader/{1..8}", "/fader/x", "no"},
      {"/fader/{n:0..127}", "/fader/127", "127"},
      {"/fader/{n:-2..2}", "/fader/-2", "-2"},
      {"/{kind:fader|knob}/{n}", "/knob/1", "knob,1"},
      {"/{kind:fader|knob}/{n}", "/button/1", "no"},
      {"/{id:[0-9]{2}}", "/12", "12"},
      {"/{id:[0-9]{2}}", "/123", "no"},
      {"/a/{rest**}", "/a/b/c", "b/c"},
      {"/a/{rest**}/z", "/a/b/c/z", "b/c"},
      {"/a", "a", "no"},
      {"/a", "", "no"},
  };
  for (const Case& c : cases) EXPECT_EQ(match(c.pattern, c.address), c.captures) << c.pattern << " and " << c.address;
}

TEST(AddressPattern, NamesTheByteOfAMistake) {
  const std::pair<const char*, const char*> mistakes[] = {
      {"a", "byte 0: an address begins with /"},
      {"/a//b", "byte 2: an empty segment"},
      {"/a/**b", "byte 3: ** must be a segment of its own"},
      {"/a/{b", "byte 3: a { without }"},
      {"/a/b}", "byte 4: a } without {"},
      {"/a/{}", "byte 3: expected {name}"},
      {"/a/{b c}", "byte 3: expected {name}"},
      {"/a/{n:(}", "byte 3: bad regular expression"},
      {"/a/{n}{m}", "byte 6: two wildcards next to each other"},
      {"/a/***", "byte 5: two wildcards next to each other"},
      {"/{n}/{n}", "byte 5: {n} is there twice"},
      {"/a/{n**:x}", "byte 3: {name**} takes anything; no rule fits it"},
      {"/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*/*", "more than 16 wildcards"},
  };
  for (const auto& [pattern, message] : mistakes) EXPECT_THAT(match(pattern, "/a"), HasSubstr(message)) << pattern;
}

TEST(AddressPattern, SubscribesToAtLeastWhatItMatches) {
  const std::pair<const char*, const char*> cases[] = {
      {"/a/{n}/b", "/a/*/b"}, {"/a/{1..8}", "/a/*"}, {"/a/{r**}", "/a/**"}, {"/ch{c}x/*", "/ch*x/*"}, {"/a/b", "/a/b"},
  };
  for (const auto& [pattern, wanted] : cases) {
    EXPECT_EQ(AddressPattern::parse(pattern)->subscription(), wanted);
    EXPECT_TRUE(Pattern::parse(wanted)) << wanted;
  }
}

TEST(AddressPattern, LosesAPrefixOfWholeSegments) {
  const auto without = [](const char* pattern) { return AddressPattern::parse(pattern)->without_prefix("/osc").text(); };
  EXPECT_EQ(without("/osc/fader/*"), "/fader/*");
  EXPECT_EQ(without("/oscillator/x"), "/oscillator/x");
  EXPECT_EQ(without("/fader/*"), "/fader/*");
}

// What `address` of `from` is as an address of `to`.
std::string moved(std::string_view from, std::string_view to, std::string_view address) {
  const auto source = AddressPattern::parse(from);
  const auto target = AddressPattern::parse(to);
  const auto pairs = pair_captures(*source, *target);
  if (!pairs) return pairs.error().message;
  Captured captured;
  if (!source->match(address, captured)) return "no";
  std::vector<std::string_view> texts;
  for (const std::size_t index : *pairs) texts.push_back(captured[index]);
  return target->fill(texts);
}

TEST(AddressPairs, GoByNameThenByNumberThenInOrder) {
  EXPECT_EQ(moved("/midi/{dev}/cc/{n}", "/synth/{n}/{dev}", "/midi/nano/cc/7"), "/synth/7/nano");
  EXPECT_EQ(moved("/a/*/*", "/b/{2}/{1}", "/a/x/y"), "/b/y/x");
  EXPECT_EQ(moved("/a/*/*", "/b/*/*", "/a/x/y"), "/b/x/y");
  EXPECT_EQ(moved("/fader/{1..8}", "/lights/{n}/dim", "/fader/3"), "/lights/3/dim");
  EXPECT_EQ(moved("/a/{x}/*", "/b/*/{x}", "/a/1/2"), "/b/2/1");
  EXPECT_EQ(moved("/a/{x}", "/b/{x}/c{1}", "/a/1"), "/b/1/c1");
  EXPECT_EQ(moved("/a/**", "/b/**", "/a"), "/b");
  EXPECT_EQ(moved("/a/**", "/b/**/c", "/a/x/y"), "/b/x/y/c");
  EXPECT_EQ(moved("/a/*/*", "/b/{2}", "/a/x/y"), "/b/y") << "not every one has to be used";
}

TEST(AddressPairs, ANameThatNothingFillsIsAMistake) {
  EXPECT_EQ(moved("/a/{dev}", "/b/{devi}", "/a/x"), "nothing in /a/{dev} fills {devi} in /b/{devi}");
  EXPECT_EQ(moved("/a", "/b/*", "/a"), "nothing in /a fills * in /b/*");
  EXPECT_EQ(moved("/a/*", "/b/{2}", "/a/x"), "/b/x") << "{2} is a name where there is no second";
}

}  // namespace
}  // namespace clasp::mapping
