#include "bridge/socketio/socketio_plan.hpp"

#include <gmock/gmock.h>

namespace clasp::bridge::socketio {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Rows = std::vector<std::pair<std::string_view, std::string_view>>;

Result<void> apply(SocketIoPlan& plan, const Rows& rows) {
  const options::OptionSet set(plan.rows([](const std::string&) { return Result<std::string>(std::string{}); }));
  for (const auto& [name, value] : rows) {
    if (auto applied = set.apply_one(name, value, name); !applied) return applied;
  }
  return plan.check();
}

TEST(SocketIoPlan, IsAServerUnlessItsUrlIsOne) {
  SocketIoPlan server;
  EXPECT_TRUE(apply(
      server, {{"url", "127.0.0.1:9001"}, {"listen-token", "t"}, {"sio-namespace", "admin"}, {"transports", "polling"}, {"event-name", "path"}}));
  EXPECT_FALSE(server.peers.connects());
  EXPECT_EQ(server.port_config().bind, (net::ListenAddress{"127.0.0.1", 9'001}));
  EXPECT_THAT(server.server_config().namespaces, ElementsAre("/admin"));
  EXPECT_FALSE(server.server_config().websocket);
  EXPECT_FALSE(server.server_config().names.last_segment);

  SocketIoPlan client;
  EXPECT_TRUE(apply(client, {{"url", "https://h/admin?token=x"}, {"auth", R"({"a":1})"}, {"sio-namespace", "/more"}, {"path", "/io"}}));
  EXPECT_TRUE(client.peers.connects());
  EXPECT_THAT(client.client_config().namespaces, ElementsAre("/admin", "/more"));
  const ServerPlace place = client.server_place();
  EXPECT_EQ(place.port, 443);
  EXPECT_TRUE(place.secure);
  EXPECT_EQ(place.path, "/io/");
  EXPECT_EQ(place.query, "token=x");
  SocketIoPlan plain;
  EXPECT_TRUE(apply(plain, {{"url", "http://h"}}));
  EXPECT_THAT(plain.client_config().namespaces, ElementsAre("/"));
  SocketIoPlan only;
  EXPECT_TRUE(apply(only, {{"url", "http://h"}, {"sio-namespace", "only"}}));
  EXPECT_THAT(only.client_config().namespaces, ElementsAre("/only"));
}

TEST(SocketIoPlan, SaysWhatDoesNotFit) {
  for (const auto& [rows, what] :
       std::vector<std::pair<Rows, const char*>>{{{{"mode", "client"}}, "needs --url"},
                                                 {{{"mode", "server"}, {"url", "http://h"}}, "does not connect to"},
                                                 {{{"url", "http://h"}, {"listen-token", "t"}}, "--listen-token is for --mode server"},
                                                 {{{"url", "ftp://h"}}, "ftp"},
                                                 {{{"url", "http://h/a/"}}, "is a Socket.IO namespace"},
                                                 {{{"auth", "[]"}}, "JSON object"},
                                                 {{{"transports", "pigeon"}}, "polling, websocket"},
                                                 {{{"sio-namespace", "a//b"}}, "namespace"},
                                                 {{{"kind", "/a"}}, "PATTERN=param"},
                                                 {{{"ping-interval", "50m"}, {"ping-timeout", "50m"}}, "an hour"}}) {
    SocketIoPlan plan;
    const Result<void> done = apply(plan, rows);
    ASSERT_FALSE(done) << what;
    EXPECT_THAT(done.error().message, HasSubstr(what));
  }
}

}  // namespace
}  // namespace clasp::bridge::socketio
