#include "server/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace clasp::server {
namespace {

using ::testing::HasSubstr;

class FixedRandom final : public router::Random {
 public:
  std::uint64_t next() override { return ++state_; }

 private:
  std::uint64_t state_ = 0;
};

TEST(Metrics, HaveTheNamesOfTheSpecificationAndAreWellFormed) {
  FixedRandom random;
  router::Router router({}, {.random = &random}, Now{});
  LatencyHistogram latency;
  latency.add(0x21, 3.5);
  const std::string text = metrics_text(router, {}, latency, {{"osc [::]:9000", "received", 7}, {"a\"b\\c\nd", "sent", 1}}, 1.5);
  for (const char* name : {"clasp_sessions_active", "clasp_subscriptions_active", "clasp_state_params_active", "clasp_messages_total{type=\"set\"}",
                           "clasp_message_latency_seconds_count{type=\"set\"} 1", "clasp_broadcast_fanout_count", "clasp_errors_total",
                           "clasp_bridge_total{bridge=\"osc [::]:9000\",what=\"received\"} 7",
                           R"(clasp_bridge_total{bridge="a\"b\\c\\x0ad",what="sent"} 1)"})
    EXPECT_THAT(text, HasSubstr(name));
  // Each family is described once, and every sample belongs to a described family.
  std::set<std::string> families;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# TYPE ")) {
      EXPECT_TRUE(families.insert(line.substr(7, line.find(' ', 7) - 7)).second) << line;
    } else if (!line.starts_with('#')) {
      std::string name = line.substr(0, line.find_first_of("{ "));
      for (const char* suffix : {"_bucket", "_sum", "_count"})
        if (name.ends_with(suffix) && families.contains(name.substr(0, name.size() - std::string_view(suffix).size())))
          name.resize(name.size() - std::string_view(suffix).size());
      EXPECT_TRUE(families.contains(name)) << line;
    }
  }
}

}  // namespace
}  // namespace clasp::server
