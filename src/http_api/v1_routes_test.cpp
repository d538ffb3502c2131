// The documented interface, question by question (bridges specification, section 11.4).
#include <nlohmann/json.hpp>

#include "http_api/http_api_testing.hpp"

namespace clasp::http_api {
namespace {

using router::Peer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

using V1 = HttpApiTest;

// ---- params ----

TEST_F(V1, APutIsASetThatEverybodyHears) {
  Peer& desk = connect("desk");
  desk.subscribe("/lights/**");
  EXPECT_EQ(ask("PUT /v1/state/lights/1/dim", R"({"value":0.5})"), R"(200 {"address":"/lights/1/dim","value":0.5,"revision":1})");
  EXPECT_EQ(connection().field("ETag"), "\"1\"");
  EXPECT_THAT(desk.received(), ElementsAre("SET /lights/1/dim 0.5 rev=1"));
}

TEST_F(V1, ABodyMayBeTheValueItselfWhateverItsType) {
  EXPECT_EQ(ask("PUT /v1/signals/a", "0.4", {{"Content-Type", "application/x-www-form-urlencoded"}}),
            R"(200 {"address":"/a","value":0.4,"revision":1})");
  EXPECT_EQ(ask("PUT /v1/state/a", R"({"r":1,"g":2})"), R"(200 {"address":"/a","value":{"r":1,"g":2},"revision":2})");
  EXPECT_EQ(ask("PUT /v1/state/a", R"({"$bytes":"AP8="})"), R"(200 {"address":"/a","value":[0,255],"revision":3})");
}

TEST_F(V1, AnAddressMayBeEncodedWholeWithItsFirstSlash) {
  EXPECT_EQ(ask("PUT /v1/state/%2Flights%2F1", "1"), R"(200 {"address":"/lights/1","value":1,"revision":1})");
  EXPECT_THAT(ask("GET /v1/state/lights/1"), StartsWith("200 "));
  EXPECT_EQ(ask("GET /v1/list/%2flights%2f**"), R"(200 {"addresses":["/lights/1"]})");
}

TEST_F(V1, AWholeNumberMayBeWrittenWithAFraction) {
  EXPECT_THAT(ask("PUT /v1/state/a", R"({"value":1,"ttl":5.0})"), StartsWith("200 "));
  EXPECT_THAT(ask("POST /v1/bundle", R"({"operations":[],"timestamp":80458.0})"), StartsWith("200 "));
}

TEST_F(V1, AGetTellsValueRevisionAndTimeAndNothingAnewIfTheClientHasIt) {
  Peer& desk = connect("desk");
  desk.set("/a", "x");
  EXPECT_THAT(ask("GET /v1/state/a"), StartsWith(R"(200 {"address":"/a","value":"x","revision":1,"timestamp":"2023-11-14T22:13:2)"));
  EXPECT_EQ(connection().field("ETag"), "\"1\"");
  EXPECT_EQ(connection().field("Last-Modified"), "Tue, 14 Nov 2023 22:13:20 GMT");
  EXPECT_EQ(ask("GET /v1/state/a", "", {{"If-None-Match", "\"7\", W/\"1\""}}), "304 ");
  EXPECT_EQ(ask("GET /v1/state/a", "", {{"If-None-Match", "\"1\""}, {"If-Modified-Since", "Tue, 14 Nov 2023 22:13:20 GMT"}}), "304 ");
  EXPECT_THAT(ask("GET /v1/state/a", "", {{"If-None-Match", "\"1\""}, {"If-Modified-Since", "Mon, 13 Nov 2023 22:13:20 GMT"}}), StartsWith("200 "))
      << "revision 1 of another run";
  desk.set("/a", "y");
  EXPECT_THAT(ask("GET /v1/state/a", "", {{"If-None-Match", "\"1\""}}), StartsWith("200 "));
  EXPECT_EQ(ask("GET /v1/state/b"), R"(404 {"error":"not found","code":404,"address":"/b"})");
}

TEST_F(V1, NullAndDeleteRemove) {
  Peer& desk = connect("desk");
  desk.set("/a", 1);
  desk.set("/b", 1);
  desk.subscribe("/**");
  desk.received();
  EXPECT_EQ(ask("DELETE /v1/state/a"), R"(200 {"address":"/a","status":"deleted"})");
  EXPECT_EQ(ask("PUT /v1/state/b", R"({"value":null})"), R"(200 {"address":"/b","value":null,"revision":2})");
  EXPECT_THAT(desk.received(), ElementsAre("SET /a null rev=2", "SET /b null rev=2"));
  EXPECT_THAT(ask("GET /v1/state/a"), StartsWith("404 "));
  EXPECT_THAT(ask("DELETE /v1/state/a"), StartsWith("404 "));
  EXPECT_EQ(ask("PUT /v1/state/a", "1"), R"(200 {"address":"/a","value":1,"revision":3})") << "revisions go on";
}

TEST_F(V1, AParamMayHaveALifetime) {
  EXPECT_THAT(ask("PUT /v1/state/a", R"({"value":1,"ttl":5})"), StartsWith("200 "));
  EXPECT_THAT(ask("PUT /v1/state/b?ttl=5", "1"), StartsWith("200 "));
  pass(4s);
  EXPECT_THAT(ask("GET /v1/state/a"), StartsWith("200 "));
  pass(2s);
  EXPECT_THAT(ask("GET /v1/state/a"), StartsWith("404 "));
  EXPECT_THAT(ask("GET /v1/state/b"), StartsWith("404 "));
}

TEST_F(V1, AWriteMayWantARevision) {
  ask("PUT /v1/state/a", "1");
  EXPECT_THAT(ask("PUT /v1/state/a", "2", {{"If-Match", "\"1\""}}), HasSubstr(R"("revision":2)"));
  EXPECT_EQ(ask("PUT /v1/state/a", "3", {{"If-Match", "\"1\""}}),
            R"(409 {"error":"RevisionConflict { expected: 1, actual: 2 }","code":400,"address":"/a"})");
  EXPECT_THAT(ask("DELETE /v1/state/a", "", {{"If-Match", "\"1\""}}), StartsWith("409 "));
  EXPECT_THAT(ask("PUT /v1/state/new", "3", {{"If-Match", "\"1\""}}), StartsWith("409 "));
  EXPECT_THAT(ask("PUT /v1/state/new", "3", {{"If-Match", "*"}}), StartsWith("409 "));
  EXPECT_THAT(ask("PUT /v1/state/a", "4", {{"If-Match", "*"}}), StartsWith("200 "));
  EXPECT_THAT(ask("PUT /v1/state/a", "5", {{"If-None-Match", "*"}}), StartsWith("412 "));
  EXPECT_THAT(ask("PUT /v1/state/new", "5", {{"If-None-Match", "*"}}), StartsWith("200 "));
  EXPECT_EQ(ask("PUT /v1/state/a", "5", {{"If-Match", "abc"}}),
            R"(400 {"error":"If-Match: neither a revision in quotes nor *","code":402,"field":"If-Match"})");
}

TEST_F(V1, ALockedParamIsAConflict) {
  Peer& desk = connect("desk");
  const EncodedValue one(1);
  desk.set(Set{.address = "/a", .value = one.view(), .lock = true});
  EXPECT_THAT(ask("PUT /v1/state/a", "2"), StartsWith(R"(409 {"error":"LockHeld)"));
  EXPECT_THAT(connection().text, HasSubstr(R"("code":401,"address":"/a")"));
}

TEST_F(V1, OthersAreNotDisturbedByAConnectionThatLeaves) {
  const std::size_t before = router().gauges().sessions;
  Connection& other = another();
  EXPECT_THAT(other.ask("PUT /v1/state/a", "1"), StartsWith("200 "));
  EXPECT_EQ(router().gauges().sessions, before + 1);
  other.leave();
  EXPECT_EQ(router().gauges().sessions, before);
  EXPECT_THAT(ask("GET /v1/state/a"), StartsWith("200 "));
}

// ---- what is wrong is named ----

struct Wrong {
  std::string_view line;
  std::string_view body;
  std::string_view answer;  // its beginning
};
void PrintTo(const Wrong& wrong, std::ostream* out) { *out << wrong.line << ' ' << wrong.body; }

class V1Wrong : public HttpApiTest, public testing::WithParamInterface<Wrong> {};

TEST_P(V1Wrong, IsNamed) {
  EXPECT_THAT(ask(GetParam().line, std::string(GetParam().body)), StartsWith(std::string(GetParam().answer)));
  EXPECT_TRUE(nlohmann::json::accept(connection().text)) << connection().text;
  EXPECT_EQ(router().gauges().params, 0U) << "nothing was written";
}

const Wrong wrongs[] = {
    {"PUT /v1/state//a", "1", R"(400 {"error":"invalid address: empty segment in address: //a","code":200,"field":"address","address":"//a"})"},
    {"PUT /v1/state/a*", "1", R"(400 {"error":"invalid address: )"},
    {"PUT /v1/state/a%0Ab", "1", R"(400 {"error":"invalid address: )"},
    {"PUT /v1/state/a%ff", "1", R"(400 {"error":"path: not UTF-8 once it is decoded","code":402,"field":"path"})"},
    {"PUT /v1/state/a%4", "1", R"(400 {"error":"path: a % without two hexadecimal digits")"},
    {"PUT /v1/state/a%zz", "1", R"(400 {"error":"path: a % without two hexadecimal digits")"},
    {"PUT /v1/state/a", "", R"(400 {"error":"body: empty; expected JSON)"},
    {"PUT /v1/state/a", "{", R"(400 {"error":"body: invalid JSON at byte 1)"},
    {"PUT /v1/state/a", "1x", R"(400 {"error":"body: invalid JSON at byte 1)"},
    {"PUT /v1/state/a", R"({"value":NaN})", R"(400 {"error":"body: invalid JSON at byte 9)"},
    {"PUT /v1/state/a", R"({"value":"\ud800"})", R"(400 {"error":"body: invalid JSON at byte )"},
    {"PUT /v1/state/a",
     "\xef\xbb\xbf"
     "1",
     R"(400 {"error":"body: invalid JSON at byte 0: byte order mark")"},
    {"PUT /v1/state/a", R"({"value":1,"unit":"dB"})", R"(400 {"error":"unit: unknown beside)"},
    {"PUT /v1/state/a", R"({"value":1,"ttl":0})",
     R"(400 {"error":"ttl: not a whole number of seconds from 1 to 2147483647","code":402,"field":"ttl"})"},
    {"PUT /v1/state/a", R"({"value":1,"ttl":1.5})", R"(400 {"error":"ttl: )"},
    {"PUT /v1/state/a?ttl=x", "1", R"(400 {"error":"ttl: )"},
    {"POST /v1/emit/a", R"({"value":1,"ttl":5})", R"(400 {"error":"ttl: an event has no lifetime")"},
    {"GET /v1/list?limit=0", "", R"(400 {"error":"limit: not a whole number from 1 to 10000","code":402,"field":"limit"})"},
    {"GET /v1/list?limit=10001", "", R"(400 {"error":"limit: )"},
    {"GET /v1/snapshot?cursor=%20", "", R"(400 {"error":"cursor: not one that an answer gave")"},
    {"GET /v1/list/a//b", "", R"(400 {"error":"invalid )"},
    {"GET /v1/subscribe/a//b", "", R"(400 {"error":"invalid )"},
    {"GET /v1/stream?snapshot=x", "", R"(400 {"error":"snapshot: neither 0 nor 1","code":402,"field":"snapshot"})"},
    {"GET /v1/poll/a?timeout=61", "", R"(400 {"error":"timeout: not a number of seconds from 0 to 60","code":402,"field":"timeout"})"},
    {"GET /v1/poll/a?timeout=-1", "", R"(400 {"error":"timeout: )"},
    {"GET /v1/poll/a?timeout=nan", "", R"(400 {"error":"timeout: )"},
    {"GET /v1/poll/a?since=*", "", R"(400 {"error":"since: not a position that an answer gave","code":402,"field":"since"})"},
    {"POST /v1/bundle", "[]", R"(400 {"error":"operations: missing, or not an array","code":402,"field":"operations"})"},
    {"POST /v1/bundle", R"({"operations":[],"time":1})", R"(400 {"error":"time: unknown")"},
    {"POST /v1/bundle", R"({"operations":[{"set":["/a",1]},{"set":["/b"]}]})",
     R"(400 {"error":"operations[1].set: not an array of an address and a value")"},
    {"POST /v1/bundle", R"({"operations":[{"set":["/a",1]},{"put":["/b",1]}]})", R"(400 {"error":"operations[1]: neither )"},
    {"POST /v1/bundle", R"({"operations":[{"set":[1,1]}]})", R"(400 {"error":"operations[0].set[0]: the address is not a string")"},
    {"POST /v1/bundle", R"({"operations":[{"set":["/a",1]},{"emit":["//b",1]}]})",
     R"(400 {"error":"invalid address: empty segment in address: //b","code":200,"field":"operations[1].emit[0]")"},
    {"POST /v1/bundle", R"({"operations":[],"timestamp":"soon"})", R"(400 {"error":"timestamp: not a whole number of microseconds since 1970")"},
    {"POST /v1/bundle", R"({"operations":[{"set":["/a",1]}],"timestamp":9000000000000000})", R"(400 {"error":"bundle timestamp is )"},
    {"GET /v1/nothing", "", R"(404 {"error":"no such route: /v1/nothing","code":404})"},
    {"GET /v1/state", "", R"(404 {"error":"no such route: /v1/state")"},
    {"POST /v1/state/a", "1", R"(405 {"error":"/v1/state/a has no POST; it has GET, HEAD, PUT, PATCH, DELETE, OPTIONS")"},
    {"PATCH /v1/state/a", "", R"(400 {"error":"body: )"},
    {"PATCH /v1/state/a?ttl=0", "{}", R"(400 {"error":"ttl: )"},
};
INSTANTIATE_TEST_SUITE_P(Rows, V1Wrong, testing::ValuesIn(wrongs));

TEST_F(V1, WhatIsTooDeepOrTooLongIsRefusedAtOnce) {
  for (const int depth : {10'000, 1'000'000}) {
    EXPECT_THAT(ask("PUT /v1/state/a", std::string(static_cast<std::size_t>(depth), '[')),
                StartsWith(R"(400 {"error":"body: invalid JSON at byte 64: nested deeper)"));
  }
  EXPECT_THAT(ask("PUT /v1/state/a", '"' + std::string(70'000, 'x') + '"'), StartsWith("400 ")) << "does not fit a frame";
  std::string zeros = "[0";
  for (int i = 0; i < 500'000; ++i) zeros += ",0";
  EXPECT_THAT(ask("PUT /v1/state/a", zeros + "]"), testing::HasSubstr("more values than may be here")) << "not a tree of 30 MB first";
  EXPECT_THAT(ask("PUT /v1/state/" + std::string(1'025, 'x'), "1"), StartsWith("400 "));
}

// ---- events and bundles ----

TEST_F(V1, AnEmitIsAnEventForWhoeverListens) {
  Peer& desk = connect("desk");
  desk.subscribe("/**");
  EXPECT_EQ(ask("POST /v1/emit/go", R"({"value":7})"), R"(200 {"address":"/go","status":"emitted"})");
  EXPECT_EQ(ask("POST /v1/emit/go"), R"(200 {"address":"/go","status":"emitted"})");
  EXPECT_THAT(desk.received(), ElementsAre("PUBLISH event /go 7", StartsWith("PUBLISH event /go")));
  EXPECT_THAT(ask("GET /v1/state/go"), StartsWith("404 ")) << "events are not kept";
}

TEST_F(V1, ABundleIsAllOrNothing) {
  Peer& desk = connect("desk");
  desk.subscribe("/**");
  EXPECT_EQ(ask("POST /v1/bundle", R"({"operations":[{"set":["/a",1]},{"emit":["go",2]},{"set":["b",[1,2]]}]})"),
            R"(200 {"success":true,"revision":1})");
  EXPECT_THAT(desk.received(), ElementsAre("SET /a 1 rev=1", "PUBLISH event /go 2", "SET /b [1,2] rev=1"));
  const EncodedValue one(1);
  desk.set(Set{.address = "/locked", .value = one.view(), .lock = true});
  desk.received();
  EXPECT_THAT(ask("POST /v1/bundle", R"({"operations":[{"set":["/a",2]},{"set":["/locked",2]}]})"), StartsWith("409 "));
  EXPECT_THAT(desk.received(), IsEmpty());
}

TEST_F(V1, ABundleMayWaitForItsTimeAndTheConnectionNeedNot) {
  Peer& desk = connect("desk");
  desk.subscribe("/**");
  const std::uint64_t at = world().unix_us() + 50'000;
  EXPECT_EQ(ask("POST /v1/bundle", fmt::format(R"({{"operations":[{{"set":["/a",1]}}],"timestamp":{}}})", at)), R"(202 {"success":true})");
  EXPECT_THAT(ask("GET /v1/state/a"), StartsWith("404 "));
  connection().leave();
  pass(60ms);
  EXPECT_THAT(desk.received(), ElementsAre("SET /a 1 rev=1"));
}

// ---- many at once ----

TEST_F(V1, ASnapshotIsAnObjectInOrder) {
  Peer& desk = connect("desk");
  for (const char* address : {"/b", "/a/2", "/a/1", "/a"}) desk.set(address, 1);
  ask("GET /v1/snapshot");
  EXPECT_EQ(connection().answered(), R"(200 {"/a":1,"/a/1":1,"/a/2":1,"/b":1})");
  EXPECT_EQ(connection().field("X-Clasp-Position"), position());
  EXPECT_EQ(ask("GET /v1/snapshot/a"), R"(200 {"/a":1,"/a/1":1,"/a/2":1})");
  EXPECT_EQ(ask("GET /v1/snapshot/a/*"), R"(200 {"/a/1":1,"/a/2":1})");
  EXPECT_EQ(ask("GET /v1/snapshot/nothing"), "200 {}");
  EXPECT_EQ(ask("GET /v1/list/a/**"), R"(200 {"addresses":["/a","/a/1","/a/2"]})");
  EXPECT_EQ(ask("GET /v1/signals?pattern=/b"), R"(200 {"signals":[{"address":"/b","value":1}],"count":1})");
}

TEST_F(V1, AParameterGivenTwiceIsRefusedAndNotLeftOut) {
  for (const char* route : {"stream", "list", "snapshot", "poll"})
    EXPECT_EQ(ask(std::string("GET /v1/") + route + "?pattern=/a/*&pattern=/b/*"), R"(400 {"error":"pattern: given more than once","code":402,"field":"pattern"})");
  std::string many = "GET /v1/list?limit=1";
  for (int i = 0; i < 64; ++i) many += "&x" + std::to_string(i) + "=1";
  EXPECT_EQ(ask(many), R"(400 {"error":"query: more than 64 parameters","code":402,"field":"query"})");
}

TEST_F(V1, PagesGoOnWhereTheLastOneEnded) {
  Peer& desk = connect("desk");
  for (int i = 0; i < 7; ++i) desk.set(fmt::format("/a/{}", i), i);
  std::string cursor;
  std::vector<std::string> pages;
  do {
    pages.push_back(ask("GET /v1/snapshot?limit=3&cursor=" + cursor));
    cursor = connection().field("X-Next-Cursor");
  } while (!cursor.empty() && pages.size() < 10);
  EXPECT_THAT(pages, ElementsAre(R"(200 {"/a/0":0,"/a/1":1,"/a/2":2})", R"(200 {"/a/3":3,"/a/4":4,"/a/5":5})", R"(200 {"/a/6":6})"));
  ask("GET /v1/list?limit=7");
  EXPECT_EQ(connection().field("X-Next-Cursor"), "") << "the last page says that it is the last";
}

TEST_F(V1, AListingIsAskedForAgainOnlyIfSomethingHappened) {
  Peer& desk = connect("desk");
  desk.set("/a", 1);
  ask("GET /v1/snapshot");
  const std::string tag = connection().field("ETag");
  EXPECT_EQ(ask("GET /v1/snapshot", "", {{"If-None-Match", tag}}), "304 ");
  desk.set("/a", 2);
  EXPECT_EQ(ask("GET /v1/snapshot", "", {{"If-None-Match", tag}}), R"(200 {"/a":2})");
}

TEST_F(V1, AListingComesAsThePeerTakesItAndCostsNoMemory) {
  Peer& desk = connect("desk");
  for (int i = 0; i < 500; ++i) desk.set(fmt::format("/a/{:03}", i), std::string(1'000, 'x'));
  Connection& peer = connection();
  peer.stalled = true;
  peer.ask("GET /v1/snapshot");
  EXPECT_LT(peer.waiting, 150'000U) << "of half a megabyte";
  EXPECT_TRUE(peer.owed);
  desk.set("/a/499", "newer");
  while (peer.owed && peer.waiting > 0) peer.drain(20'000);
  EXPECT_FALSE(peer.owed);
  const auto document = nlohmann::json::parse(peer.text);
  EXPECT_EQ(document.size(), 500U);
  EXPECT_EQ(document.at("/a/499"), "newer") << "values are those of the moment at which they leave";
}

TEST_F(V1, NotANumberIsNullAndTheOthersAreThere) {
  Peer& desk = connect("desk");
  desk.set("/n", std::nan(""));
  desk.set("/i", std::numeric_limits<double>::infinity());
  desk.set("/x", 1.0);
  EXPECT_EQ(ask("GET /v1/snapshot"), R"(200 {"/i":null,"/n":null,"/x":1.0})");
  EXPECT_THAT(ask("GET /v1/state/n"), StartsWith(R"(200 {"address":"/n","value":null,)"));
}

// ---- who may ----

TEST_F(V1, HeadAndOptionsAreAnsweredWhereGetIs) {
  ask("PUT /v1/state/a", "1");
  EXPECT_THAT(ask("HEAD /v1/state/a"), StartsWith("200 "));
  EXPECT_EQ(ask("HEAD /v1/snapshot"), "200 ");
  EXPECT_EQ(ask("HEAD /v1/stream"), "200 ");
  EXPECT_EQ(ask("OPTIONS /v1/state/a"), "200 ");
  EXPECT_EQ(connection().field("Allow"), "GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
}

TEST_F(V1, AnyPageMayAskUnlessOriginsAreNamed) {
  ask("PUT /v1/state/a", "1", {{"Origin", "https://anywhere.example"}});
  EXPECT_EQ(connection().field("Access-Control-Allow-Origin"), "*");
  ask("OPTIONS /v1/state/a", "", {{"Origin", "https://anywhere.example"}, {"Access-Control-Request-Method", "PUT"}});
  EXPECT_EQ(connection().field("Access-Control-Allow-Methods"), "GET, PUT, POST, DELETE, PATCH, OPTIONS");
  EXPECT_EQ(connection().field("Access-Control-Max-Age"), "600");
}

TEST_F(V1, PagesOfOtherOriginsCannotWriteEvenWithoutAskingFirst) {
  config.origins = {"https://desk.example"};
  EXPECT_THAT(ask("POST /v1/emit/go", "1", {{"Origin", "https://evil.example"}, {"Content-Type", "text/plain"}}), StartsWith("403 "));
  EXPECT_EQ(connection().field("Access-Control-Allow-Origin"), "");
  EXPECT_THAT(ask("POST /v1/emit/go", "1", {{"Origin", "https://desk.example"}}), StartsWith("200 "));
  EXPECT_EQ(connection().field("Access-Control-Allow-Origin"), "https://desk.example");
  EXPECT_EQ(connection().field("Vary"), "Origin");
  EXPECT_THAT(ask("POST /v1/emit/go", "1"), StartsWith("200 ")) << "programs have no origin";
  EXPECT_THAT(ask("POST /v1/emit/go", "1", {{"Origin", "http://192.168.1.5:7330"}, {"Host", "192.168.1.5:7330"}}), StartsWith("200 "))
      << "a page of our own";
  EXPECT_THAT(ask("POST /v1/emit/go", "1", {{"Origin", "http://evil.example:7330"}, {"Host", "evil.example:7330"}}), StartsWith("403 "))
      << "a name that somebody made to point at us";
}

TEST_F(V1, ATokenIsAskedOfEverybodyIfThereIsOne) {
  config.token = "sesame";
  EXPECT_EQ(ask("GET /v1/health"), R"(401 {"error":"the token is missing or wrong","code":300})");
  EXPECT_EQ(connection().field("WWW-Authenticate"), "Bearer");
  EXPECT_THAT(ask("GET /v1/health", "", {{"Authorization", "Bearer sesam"}}), StartsWith("401 "));
  EXPECT_THAT(ask("GET /v1/health", "", {{"Authorization", "bearer sesame"}}), StartsWith("200 "));
  EXPECT_THAT(ask("GET /v1/health", "", {{"X-API-Key", "sesame"}}), StartsWith("200 "));
  EXPECT_THAT(ask("GET /api/a"), StartsWith("401 "));
  EXPECT_EQ(ask("OPTIONS /v1/health"), "200 ") << "browsers ask first, without it";
}

// ---- answers that wait for the disk ----

TEST_F(V1, AWriteIsAnsweredWhenItIsOnDisk) {
  configure({.durability = router::Durability::sync});
  EXPECT_EQ(ask("PUT /v1/state/a", "1"), "");
  router().durable(router().last_seq(), world().now());
  EXPECT_EQ(connection().answered(), "") << "at the end of the turn";
  turn();
  EXPECT_EQ(connection().answered(), R"(200 {"address":"/a","value":1,"revision":1})");
  EXPECT_EQ(ask("POST /v1/bundle", R"({"operations":[{"set":["/a",2]}]})"), "");
  router().durable(router().last_seq(), world().now());
  turn();
  EXPECT_EQ(connection().answered(), R"(200 {"success":true,"revision":2})");
}

TEST_F(V1, ARemovalAndAnEventAreAnsweredWhenTheyAreOnDisk) {
  configure({.durability = router::Durability::sync});
  const auto answered_once_durable = [this] {
    EXPECT_EQ(connection().answered(), "");
    router().durable(router().last_seq(), world().now());
    turn();
    return connection().answered();
  };
  ask("PUT /v1/state/a", "1");
  EXPECT_THAT(answered_once_durable(), StartsWith("200 "));
  EXPECT_EQ(ask("DELETE /v1/state/a"), "");
  EXPECT_EQ(answered_once_durable(), R"(200 {"address":"/a","status":"deleted"})");
  EXPECT_EQ(ask("POST /v1/emit/go", "1"), "");
  EXPECT_EQ(answered_once_durable(), R"(200 {"address":"/go","status":"emitted"})");
  EXPECT_EQ(ask("POST /v1/emit/go", "2"), "");
  router().set_journal_fault("the disk is full", world().now());
  turn();
  EXPECT_THAT(connection().answered(), StartsWith("503 "));
  EXPECT_THAT(ask("POST /v1/emit/go", "3"), StartsWith("503 "));
}

TEST_F(V1, AWriteThatTheDiskDoesNotTakeInTimeIsTimedOut) {
  configure({.durability = router::Durability::sync});
  EXPECT_EQ(ask("PUT /v1/state/a", "1"), "");
  pass(29s);
  EXPECT_EQ(connection().answered(), "");
  pass(2s);
  EXPECT_THAT(connection().answered(), StartsWith(R"(504 {"error":"the router did not answer in time)"));
  EXPECT_EQ(ask("PUT /v1/state/b", "1"), "");
  router().durable(1, world().now());
  turn();
  EXPECT_EQ(connection().answered(), "") << "the late answer to the first is not one to the second";
  router().durable(2, world().now());
  turn();
  EXPECT_THAT(connection().answered(), StartsWith(R"(200 {"address":"/b")"));
}

TEST_F(V1, AConnectionThatLeavesWhileItWaitsIsForgotten) {
  configure({.durability = router::Durability::sync});
  Connection& gone = another();
  EXPECT_EQ(gone.ask("PUT /v1/state/a", "1"), "");
  gone.leave();
  router().durable(1, world().now());
  turn();
  pass(31s);
  EXPECT_EQ(gone.answered(), "");
}

}  // namespace
}  // namespace clasp::http_api
