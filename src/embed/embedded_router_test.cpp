#include "clasp/embed.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "clasp/client.hpp"

namespace clasp {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> any_port(std::vector<std::string> more = {}) {
  std::vector<std::string> options{"--listen", "127.0.0.1:0", "--log-level", "error"};
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

TEST(EmbeddedRouter, SharesItsStateWithClients) {
  auto router = EmbeddedRouter::start(any_port());
  ASSERT_TRUE(router) << router.error().message;
  EXPECT_EQ(*router->set("/a", 1), 1u);
  auto client = Client::builder("ws://127.0.0.1:" + std::to_string(router->port())).connect();
  ASSERT_TRUE(client) << client.error().message;
  EXPECT_EQ(*client->get("/a"), Value(1));
  ASSERT_TRUE(client->set_confirmed("/b", "from outside"));
  EXPECT_EQ(router->get("/b"), Value("from outside"));
  EXPECT_EQ(router->get("/none"), std::nullopt);
}

TEST(EmbeddedRouter, CallsBackAndMayBeCalledFromACallback) {
  auto router = EmbeddedRouter::start(any_port());
  ASSERT_TRUE(router) << router.error().message;
  ASSERT_TRUE(router->on("/in/*", [&](const Value& value, std::string_view) {
    EXPECT_EQ(router->get("/in/x"), value) << "the state is readable";
    EXPECT_TRUE(router->set("/out", value));
  }));
  EXPECT_EQ(*router->set("/in/x", 7), 1u);
  ASSERT_TRUE(router->set("/fence", 1));
  ASSERT_TRUE(router->set("/fence", 2));
  EXPECT_EQ(router->get("/out"), Value(7));
}

TEST(EmbeddedRouter, RefusesByName) {
  auto router = EmbeddedRouter::start(any_port());
  ASSERT_TRUE(router);
  EXPECT_THAT(router->set("bad", 1).error().message, HasSubstr("invalid address"));
  EXPECT_FALSE(router->on("no-slash", [](const Value&, std::string_view) {}));
  ASSERT_TRUE(router->set_strategy("/max/**", Strategy::max));
  ASSERT_TRUE(router->set("/max/x", 5));
  EXPECT_THAT(router->set("/max/x", 3).error().message, HasSubstr("ConflictRejected"));
  EXPECT_THAT(EmbeddedRouter::start({"--no-such"}).error().message, HasSubstr("unknown option --no-such"));
  const auto taken = EmbeddedRouter::start({"--listen", "127.0.0.1:" + std::to_string(router->port())});
  ASSERT_FALSE(taken);
  EXPECT_THAT(taken.error().message, HasSubstr(std::to_string(router->port())));
  router->stop();
  router->stop();
  EXPECT_EQ(router->set("/a", 1).error().code, ErrorCode::not_connected);
}

}  // namespace
}  // namespace clasp
