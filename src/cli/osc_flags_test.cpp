#include "cli/osc_flags.hpp"

#include <gmock/gmock.h>

#include "cli/cli_testing.hpp"
#include "cli/commands.hpp"

namespace clasp::cli {
namespace {

using bridge::osc::MessageKind;
using bridge::osc::NumberFormat;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr Command osc_row{"osc", "", "", "", "", run_osc_command};

OscFlags read(std::vector<std::string> arguments, std::map<std::string, std::string> environment = {}) {
  TestCall call(osc_row, std::move(arguments), std::move(environment));
  OscFlags flags;
  EXPECT_EQ(read_osc_arguments(call.invocation(), flags).exit, std::nullopt) << call.captured.err();
  return flags;
}

TEST(OscFlags, ListenOnPort9000OfEveryAddressByDefault) {
  const OscFlags flags = read({});
  EXPECT_EQ(flags.socket.bind, "0.0.0.0:9000");
  EXPECT_EQ(flags.router, "ws://localhost:7330");
  EXPECT_EQ(flags.bridge.ns.prefix(), "/osc");
  EXPECT_EQ(flags.bridge.reply_to_sender, std::nullopt);
}

TEST(OscFlags, DescribeTheWholeBridge) {
  const OscFlags flags = read({"--bind",
                               "::1",
                               "--port",
                               "7000",
                               "--target",
                               "desk:8000",
                               "--target=127.0.0.1:8001",
                               "--namespace",
                               "/stage/osc",
                               "--number-format",
                               "native32",
                               "--kind",
                               "/stage/osc/go/**=event",
                               "--kind",
                               "/stage/osc/eeg=stream",
                               "--max-rate",
                               "60",
                               "--no-reply",
                               "--echo",
                               "--sync",
                               "--send-port",
                               "9001"});
  EXPECT_EQ(flags.socket.bind, "[::1]:7000");
  EXPECT_THAT(flags.socket.targets, ElementsAre("desk:8000", "127.0.0.1:8001"));
  EXPECT_EQ(flags.bridge.ns.prefix(), "/stage/osc");
  EXPECT_EQ(flags.bridge.encoding.number_format, NumberFormat::native32);
  ASSERT_EQ(flags.bridge.kinds.size(), 2u);
  EXPECT_EQ(flags.bridge.kinds[0].pattern.text(), "/stage/osc/go/**");
  EXPECT_EQ(flags.bridge.kinds[0].kind, MessageKind::event);
  EXPECT_EQ(flags.bridge.kinds[1].kind, MessageKind::stream);
  EXPECT_EQ(flags.bridge.rate_hz_max, 60u);
  EXPECT_EQ(flags.bridge.reply_to_sender, false);
  EXPECT_TRUE(flags.bridge.echo);
  EXPECT_TRUE(flags.bridge.sync_on_connect);
  EXPECT_EQ(flags.bridge.send_port, 9001);
}

TEST(OscFlags, TakeTheRouterFromTheEnvironmentUnlessItIsGiven) {
  EXPECT_EQ(read({}, {{"CLASP_URL", "ws://a:1"}}).router, "ws://a:1");
  EXPECT_EQ(read({}, {{"CLASP_URL", "ws://a:1"}, {"CLASP_ROUTER", "ws://b:2"}, {"CLASP_TOKEN", "t"}}).router, "ws://b:2");
  EXPECT_EQ(read({"-s", "tcp://c:3"}, {{"CLASP_ROUTER", "ws://b:2"}}).router, "tcp://c:3");
  EXPECT_EQ(read({}, {{"CLASP_TOKEN", "t"}}).token, "t");
}

TEST(OscFlags, RefuseWhatMakesNoSense) {
  const std::pair<std::vector<std::string>, const char*> mistakes[] = {{{"--target", "desk"}, "--target: expected HOST:PORT"},
                                                                       {{"--target", ":8000"}, "expected HOST:PORT"},
                                                                       {{"--target", "desk:0"}, "expected HOST:PORT"},
                                                                       {{"--namespace", "osc"}, "--namespace: "},
                                                                       {{"--kind", "/osc/**"}, "expected PATTERN=param"},
                                                                       {{"--kind", "/osc/**=gesture"}, "expected one of: param, event, stream"},
                                                                       {{"--kind", "osc=event"}, "--kind: "},
                                                                       {{"--port", "65536"}, "--port: expected a whole number"},
                                                                       {{"--router", "quic://h"}, "quic"},
                                                                       {{"extra"}, "unexpected argument \"extra\""}};
  for (const auto& [arguments, message] : mistakes) {
    TestCall call(osc_row, arguments);
    EXPECT_EQ(run_osc_command(call.invocation()), ExitCode::usage) << message;
    EXPECT_THAT(call.captured.err(), HasSubstr(message));
  }
}

}  // namespace
}  // namespace clasp::cli
