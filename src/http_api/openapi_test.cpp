// The document and the rows say the same.
#include "http_api/openapi.hpp"

#include <nlohmann/json.hpp>

#include <set>

#include "http_api/http_api_testing.hpp"
#include "http_api/route.hpp"
#include "store/memory_journal.hpp"

namespace clasp::http_api {
namespace {

using testing::StartsWith;

// Every "$ref" below `node` names a component.
void expect_references(const nlohmann::json& node, const nlohmann::json& schemas) {
  if (node.is_object() && node.contains("$ref")) {
    const std::string target = node.at("$ref");
    EXPECT_TRUE(schemas.contains(target.substr(target.rfind('/') + 1))) << target;
  }
  if (node.is_structured()) {
    for (const auto& part : node) expect_references(part, schemas);
  }
}

TEST(OpenApi, NamesEveryRouteOnceAndEveryComponentThere) {
  const auto document = nlohmann::json::parse(openapi_document({.journal = true}));
  std::set<std::string> ids;
  for (const Route& route : routes()) {
    const auto& operation = document.at("paths").at(full_path({}, route));
    EXPECT_TRUE(ids.insert(std::string(route.id)).second) << "twice: " << route.id;
    EXPECT_EQ(operation.size(), static_cast<std::size_t>(std::ranges::count(routes(), route.path, &Route::path))) << route.path;
    EXPECT_FALSE(route.answers.empty()) << route.id;
  }
  expect_references(document, document.at("components").at("schemas"));
}

TEST(OpenApi, WhatIsNotServedIsNotInIt) {
  EXPECT_FALSE(nlohmann::json::parse(openapi_document({.strict_reference = true})).at("paths").contains("/api/state/{address}"));
  EXPECT_FALSE(nlohmann::json::parse(openapi_document({})).at("paths").contains("/api/journal/query"));
  EXPECT_FALSE(nlohmann::json::parse(openapi_document({})).contains("security"));
  EXPECT_TRUE(nlohmann::json::parse(openapi_document({.token = "x"})).contains("security"));
}

TEST_F(HttpApiTest, EveryRouteAnswersWithAStatusThatItsRowNames) {
  config.journal = true;
  store::MemoryJournal journal(10);
  api().set_journal(&journal);
  ask("PUT /v1/state/x", "1");
  for (const Route& route : routes()) {
    std::string path = full_path(config, route);
    if (path.ends_with('}')) path = path.substr(0, path.find('{')) + "x";
    Connection& peer = another();
    peer.ask(fmt::format("{} {}", route.method, path), route.body.empty() ? "" : R"({"value":1,"operations":[]})",
             {{"Content-Type", "application/json"}});
    peer.drain();
    EXPECT_TRUE(std::ranges::count(route.answers, peer.head.status, &AnswerDoc::status) > 0) << route.id << " answered " << peer.answered();
    EXPECT_LT(peer.head.status, 500U);
  }
}

TEST_F(HttpApiTest, TheDocumentIsServedAndNotSentTwice) {
  EXPECT_THAT(ask("GET /v1/openapi.json"), StartsWith("200 {\n \"openapi\": \"3.1.0\""));
  EXPECT_EQ(ask("GET /v1/openapi.json", "", {{"If-None-Match", connection().field("ETag")}}), "304 ");
}

}  // namespace
}  // namespace clasp::http_api
