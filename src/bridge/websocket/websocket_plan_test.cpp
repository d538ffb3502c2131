#include "bridge/websocket/websocket_plan.hpp"

#include <gmock/gmock.h>

namespace clasp::bridge::websocket {
namespace {

using testing::HasSubstr;

using Rows = std::vector<std::pair<std::string_view, std::string_view>>;

Result<void> apply(WebSocketPlan& plan, const Rows& rows) {
  const options::OptionSet set(plan.rows([](const std::string&) { return Result<std::string>(std::string{}); }));
  for (const auto& [name, value] : rows) {
    if (auto applied = set.apply_one(name, value, name); !applied) return applied;
  }
  return plan.check();
}

TEST(WebSocketPlan, AnUrlMakesItAClientAnAddressAServer) {
  WebSocketPlan server;
  EXPECT_TRUE(apply(server, {{"url", "127.0.0.1:9001"}, {"listen-token", "t"}, {"path", "/live"}}));
  EXPECT_FALSE(server.peers.connects());
  EXPECT_EQ(server.port_config().bind, (net::ListenAddress{"127.0.0.1", 9'001}));
  WebSocketPlan client;
  EXPECT_TRUE(apply(client, {{"url", "wss://h/p?q=1"}, {"header", "A: b"}, {"format", "raw"}, {"subprotocol", "s"}}));
  EXPECT_TRUE(client.peers.connects());
  const dial::Target target = client.target();
  EXPECT_EQ(dial::place(target), "h:443");
  EXPECT_EQ(target.websocket->target, "/p?q=1");
  EXPECT_EQ(target.websocket->subprotocols, std::vector<std::string>{"s"});
  EXPECT_EQ(target.websocket->fields.size(), 1U);
}

TEST(WebSocketPlan, SaysWhatDoesNotFit) {
  for (const auto& [rows, what] :
       std::vector<std::pair<Rows, const char*>>{{{{"mode", "client"}}, "needs --url"},
                                                 {{{"mode", "server"}, {"url", "ws://h"}}, "does not connect to"},
                                                 {{{"url", "ws://h"}, {"listen-token", "t"}}, "--listen-token is for --mode server"},
                                                 {{{"url", "http://h"}}, "http"},
                                                 {{{"mode", "both"}}, "expected one of: server, client"},
                                                 {{{"path", "x"}}, "begins with /"},
                                                 {{{"header", "x"}}, "NAME: VALUE"}}) {
    WebSocketPlan plan;
    const Result<void> done = apply(plan, rows);
    ASSERT_FALSE(done) << what;
    EXPECT_THAT(done.error().message, HasSubstr(what));
  }
}

}  // namespace
}  // namespace clasp::bridge::websocket
