// Routes of the operator's own (bridges specification, section 11.4).
#include "http_api/endpoints.hpp"

#include "http_api/http_api_testing.hpp"

namespace clasp::http_api {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class EndpointsOfTheOperator : public HttpApiTest {
 protected:
  void add(std::string_view line) {
    auto endpoint = parse_endpoint(line, config.base);
    ASSERT_TRUE(endpoint) << endpoint.error().message;
    config.endpoints.push_back(std::move(*endpoint));
  }
};

TEST_F(EndpointsOfTheOperator, APathStandsForAnAddress) {
  add("GET /room/:name/light /rooms/{name}/light/dim");
  add("PUT /room/:name/light /rooms/{name}/light/dim");
  EXPECT_EQ(ask("PUT /room/hall/light", "0.5"), R"(200 {"address":"/rooms/hall/light/dim","value":0.5,"revision":1})");
  EXPECT_THAT(ask("GET /room/hall/light"), StartsWith(R"(200 {"address":"/rooms/hall/light/dim","value":0.5)"));
  EXPECT_THAT(ask("GET /room/two%20words/light"), HasSubstr(R"("address":"/rooms/two words/light/dim")"));
  EXPECT_THAT(ask("DELETE /room/hall/light"), StartsWith("405 "));
  EXPECT_EQ(connection().field("Allow"), "GET, HEAD, PUT, OPTIONS");
  EXPECT_THAT(ask("GET /room/hall"), StartsWith("404 "));
}

TEST_F(EndpointsOfTheOperator, EveryMethodDoesWhatItDoesElsewhere) {
  for (const char* method : {"GET", "PUT", "PATCH", "POST", "DELETE"}) add(std::string(method) + " /api/desk/*what /desk/{what}");
  EXPECT_THAT(ask("PUT /api/desk/a/b", R"({"value":{"x":1}})"), HasSubstr(R"("address":"/desk/a/b")"));
  EXPECT_THAT(ask("PATCH /api/desk/a/b", R"({"y":2})"), HasSubstr(R"("value":{"x":1,"y":2})"));
  EXPECT_THAT(ask("POST /api/desk/go", "1"), HasSubstr("emitted"));
  EXPECT_THAT(ask("DELETE /api/desk/a/b"), HasSubstr("deleted"));
  EXPECT_THAT(ask("GET /api/desk/a/b"), StartsWith("404 "));
}

TEST_F(EndpointsOfTheOperator, ANameCannotBecomeMoreThanItStandsFor) {
  add("PUT /room/:name /rooms/{name}/dim");
  EXPECT_FALSE(api().owns("/room/a%2Fb"));
  EXPECT_THAT(ask("PUT /room/a*", "1"), StartsWith("400 "));
  EXPECT_THAT(ask("PUT /room/a%0A", "1"), StartsWith("400 "));
  EXPECT_FALSE(api().owns("/room/%zz"));
  EXPECT_FALSE(api().owns("/room/"));
  EXPECT_EQ(ask("PUT /room/{name}", "1"), R"(200 {"address":"/rooms/{name}/dim","value":1,"revision":1})");
}

TEST_F(EndpointsOfTheOperator, ARateIsKept) {
  add("GET /slow /a rate=60");
  connect("desk").set("/a", 1);
  for (int i = 0; i < 60; ++i) ASSERT_THAT(ask("GET /slow"), StartsWith("200 ")) << i;
  EXPECT_EQ(ask("GET /slow"), R"(429 {"error":"/slow is asked more often than it may be","code":429})");
  EXPECT_EQ(connection().field("Retry-After"), "1");
  pass(1s);
  EXPECT_THAT(ask("GET /slow"), StartsWith("200 "));
  EXPECT_THAT(ask("GET /slow"), StartsWith("429 "));
}

TEST_F(EndpointsOfTheOperator, TheyAreInTheDocument) {
  add("GET /room/:name /rooms/{name}/dim");
  const std::string document = ask("GET /v1/openapi.json");
  EXPECT_THAT(document, HasSubstr(R"("/room/{name}")"));
  EXPECT_THAT(document, HasSubstr(R"("operationId": "endpoint1")"));
}

TEST_F(EndpointsOfTheOperator, TheTokenIsAskedForHereToo) {
  config.token = "t";
  add("GET /room /a");
  EXPECT_THAT(ask("GET /room"), StartsWith("401 "));
}

struct Fault {
  const char* line;
  const char* says;
};
TEST(EndpointLine, WhatIsWrongIsNamed) {
  for (const Fault& fault :
       {Fault{"GET /a", "expected METHOD PATH ADDRESS"}, Fault{"TRACE /a /b", "TRACE: expected GET"}, Fault{"GET a /b", "a: expected a path"},
        Fault{"GET /v1/x /b", "/v1 has its own"}, Fault{"GET /a/:b /x/{c}", "a {name} that"}, Fault{"GET /a/*b/c /x/{b}", "has to be the last"},
        Fault{"GET /a/: /x", "expected a name"}, Fault{"GET /a /x/*", "wildcard"}, Fault{"GET /a x", "must start with"},
        Fault{"GET /a /x rate=much", "expected rate="}, Fault{"GET /api/signals /x", "there is such a route"}}) {
    const auto parsed = parse_endpoint(fault.line, "/api");
    ASSERT_FALSE(parsed) << fault.line;
    EXPECT_THAT(parsed.error().message, HasSubstr(fault.says)) << fault.line;
  }
}

}  // namespace
}  // namespace clasp::http_api
