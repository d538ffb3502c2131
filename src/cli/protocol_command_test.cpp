#include "cli/bridge_flags.hpp"

#include <gmock/gmock.h>

#include "bridge/catalogue/bridge_kinds.hpp"
#include "cli/cli_testing.hpp"
#include "cli/commands.hpp"

namespace clasp::cli {
namespace {

using testing::HasSubstr;

constexpr Command osc_row{"osc", "", "", "", "", run_protocol};

BridgeFlags read(std::vector<std::string> arguments, std::map<std::string, std::string> environment = {}) {
  TestCall call(osc_row, std::move(arguments), std::move(environment));
  BridgeFlags flags;
  flags.plan = std::move(*bridge::make_plan("osc"));
  EXPECT_EQ(read_arguments(call.invocation(), bridge_rows(call.invocation(), flags)).exit, std::nullopt) << call.captured.err();
  EXPECT_TRUE(settle_token(flags));
  return flags;
}

TEST(ProtocolCommand, TakesTheRouterFromTheEnvironmentUnlessItIsGiven) {
  EXPECT_EQ(read({}).router, "ws://localhost:7330");
  EXPECT_EQ(read({}, {{"CLASP_URL", "ws://a:1"}}).router, "ws://a:1");
  EXPECT_EQ(read({}, {{"CLASP_URL", "ws://a:1"}, {"CLASP_ROUTER", "ws://b:2"}, {"CLASP_TOKEN", "t"}}).router, "ws://b:2");
  EXPECT_EQ(read({"-s", "tcp://c:3"}, {{"CLASP_ROUTER", "ws://b:2"}}).router, "tcp://c:3");
  EXPECT_EQ(read({}, {{"CLASP_TOKEN", "t"}}).router_token, "t");
  EXPECT_EQ(read({"--router-token", "mine"}, {{"CLASP_TOKEN", "t"}}).router_token, "mine");
  EXPECT_FALSE(read({}, {{"CLASP_RECONNECT", "false"}}).reconnect);
}

TEST(ProtocolCommand, TakesTheNamespaceAndThePortFromTheEnvironmentTheSdksSet) {
  const BridgeFlags flags = read({}, {{"CLASP_BRIDGE_NAMESPACE", "/stage"}, {"CLASP_BRIDGE_PORT", "0"}});
  EXPECT_EQ(flags.plan->ns().prefix(), "/stage");
  EXPECT_EQ(read({"--namespace", "/mine"}, {{"CLASP_BRIDGE_NAMESPACE", "/stage"}}).plan->ns().prefix(), "/mine");
}

TEST(ProtocolCommand, ATargetThatIsAUrlIsTheRouter) {
  EXPECT_EQ(read({"--target", "tcp://r:1"}).router, "tcp://r:1");
  EXPECT_EQ(read({"--target", "desk:8000"}).router, "ws://localhost:7330");
}

TEST(ProtocolCommand, RefusesWhatMakesNoSense) {
  const std::pair<std::vector<std::string>, const char*> mistakes[] = {
      {{"--router", "quic://h"}, "quic"}, {{"extra"}, "unexpected argument \"extra\""}, {{"--prot", "1"}, "did you mean --port?"}};
  for (const auto& [arguments, message] : mistakes) {
    TestCall call(osc_row, arguments);
    EXPECT_EQ(run_protocol(call.invocation()), ExitCode::usage) << message;
    EXPECT_THAT(call.captured.err(), HasSubstr(message));
  }
}

}  // namespace
}  // namespace clasp::cli
