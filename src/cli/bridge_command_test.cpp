// What `clasp bridge` refuses; what it does is in tests/interop/bridges_test.py.
#include <gmock/gmock.h>

#include "cli/cli_testing.hpp"
#include "cli/commands.hpp"

namespace clasp::cli {
namespace {

using testing::HasSubstr;

constexpr Command row{"bridge", "", "PROTOCOL", "", "", run_bridge_command};

TEST(BridgeCommand, SaysWhatIsWrongWithEachOfItsForms) {
  const std::pair<std::vector<std::string>, const char*> mistakes[] = {
      {{}, "usage: clasp bridge PROTOCOL"},
      {{"oscc"}, "no bridge is called oscc; there are: osc"},
      {{"osc", "--prot", "1"}, "did you mean --port?"},
      {{"--bridge-type", "oscc"}, "no bridge is called oscc"},
      {{"--bridge-type", "osc", "-o", "port"}, "-o: expected KEY=VALUE"},
      {{"-b", "osc", "-o", "prot=1"}, "-o prot=1: unknown option, did you mean port?"},
      {{"-b", "osc", "-o", "port=x"}, "-o port=x: expected a whole number"},
      {{"osc", "localhost:0", "claps", "localhost"}, "no bridge is called claps"},
      {{"osc", "localhost:x", "clasp", "localhost"}, "osc:localhost:x: expected HOST, PORT or HOST:PORT"},
      {{"--source", "osc:1"}, "--target is missing beside --source"},
      {{"--source", "ws://h", "--target", "osc:1"}, "--source: expected PROTOCOL:ADDRESS"},
      {{"--source", "osc:1", "--target", "quic://h"}, "quic"}};
  for (const auto& [arguments, message] : mistakes) {
    TestCall call(row, arguments);
    EXPECT_EQ(run_bridge_command(call.invocation()), ExitCode::usage) << message;
    EXPECT_THAT(call.captured.err(), HasSubstr(message));
  }
}

}  // namespace
}  // namespace clasp::cli
