#include "bridge/namespace_map.hpp"

#include <gtest/gtest.h>

#include <ostream>

namespace clasp::bridge {
namespace {

struct NameCase {
  const char* title;
  std::string_view ns;
  std::string_view name;
  std::string_view address;
};
std::ostream& operator<<(std::ostream& out, const NameCase& row) { return out << row.title; }

class NameBecomesAddress : public testing::TestWithParam<NameCase> {};

TEST_P(NameBecomesAddress, AndComesBackAsItWas) {
  const NameCase& row = GetParam();
  const NamespaceMap map = NamespaceMap::parse(row.ns).value();
  std::string address;
  ASSERT_TRUE(map.to_address(row.name, address));
  EXPECT_EQ(address, row.address);
  std::string name;
  ASSERT_TRUE(map.to_name(address, name));
  EXPECT_EQ(name, row.name);
}

INSTANTIATE_TEST_SUITE_P(Spec, NameBecomesAddress,
                         testing::Values(NameCase{"Plain", "/osc", "mixer/1/gain", "/osc/mixer/1/gain"},          //
                                         NameCase{"NoPrefix", "/", "mixer/1", "/mixer/1"},                        //
                                         NameCase{"SeveralSegments", "/stage/left", "x", "/stage/left/x"},        //
                                         NameCase{"CaseAndSpaces", "/osc", "My Fader/Ä", "/osc/My Fader/Ä"},      //
                                         NameCase{"EmptyName", "/osc", "", "/osc/"},                              //
                                         NameCase{"TrailingSlash", "/mqtt", "a/", "/mqtt/a/"},                    //
                                         NameCase{"EmptySegment", "/mqtt", "a//b", "/mqtt/a/%2Fb"},               //
                                         NameCase{"LeadingSlash", "/mqtt", "/a", "/mqtt/%2Fa"},                   //
                                         NameCase{"ManySlashes", "/mqtt", "a///b//", "/mqtt/a/%2F/b/%2F"},        //
                                         NameCase{"OnlySlashes", "/mqtt", "///", "/mqtt/%2F/%2F"},                //
                                         NameCase{"Asterisk", "/osc", "ch/*/gain", "/osc/ch/%2A/gain"},           //
                                         NameCase{"PercentAlone", "/osc", "level/100%", "/osc/level/100%"},       //
                                         NameCase{"PercentBesideAsterisk", "/osc", "5%*/5%", "/osc/5%25%2A/5%"},  //
                                         NameCase{"LooksEncoded", "/osc", "a%2Ab", "/osc/a%252Ab"},               //
                                         NameCase{"OtherEscapeStays", "/osc", "a%20b%2a", "/osc/a%20b%2a"},       //
                                         NameCase{"ControlCharacter", "/osc", "a\nb", "/osc/a%0Ab"},              //
                                         NameCase{"DispatchCharacters", "/osc", "x?[1-3]{a,b}", "/osc/x?[1-3]{a,b}"}),
                         [](const auto& row) { return std::string(row.param.title); });

TEST(NamespaceMap, StripsOnlyOnASegmentBoundary) {
  const NamespaceMap map = NamespaceMap::parse("/osc").value();
  std::string name;
  for (const std::string_view outside : {"/oscillator", "/osc", "/os", "/other/osc/a", "", "osc/a"}) {
    EXPECT_FALSE(map.to_name(outside, name)) << outside;
    EXPECT_EQ(name, "") << outside;
  }
  EXPECT_EQ(map.pattern(), "/osc/**");
  EXPECT_EQ(NamespaceMap{}.pattern(), "/**");
}

TEST(NamespaceMap, RefusesNamespacesThatAreNone) {
  for (const std::string_view text : {"osc", "/osc/", "/a//b", "/a/*", "//"}) {
    const Result<NamespaceMap> map = NamespaceMap::parse(text);
    ASSERT_FALSE(map) << text;
    EXPECT_EQ(map.error().code, ErrorCode::invalid_address);
    EXPECT_EQ(map.error().address, text);
  }
  EXPECT_EQ(NamespaceMap::parse("").value().prefix(), "");
  EXPECT_EQ(NamespaceMap::parse("/").value().prefix(), "");
}

TEST(NamespaceMap, RefusesNamesNoAddressCanHold) {
  const NamespaceMap map = NamespaceMap::parse("/osc").value();
  std::string address;
  EXPECT_FALSE(map.to_address(std::string(1024, 'a'), address)) << "longer than an address may be";
  EXPECT_FALSE(map.to_address("caf\xe9", address)) << "not UTF-8";
}

}  // namespace
}  // namespace clasp::bridge
