#include "net/websocket_deflate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace clasp::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<HttpField> lines(std::initializer_list<std::string> values) {
  std::vector<HttpField> fields;
  for (const std::string& value : values) fields.push_back({"sec-websocket-extensions", value});
  return fields;
}

// ---- RFC 6455, section 9.1: the list ----

TEST(WebSocketExtensions, AreReadInOrderOverAllLines) {
  const auto all = parse_extensions(lines({"foo", "bar; baz=2 ;x,  qux;q=\"quo\\ted\"", "", ", last ,"}));
  ASSERT_TRUE(all);
  EXPECT_THAT(*all, ElementsAre(Extension{"foo", {}}, Extension{"bar", {{"baz", "2"}, {"x", {}}}}, Extension{"qux", {{"q", "quoted"}}},
                                Extension{"last", {}}));
  EXPECT_THAT(*parse_extensions({{"Other", "foo;;"}}), IsEmpty());
}

TEST(WebSocketExtensions, MalformedListsAreNoLists) {
  for (const std::string bad : {"foo bar", "foo;", "foo; ;x", "foo; =1", "foo; a=", "foo; a=\"", "foo; a=\"b", "foo; a=\"\"", "foo; a=\"b c\"",
                                "foo; a=\"b\\", "foo; a=b c", "; a", "foo/bar", "foo, (bar)", "\x80"}) {
    EXPECT_FALSE(parse_extensions(lines({"good", bad}))) << bad;
  }
}

// ---- RFC 7692, section 7.1: offers ----

std::string answer_to(std::initializer_list<std::string> offers) {
  const auto offered = parse_extensions(lines(offers));
  EXPECT_TRUE(offered);
  const std::optional<DeflateAgreement> agreement = agree_on_deflate(*offered);
  return agreement ? agreement->header() : "none";
}

TEST(DeflateAgreement, NeitherSideKeepsItsWindow) {
  const std::string answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  for (const std::string offer : {"permessage-deflate", "permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=8",
                                  "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
                                  "x-webkit-deflate-frame, permessage-deflate", "permessage-deflate; client_max_window_bits=\"10\""}) {
    EXPECT_EQ(answer_to({offer}), answer) << offer;
  }
}

TEST(DeflateAgreement, AWindowTheClientAskedForIsNamedAgain) {
  for (int bits = 9; bits <= 15; ++bits) {
    const std::string parameter = "; server_max_window_bits=" + std::to_string(bits);
    EXPECT_EQ(answer_to({"permessage-deflate" + parameter}),
              "permessage-deflate; server_no_context_takeover; client_no_context_takeover" + parameter);
  }
  const auto offered = parse_extensions(lines({"permessage-deflate; server_max_window_bits=10"}));
  EXPECT_EQ(agree_on_deflate(*offered)->window_bits(), 10);
  EXPECT_EQ(agree_on_deflate(*parse_extensions(lines({"permessage-deflate"})))->window_bits(), 15);
}

TEST(DeflateAgreement, OffersThatCannotBeKeptAreDeclined) {
  for (const std::string parameters :
       {"server_max_window_bits", "server_max_window_bits=7", "server_max_window_bits=16", "server_max_window_bits=09", "server_max_window_bits=x",
        "server_max_window_bits=1000", "client_max_window_bits=7", "client_max_window_bits=16", "client_max_window_bits=1x",
        "server_no_context_takeover=1", "client_no_context_takeover=true", "unknown", "client_max_window_bits; client_max_window_bits",
        "server_max_window_bits=10; server_max_window_bits=10", "server_max_window_bits=8"}) {
    EXPECT_EQ(answer_to({"permessage-deflate; " + parameters}), "none") << parameters;
  }
  EXPECT_EQ(answer_to({"Permessage-Deflate"}), "none") << "tokens of extensions regard case";
  EXPECT_EQ(answer_to({}), "none");
}

TEST(DeflateAgreement, TheFirstOfferThatCanBeKeptIsTaken) {
  EXPECT_EQ(answer_to({"permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=11", "permessage-deflate"}),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11");
}

}  // namespace
}  // namespace clasp::net
