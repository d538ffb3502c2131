#include "bridge/http/http_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace clasp::bridge::http {
namespace {

using testing::HasSubstr;

Result<std::string> no_file(const std::string& path) { return Error{ErrorCode::invalid_argument, "no file " + path, {}}; }

class HttpPlanTest : public ::testing::Test {
 protected:
  std::string apply(const std::vector<std::string>& arguments) { return apply(arguments, plan); }
  static std::string apply(const std::vector<std::string>& arguments, HttpPlan& to) {
    const options::OptionSet rows(to.rows(no_file));
    const auto positional = rows.apply_arguments(arguments);
    if (!positional) return positional.error().message;
    const auto checked = to.check();
    return checked ? "" : checked.error().message;
  }
  HttpPlan plan;
};

TEST_F(HttpPlanTest, ByDefaultItServesTheNamespaceOnPort3000) {
  EXPECT_EQ(apply({}), "");
  const HttpServerModeConfig config = plan.server_config();
  EXPECT_EQ(config.listen.at(0), (net::ListenAddress{"0.0.0.0", 3'000}));
  EXPECT_EQ(config.api.base, "/api");
  EXPECT_EQ(config.api.ns, "/http");
  EXPECT_TRUE(config.api.cors);
}

TEST_F(HttpPlanTest, DescribesAServer) {
  EXPECT_EQ(apply({"--bind", "127.0.0.1:8080", "--base-path", "/rest", "--cors", "https://desk.example", "--listen-token", "t", "--namespace", "/web",
                   "--read", "/lights/**", "--endpoint", "GET /room/:n /web/{n}", "--max-params", "10"}),
            "");
  const HttpServerModeConfig config = plan.server_config();
  EXPECT_EQ(config.listen.at(0), (net::ListenAddress{"127.0.0.1", 8'080}));
  EXPECT_EQ(config.api.base, "/rest");
  EXPECT_EQ(config.api.ns, "/web");
  EXPECT_EQ(config.api.token, "t");
  EXPECT_EQ(config.api.origins, std::vector<std::string>{"https://desk.example"});
  EXPECT_EQ(config.api.endpoints.at(0).address, "/web/{n}");
  EXPECT_EQ(config.reads.at(0).text(), "/lights/**");
  EXPECT_EQ(config.params_max, 10U);
}

TEST_F(HttpPlanTest, AnAddressMayBeAHostAPortOrBoth) {
  const std::pair<const char*, net::ListenAddress> cases[] = {{"127.0.0.1", {"127.0.0.1", 3'000}},
                                                              {"8080", {"0.0.0.0", 8'080}},
                                                              {"127.0.0.1:1", {"127.0.0.1", 1}},
                                                              {"[::1]:7", {"::1", 7}},
                                                              {"::1", {"::1", 3'000}},
                                                              {":9", {"", 9}}};
  for (const auto& [given, listen] : cases) {
    HttpPlan fresh;
    const options::OptionSet rows(fresh.rows(no_file));
    EXPECT_TRUE(rows.apply_one(fresh.address_row(), given, "here")) << given;
    EXPECT_EQ(fresh.server_config().listen.at(0), listen) << given;
  }
}

TEST_F(HttpPlanTest, CorsIsSaidAsTheReferenceSaysItToo) {
  EXPECT_EQ(apply({"--cors", "true", "--cors", "*"}), "");
  EXPECT_TRUE(plan.server_config().api.cors);
  EXPECT_EQ(apply({"--cors", "false"}), "");
  EXPECT_FALSE(plan.server_config().api.cors);
  HttpPlan other;
  EXPECT_TRUE(options::OptionSet(other.rows(no_file)).apply_arguments(std::vector<std::string>{"--no-cors"}));
  EXPECT_FALSE(other.server_config().api.cors);
}

TEST_F(HttpPlanTest, AUrlAloneMirrorsTheNamespaceAsTheReferenceDoes) {
  EXPECT_EQ(apply({"--mode", "client", "--url", "http://other:3000/", "--poll-interval", "2s", "--header", "Authorization: Bearer x"}), "");
  const HttpClientModeConfig config = plan.client_config().value();
  ASSERT_EQ(config.targets.size(), 1U);
  EXPECT_EQ(config.targets[0].url, "http://other:3000{address}");
  EXPECT_EQ(config.targets[0].pattern.text(), "/http/**");
  ASSERT_EQ(config.polls.size(), 1U);
  EXPECT_EQ(config.polls[0].url, "http://other:3000/api/signals");
  EXPECT_EQ(config.polls[0].interval, Micros{2'000'000});
  EXPECT_EQ(config.fields.at(0).value, "Bearer x");
}

TEST_F(HttpPlanTest, NamesInPollsAreOfTheNamespaceWhereverItStands) {
  EXPECT_EQ(apply({"--mode", "client", "--poll", "http://plug/s w=$.w", "--namespace", "/plugs", "--poll-interval", "1s"}), "");
  EXPECT_EQ(plan.client_config().value().polls.at(0).picks.at(0).address, "/plugs/w");
  EXPECT_EQ(plan.client_config().value().polls.at(0).interval, Micros{1'000'000});
}

TEST_F(HttpPlanTest, RefusesWhatMakesNoSense) {
  const std::pair<std::vector<std::string>, const char*> mistakes[] = {
      {{"--mode", "proxy"}, "expected one of: server, client"},
      {{"--mode", "client"}, "needs something to do"},
      {{"--webhook", "/a http://b/"}, "--webhook is for --mode client"},
      {{"--mode", "client", "--webhook", "/a ftp://b/"}, "--webhook \"/a ftp://b/\": ftp://b/: "},
      {{"--mode", "client", "--poll", "/x"}, "there is no --url"},
      {{"--mode", "client", "--url", "desk"}, "--url: expected a URL"},
      {{"--mode", "client", "--url", "http://x/", "--timeout", "0"}, "--timeout: "},
      {{"--bind", "desk:70000"}, "--bind: expected HOST, PORT or HOST:PORT"},
      {{"--base-path", "/v1/x"}, "--base-path: "},
      {{"--cors", "desk"}, "--cors: expected"},
      {{"--read", "lights"}, "--read: "},
      {{"--endpoint", "GET /x"}, "--endpoint \"GET /x\": expected METHOD PATH ADDRESS"}};
  for (const auto& [arguments, message] : mistakes) {
    HttpPlan fresh;
    EXPECT_THAT(apply(arguments, fresh), HasSubstr(message));
  }
}

}  // namespace
}  // namespace clasp::bridge::http
