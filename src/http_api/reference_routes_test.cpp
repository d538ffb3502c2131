// The routes of the reference implementation and what is documented below its base (bridges specification, sections 11.2 and 11.4).
#include "http_api/http_api_testing.hpp"

namespace clasp::http_api {
namespace {

using router::Peer;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

class Reference : public HttpApiTest {
 protected:
  std::string send(std::string_view line, std::string body, std::string type = "application/json") {
    return ask(line, std::move(body), {{"Content-Type", std::move(type)}});
  }
};

TEST_F(Reference, WritesBelowItsNamespaceAndReadsWithout) {
  Peer& desk = connect("desk");
  desk.subscribe("/**");
  EXPECT_EQ(send("PUT /api/foo", R"({"value":1})"), R"(200 {"address":"/http/foo","value":1,"status":"set"})");
  EXPECT_EQ(ask("GET /api/http/foo"), R"(200 {"address":"/http/foo","value":1})");
  EXPECT_EQ(ask("GET /api/foo"), R"(404 {"error":"Signal not found","address":"/foo"})");
  EXPECT_EQ(send("PUT /api/http/foo/bar", "2"), R"(200 {"address":"/http/http/foo/bar","value":2,"status":"set"})");
  EXPECT_EQ(ask("GET /api/http/http/foo/bar"), R"(200 {"address":"/http/http/foo/bar","value":2})");
  EXPECT_THAT(desk.received(), ElementsAre("SET /http/foo 1 rev=1", "SET /http/http/foo/bar 2 rev=1"));
}

TEST_F(Reference, APostIsAnEventAndADeleteTellsNull) {
  Peer& desk = connect("desk");
  desk.subscribe("/**");
  EXPECT_EQ(send("POST /api/go", R"({"value":[1,2]})"), R"(200 {"address":"/http/go","value":[1,2],"status":"published"})");
  EXPECT_EQ(ask("DELETE /api/foo"), R"(404 {"error":"Signal not found","address":"/http/foo"})");
  send("PUT /api/foo", "1");
  EXPECT_EQ(ask("DELETE /api/foo"), R"(200 {"address":"/http/foo","status":"deleted"})");
  EXPECT_THAT(desk.received(), ElementsAre("PUBLISH event /http/go [1,2]", "SET /http/foo 1 rev=1", "SET /http/foo null rev=2"));
}

TEST_F(Reference, ListsItsSignalsUnpagedAndIsWell) {
  Peer& desk = connect("desk");
  desk.set("/a", 1);
  desk.set("/b", true);
  EXPECT_EQ(ask("GET /api/signals?limit=1"), R"(200 {"signals":[{"address":"/a","value":1},{"address":"/b","value":true}],"count":2})");
  EXPECT_EQ(ask("GET /api/health"), R"(200 {"status":"ok","protocol":"CLASP","version":"0.1.0"})");
}

TEST_F(Reference, RefusesAsTheReferenceDoes) {
  EXPECT_THAT(send("PUT /api/foo", "1", "text/plain"), StartsWith("415 Expected request with"));
  EXPECT_THAT(ask("PUT /api/foo", "1"), StartsWith("415 "));
  EXPECT_THAT(send("PUT /api/foo", "1", "application/json; charset=utf-8"), StartsWith("200 "));
  EXPECT_THAT(send("PUT /api/foo", "1", "application/vnd.x+json"), StartsWith("200 "));
  EXPECT_THAT(send("PUT /api/foo", "{"), StartsWith("400 Failed to parse the request body as JSON: "));
  EXPECT_EQ(ask("PATCH /api/foo"), "405 ");
  EXPECT_EQ(connection().field("Allow"), "GET, HEAD, PUT, POST, DELETE, OPTIONS");
  EXPECT_EQ(ask("PUT /api/signals"), "405 ");
  EXPECT_EQ(connection().field("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(ask("GET /api"), "404 ");
  EXPECT_EQ(ask("GET /api/"), "404 ");
}

TEST_F(Reference, OtherSpellingsBelowItsBaseMeanTheRealAddress) {
  EXPECT_EQ(ask("PUT /api/state/a", "1"), R"(200 {"success":true,"address":"/a","value":1,"revision":1})");
  EXPECT_THAT(ask("GET /api/signals/a"), StartsWith(R"(200 {"address":"/a","value":1,"revision":1)"));
  EXPECT_EQ(ask("POST /api/event/go", "1"), R"(200 {"success":true,"address":"/go","status":"emitted"})");
  EXPECT_EQ(ask("GET /api/list/**"), R"(200 {"addresses":["/a"]})");
  EXPECT_EQ(ask("DELETE /api/signals/a"), R"(200 {"success":true,"address":"/a","status":"deleted"})");
}

TEST_F(Reference, StrictlyThereAreNoOtherSpellings) {
  config.strict_reference = true;
  EXPECT_EQ(send("PUT /api/state/a", "1"), R"(200 {"address":"/http/state/a","value":1,"status":"set"})");
  EXPECT_THAT(ask("PUT /v1/state/a", "1"), StartsWith("200 ")) << "/v1 is elsewhere";
}

TEST_F(Reference, BaseAndNamespaceCanBeChosen) {
  config.base = "/rest/clasp";
  config.ns = "";
  EXPECT_EQ(send("PUT /rest/clasp/foo", "1"), R"(200 {"address":"/foo","value":1,"status":"set"})");
  EXPECT_TRUE(api().owns("/rest/clasp/foo"));
  EXPECT_FALSE(api().owns("/rest/claspx"));
  EXPECT_FALSE(api().owns("/healthz"));
  EXPECT_FALSE(api().owns("/api/foo"));
}

}  // namespace
}  // namespace clasp::http_api
