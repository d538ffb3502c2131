// What people expect of documents over HTTP: ranges (RFC 9110, section 14), merge patches (RFC 7396), passwords, and refusals that say what is wrong.
#include "http_api/http_api_testing.hpp"

#include "core/base64.hpp"

namespace clasp::http_api {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

using Documents = HttpApiTest;

// ---- ranges ----

TEST_F(Documents, APartOfASnapshotMayBeAskedFor) {
  router::Peer& desk = connect("desk");
  desk.set("/a", 1);
  desk.set("/b", 2);
  const std::string whole = R"({"/a":1,"/b":2})";
  EXPECT_EQ(ask("GET /v1/snapshot", "", {{"Range", "bytes=0-3"}}), "206 " + whole.substr(0, 4));
  EXPECT_EQ(connection().field("Content-Range"), "bytes 0-3/15");
  EXPECT_EQ(ask("GET /v1/snapshot", "", {{"Range", "bytes=10-"}}), "206 " + whole.substr(10));
  EXPECT_EQ(connection().field("Content-Range"), "bytes 10-14/15");
  EXPECT_EQ(ask("GET /v1/snapshot", "", {{"Range", "bytes=-2"}}), "206 2}");
  EXPECT_EQ(ask("GET /v1/snapshot", "", {{"Range", "bytes=3-999"}}), "206 " + whole.substr(3));
  EXPECT_EQ(ask("GET /v1/snapshot", "", {{"Range", "bytes=-999"}}), "206 " + whole);
  EXPECT_EQ(ask("GET /v1/snapshot?limit=1", "", {{"Range", "bytes=1-4"}}), R"(206 "/a")");
  EXPECT_NE(connection().field("X-Next-Cursor"), "");
}

TEST_F(Documents, ARangeBehindTheEndIsRefusedWithTheLength) {
  connect("desk").set("/a", 1);
  EXPECT_EQ(ask("GET /v1/snapshot", "", {{"Range", "bytes=8-"}}), R"(416 {"error":"Range: the answer has 8 bytes","code":402,"field":"Range"})");
  EXPECT_EQ(connection().field("Content-Range"), "bytes */8");
  EXPECT_THAT(ask("GET /v1/snapshot", "", {{"Range", "bytes=-0"}}), StartsWith("416 "));
}

TEST_F(Documents, ARangeThatCannotBeReadIsNoRange) {
  connect("desk").set("/a", 1);
  for (const char* range : {"bytes=", "bytes=x-2", "bytes=3-2", "bytes=0-1,3-4", "lines=0-3", "bytes=-", "bytes=0-1x", "bytes=99999999999999999999-"})
    EXPECT_EQ(ask("GET /v1/snapshot", "", {{"Range", range}}), R"(200 {"/a":1})") << range;
  EXPECT_THAT(ask("HEAD /v1/state/a", "", {{"Range", "bytes=0-3"}}), StartsWith("200 "));
}

TEST_F(Documents, IfRangeGivesThePartOnlyOfWhatTheClientKnows) {
  router::Peer& desk = connect("desk");
  desk.set("/a", 1);
  ask("GET /v1/snapshot", "", {{"Range", "bytes=0-3"}});
  const std::string tag = connection().field("ETag");
  EXPECT_THAT(ask("GET /v1/snapshot", "", {{"Range", "bytes=4-"}, {"If-Range", tag}}), StartsWith("206 "));
  desk.set("/a", 2);
  EXPECT_EQ(ask("GET /v1/snapshot", "", {{"Range", "bytes=4-"}, {"If-Range", tag}}), R"(200 {"/a":2})");
  EXPECT_THAT(ask("GET /v1/snapshot", "", {{"Range", "bytes=4-"}, {"If-Range", "W/" + connection().field("ETag")}}), StartsWith("200 "));
  EXPECT_THAT(ask("GET /v1/snapshot", "", {{"Range", "bytes=4-"}, {"If-Range", "Sun, 29 Nov 2026 10:00:00 GMT"}}), StartsWith("200 "));
}

TEST_F(Documents, OfALargerStateARangeIsNotServed) {
  router::Peer& desk = connect("desk");
  for (int i = 0; i < 300; ++i) desk.set("/large/" + std::to_string(i), std::string(20'000, 'x'));
  connection().ask("GET /v1/snapshot", "", {{"Range", "bytes=0-3"}});
  connection().drain();
  EXPECT_EQ(connection().head.status, 200U);
  EXPECT_GT(connection().text.size(), 6'000'000U);
}

TEST_F(Documents, OneValueAndTheDescriptionHaveRangesToo) {
  connect("desk").set("/a", "some text");
  EXPECT_EQ(ask("GET /v1/state/a", "", {{"Range", "bytes=0-12"}}), R"(206 {"address":"/)");
  EXPECT_EQ(connection().field("Accept-Ranges"), "bytes");
  EXPECT_EQ(ask("GET /v1/openapi.json", "", {{"Range", "bytes=0-0"}}), "206 {");
}

// ---- merge patches ----

TEST_F(Documents, APatchChangesMembers) {
  connect("desk").set("/a", Value(Map{{"r", 1}, {"g", 2}, {"in", Map{{"x", 1}, {"y", 2}}}}));
  EXPECT_EQ(ask("PATCH /v1/state/a", R"({"g":5,"b":6,"in":{"x":null,"z":3}})"),
            R"(200 {"address":"/a","value":{"r":1,"g":5,"in":{"y":2,"z":3},"b":6},"revision":2})");
  EXPECT_THAT(ask("PATCH /v1/signals/a", R"({"value":1})"), HasSubstr(R"("b":6,"value":1})")) << "the body is the patch, it is not unwrapped";
}

// RFC 7396, appendix A.
TEST_F(Documents, APatchMergesAsTheRfcSays) {
  struct Row {
    const char* before;
    const char* patch;
    const char* after;
  };
  for (const Row& row :
       {Row{R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"}, Row{R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
        Row{R"({"a":"b"})", R"({"a":null})", R"({})"}, Row{R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
        Row{R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"}, Row{R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
        Row{R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"}, Row{R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
        Row{R"(["a","b"])", R"(["c","d"])", R"(["c","d"])"}, Row{R"({"a":"b"})", R"(["c"])", R"(["c"])"},
        Row{R"({"a":"foo"})", R"("bar")", R"("bar")"}, Row{R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
        Row{R"([1,2])", R"({"a":"b","c":null})", R"({"a":"b"})"}, Row{R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"}}) {
    ask("PUT /v1/state/p", std::string(R"({"value":)") + row.before + "}");
    EXPECT_THAT(ask("PATCH /v1/state/p", row.patch), HasSubstr(std::string(R"("value":)") + row.after + ",")) << row.before << " + " << row.patch;
  }
}

TEST_F(Documents, APatchOfNothingMakesIt) {
  EXPECT_EQ(ask("PATCH /v1/state/new", R"({"a":1,"b":null})"), R"(200 {"address":"/new","value":{"a":1},"revision":1})");
}

TEST_F(Documents, BytesInsideSurviveAPatch) {
  ask("PUT /v1/state/a", R"({"value":{"raw":{"$bytes":"AP8="}}})");
  ask("PATCH /v1/state/a", R"({"x":1})");
  EXPECT_EQ(to_json(to_value(router().find("/a")->value)), R"({"raw":{"$bytes":"AP8="},"x":1})");
}

TEST_F(Documents, APatchHasConditions) {
  connect("desk").set("/a", Value(Map{{"r", 1}}));
  EXPECT_THAT(ask("PATCH /v1/state/a", R"({"r":2})", {{"If-Match", "\"9\""}}), StartsWith("409 "));
  EXPECT_THAT(ask("PATCH /v1/state/a", R"({"r":2})", {{"If-Match", "\"1\""}}), StartsWith("200 "));
  EXPECT_THAT(ask("PATCH /v1/state/a", "{"), StartsWith(R"(400 {"error":"body: invalid JSON at byte 1)"));
}

// ---- who may ----

TEST_F(Documents, TheTokenMayBeAPassword) {
  config.token = "s3cret";
  const auto basic = [](std::string_view text) { return Fields{{"Authorization", "basic " + base64_encode(as_bytes(text))}}; };
  EXPECT_THAT(ask("GET /v1/snapshot", "", basic("me:s3cret")), StartsWith("200 "));
  EXPECT_THAT(ask("GET /v1/snapshot", "", basic(":s3cret")), StartsWith("200 "));
  for (const char* wrong : {"me:s3cret ", "s3cret", "s3cret:", "me:", ""})
    EXPECT_THAT(ask("GET /v1/snapshot", "", basic(wrong)), StartsWith("401 ")) << wrong;
  EXPECT_THAT(ask("GET /v1/snapshot", "", {{"Authorization", "Basic ???"}}), StartsWith("401 "));
}

// A browser adds a password it remembers to the requests of any page.
TEST_F(Documents, ARememberedPasswordDoesNotLetOtherPagesWrite) {
  config.token = "s3cret";
  const auto from = [](std::string_view origin) {
    return Fields{{"Authorization", "Basic " + base64_encode(as_bytes("me:s3cret"))}, {"Origin", std::string(origin)}, {"Host", "127.0.0.1:7330"}};
  };
  EXPECT_THAT(ask("PUT /v1/state/a", "1", from("http://evil.example")), StartsWith("403 "));
  EXPECT_THAT(ask("PUT /v1/state/a", "1", from("http://127.0.0.1:7330")), StartsWith("200 "));
  EXPECT_THAT(ask("PUT /v1/state/a", "1", {{"Authorization", "Bearer s3cret"}, {"Origin", "http://desk.example"}}), StartsWith("200 "));
}

TEST_F(Documents, WithoutCorsOtherPagesNeitherReadNorWrite) {
  config.cors = false;
  const Fields other{{"Origin", "http://desk.example"}, {"Host", "127.0.0.1:7330"}};
  EXPECT_THAT(ask("GET /v1/snapshot", "", other), StartsWith("200 "));
  EXPECT_EQ(connection().field("Access-Control-Allow-Origin"), "");
  EXPECT_THAT(ask("PUT /v1/state/a", "1", other), StartsWith("403 "));
  EXPECT_THAT(ask("PUT /v1/state/a", "1", {{"Origin", "http://127.0.0.1:7330"}, {"Host", "127.0.0.1:7330"}}), StartsWith("200 "));
  EXPECT_THAT(ask("PUT /v1/state/a", "1"), StartsWith("200 "));
}

// ---- what is no request ----

TEST_F(Documents, FaultsOfTheRequestItselfAreJsonThatNamesFieldAndReason) {
  const net::HttpResponse response = api().refusal({431, "request head too large", "head"});
  EXPECT_EQ(response.status, 431U);
  EXPECT_EQ(response.body, R"({"error":"request head too large","code":402,"field":"head"})");
  EXPECT_EQ(*net::find_field(response.fields, "Content-Type"), "application/json");
  EXPECT_EQ(*net::find_field(response.fields, "Access-Control-Allow-Origin"), "*");
}

}  // namespace
}  // namespace clasp::http_api
