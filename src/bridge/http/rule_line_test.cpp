#include "bridge/http/rule_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace clasp::bridge::http {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const NamespaceMap ns = *NamespaceMap::parse("/http");

template <typename T>
std::string error_of(const Result<T>& result) {
  return result ? "none" : result.error().message;
}

TEST(RuleLine, WordsMayBeQuotedInPart) {
  EXPECT_THAT(*split_words(R"(a  "b c"	d="e \"f\" \\ g" )"), ElementsAre("a", "b c", "d=e \"f\" \\ g"));
  EXPECT_THAT(*split_words(R"(a "")"), ElementsAre("a", ""));
  EXPECT_EQ(error_of(split_words(R"(a "b)")), "a quotation mark is not closed");
}

TEST(RuleLine, APollNamesWhatItWants) {
  const auto poll = parse_poll("http://plug.local/status every=2s power=$.meter.watts /room/on=/relay/0 all=", ns, "");
  ASSERT_TRUE(poll) << error_of(poll);
  EXPECT_EQ(poll->url, "http://plug.local/status");
  EXPECT_EQ(poll->interval, Micros{2'000'000});
  ASSERT_EQ(poll->picks.size(), 3U);
  EXPECT_EQ(poll->picks[0].address, "/http/power");
  EXPECT_TRUE(poll->picks[0].compiled);
  EXPECT_EQ(poll->picks[1].address, "/room/on");
  EXPECT_EQ(poll->picks[1].path, "/relay/0");
  EXPECT_EQ(poll->picks[2].path, "");
}

TEST(RuleLine, AUrlMayBeBelowTheBase) {
  EXPECT_EQ(parse_poll("/api/signals", ns, "http://other:3000")->url, "http://other:3000/api/signals");
  EXPECT_EQ(parse_send("/http/** /x{address}", "http://other:3000")->url, "http://other:3000/x{address}");
  EXPECT_THAT(error_of(parse_poll("/api/signals", ns, "")), HasSubstr("there is no --url"));
}

TEST(RuleLine, AWebhookHasItsSettings) {
  const auto hook =
      parse_webhook(R"(/alarm/** https://hooks.example/a?key=1 secret="s 3" rate=2.5 queue=10 retries=0 own=no body="{\"t\":\"{text}\"}")");
  ASSERT_TRUE(hook) << error_of(hook);
  EXPECT_EQ(hook->method, "POST");
  EXPECT_EQ(hook->secret, "s 3");
  EXPECT_EQ(hook->rate_hz_max, 2.5);
  EXPECT_EQ(hook->queue_max, 10U);
  EXPECT_EQ(hook->retries, 0U);
  EXPECT_FALSE(hook->own);
  EXPECT_EQ(hook->form, BodyForm::text);
  EXPECT_EQ(hook->body, R"({"t":"{text}"})");
  EXPECT_TRUE(parse_webhook("/a http://b/")->own);
  EXPECT_FALSE(parse_send("/a http://b/", "")->own);
}

struct Fault {
  const char* line;
  const char* says;
};
TEST(RuleLine, WhatIsWrongIsNamed) {
  for (const Fault& fault : {Fault{"/a", "expected PATTERN URL"}, Fault{"a http://b/", "must start with '/'"},
                             Fault{"/a ftp://b/", "no http or https URL"}, Fault{"/a http://{name}/", "part of the host"},
                             Fault{"/a http://b/{nme}", "unknown placeholder"}, Fault{"/a http://b/ rate=0", "rate: expected"},
                             Fault{"/a http://b/ rate=nan", "rate: expected"}, Fault{"/a http://b/ method=TRACE", "method: expected"},
                             Fault{"/a http://b/ colour=red", "colour: unknown"}, Fault{"/a http://b/ queue=0", "queue:"},
                             Fault{"/a http://b/ body=xml", "body: expected"}, Fault{"/a http://b/ loud", "expected NAME=VALUE"}}) {
    EXPECT_THAT(error_of(parse_webhook(fault.line)), HasSubstr(fault.says)) << fault.line;
  }
  for (const Fault& fault : {Fault{"", "expected URL"}, Fault{"http://a/ every=1ms", "every:"}, Fault{"http://a/ x=$..[", "x:"},
                             Fault{"http://a/ x=y", "x: expected a path"}, Fault{"http://a/{name} x=/y", "placeholder"},
                             Fault{"http://a/ /b/*=/y", "wildcard"}, Fault{"http://a/ x", "expected every=TIME or NAME=PATH"}}) {
    EXPECT_THAT(error_of(parse_poll(fault.line, ns, "")), HasSubstr(fault.says)) << fault.line;
  }
}

TEST(RuleLine, HeadersAreChecked) {
  EXPECT_EQ(*parse_header("Authorization:  Bearer x"), (HttpField{"Authorization", "Bearer x"}));
  EXPECT_FALSE(parse_header("no colon"));
  EXPECT_FALSE(parse_header("a b: c"));
  EXPECT_FALSE(parse_header("a: c\r\nd: e"));
}

}  // namespace
}  // namespace clasp::bridge::http
