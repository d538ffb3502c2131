#include "bridge/osc/osc_plan.hpp"

#include <gmock/gmock.h>

namespace clasp::bridge::osc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<std::string> no_file(const std::string& path) { return Error{ErrorCode::invalid_argument, "no file " + path, {}}; }

class OscPlanTest : public ::testing::Test {
 protected:
  std::string apply(std::vector<std::string> arguments) {
    const options::OptionSet rows(plan.rows(no_file));
    const auto positional = rows.apply_arguments(arguments);
    return positional ? "" : positional.error().message;
  }
  OscPlan plan;
};

TEST_F(OscPlanTest, ListensOnPort9000OfEveryAddressByDefault) {
  EXPECT_EQ(plan.socket_config().bind, "0.0.0.0:9000");
  EXPECT_EQ(plan.ns().prefix(), "/osc");
  EXPECT_EQ(plan.config().reply_to_sender, std::nullopt);
}

TEST_F(OscPlanTest, DescribesTheWholeBridge) {
  EXPECT_EQ(apply({"--bind", "::1", "--port", "7000", "--target", "desk:8000", "--target=127.0.0.1:8001", "--namespace", "/stage/osc", "--number-format", "native32",
                   "--kind", "/stage/osc/go/**=event", "--kind", "/stage/osc/eeg=stream", "--max-rate", "60", "--no-reply", "--echo", "--sync", "--send-port", "9001"}),
            "");
  EXPECT_EQ(plan.socket_config().bind, "[::1]:7000");
  EXPECT_THAT(plan.socket_config().targets, ElementsAre("desk:8000", "127.0.0.1:8001"));
  const OscConfig config = plan.config();
  EXPECT_EQ(config.ns.prefix(), "/stage/osc");
  EXPECT_EQ(config.encoding.number_format, NumberFormat::native32);
  ASSERT_EQ(config.kinds.size(), 2u);
  EXPECT_EQ(config.kinds[0].pattern.text(), "/stage/osc/go/**");
  EXPECT_EQ(config.kinds[0].kind, MessageKind::event);
  EXPECT_EQ(config.kinds[1].kind, MessageKind::stream);
  EXPECT_EQ(config.rate_hz_max, 60u);
  EXPECT_EQ(config.reply_to_sender, false);
  EXPECT_TRUE(config.echo);
  EXPECT_TRUE(config.sync_on_connect);
  EXPECT_EQ(config.send_port, 9001);
}

TEST_F(OscPlanTest, AnAddressMayBeAHostAPortOrBoth) {
  const std::pair<const char*, const char*> cases[] = {{"127.0.0.1", "127.0.0.1:9000"}, {"7001", "0.0.0.0:7001"}, {"127.0.0.1:7002", "127.0.0.1:7002"},
                                                       {"[::1]:7003", "[::1]:7003"},    {"::1", "[::1]:9000"},    {":7004", "[::]:7004"}};
  for (const auto& [given, bind] : cases) {
    OscPlan fresh;
    const options::OptionSet rows(fresh.rows(no_file));
    EXPECT_TRUE(rows.apply_one(fresh.address_row(), given, "here"));
    EXPECT_EQ(fresh.socket_config().bind, bind) << given;
  }
}

TEST_F(OscPlanTest, RefusesWhatMakesNoSense) {
  const std::pair<std::vector<std::string>, const char*> mistakes[] = {{{"--target", "desk"}, "--target: expected HOST:PORT"},
                                                                       {{"--target", ":8000"}, "expected HOST:PORT"},
                                                                       {{"--target", "desk:0"}, "expected HOST:PORT"},
                                                                       {{"--namespace", "osc"}, "--namespace: "},
                                                                       {{"--kind", "/osc/**"}, "expected PATTERN=param"},
                                                                       {{"--kind", "/osc/**=gesture"}, "expected one of: param, event, stream"},
                                                                       {{"--kind", "osc=event"}, "--kind: "},
                                                                       {{"--port", "65536"}, "--port: expected a whole number"},
                                                                       {{"--bind", "desk:70000"}, "--bind: expected HOST, PORT or HOST:PORT"},
                                                                       {{"--map", "nowhere.map"}, "no file nowhere.map"}};
  for (const auto& [arguments, message] : mistakes) EXPECT_THAT(apply(arguments), HasSubstr(message));
}

}  // namespace
}  // namespace clasp::bridge::osc
