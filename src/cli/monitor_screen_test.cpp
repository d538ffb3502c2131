#include "cli/monitor_screen.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>

namespace clasp::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

MonitorView view_of(std::size_t slow, std::size_t bridges) {
  MonitorView view{.pattern = "/**", .order = "rate"};
  view.rates = {.per_second = 12, .total = 40, .addresses = 2, .busiest = {{.address = "/desk/a", .per_second = 10, .total = 30, .value = "0.5"}}};
  view.sessions.sessions = 7;
  view.sessions.writers["/desk/a"] = "osc :9000";
  for (std::size_t i = 0; i < slow; ++i)
    view.sessions.slow.push_back({.name = fmt::format("phone {}", i), .waiting_bytes = 2'500'000, .behind_ms = 1'500, .params_conflated = 9, .streams_dropped = 3});
  for (std::size_t i = 0; i < bridges; ++i) {
    BridgeReports::Row row;
    row.report = Map{{"name", fmt::format("bridge {}", i)}, {"protocol", "osc"}, {"endpoint", "osc/udp port 9000"}, {"state", "running"}, {"peers_total", 2}};
    row.received_per_second = 3;
    view.bridges.push_back(row);
  }
  return view;
}

std::size_t lines(const std::string& text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')); }

TEST(MonitorScreen, ShowsWhoWroteLastSlowSessionsAndBridges) {
  const std::string text = screen_text(view_of(1, 1), {.rows = 30, .columns = 120});
  EXPECT_THAT(text, HasSubstr("12.0 messages/s, 40 in all, 2 addresses, 7 sessions, 1 slow"));
  EXPECT_THAT(text, HasSubstr("/desk/a  10.0        30     osc :9000    0.5"));
  EXPECT_THAT(text, HasSubstr("phone 0       2500 kB  1.5s    9 older values, 3 of streams"));
  EXPECT_THAT(text, HasSubstr("bridge 0  osc       osc/udp port 9000  /          running  3.0   0.0    2"));
}

TEST(MonitorScreen, ShowsWhoIsAwayAndForHowLong) {
  MonitorView view = view_of(0, 0);
  view.sessions.away = 2;
  view.sessions.aways = {{.name = "tablet", .away_ms = 12'000, .left_ms = 48'000}, {.name = "\x1b[2Jphone", .away_ms = 500, .left_ms = 59'500}};
  const std::string text = screen_text(view, {.rows = 30, .columns = 120});
  EXPECT_THAT(text, HasSubstr("7 sessions, 0 slow, 2 away"));
  EXPECT_THAT(text, HasSubstr("SESSION AWAY  "));
  EXPECT_THAT(text, HasSubstr("tablet "));
  EXPECT_THAT(text, Not(HasSubstr("\x1b[2Jphone")));
  EXPECT_THAT(summary_line(view), HasSubstr("2 sessions away"));
  EXPECT_THAT(summary_json(view), HasSubstr(R"("away":2,"away_sessions":[{"name":"tablet","away_ms":12000,"left_ms":48000})"));
}

TEST(MonitorScreen, NamesTheDeviceBehindABridge) {
  MonitorView view = view_of(0, 1);
  view.bridges[0].report = Map{{"name", "osc :9000"}, {"writers", Map{{"/desk/a", "10.0.0.7:5000"}, {"/go", "10.0.0.8:5000"}}}};
  view.rates.busiest.push_back({.address = "/go", .per_second = 1, .total = 1, .value = "1"});
  const std::string text = screen_text(view, {.rows = 30, .columns = 120});
  EXPECT_THAT(text, HasSubstr("/desk/a  10.0        30     osc :9000 10.0.0.7:5000  0.5"));
  EXPECT_THAT(text, HasSubstr("osc :9000 10.0.0.8:5000  1")) << "an event has no stored writer";
  view.sessions.writers["/desk/a"] = "somebody else";
  EXPECT_THAT(screen_text(view, {.rows = 30, .columns = 120}), HasSubstr("somebody else  "));
}

TEST(MonitorScreen, LeavesOutSectionsThatAreEmpty) {
  const std::string text = screen_text(view_of(0, 0), {.rows = 30, .columns = 120});
  EXPECT_THAT(text, Not(HasSubstr("SLOW")));
  EXPECT_THAT(text, Not(HasSubstr("BRIDGE")));
}

TEST(MonitorScreen, NeverHasMoreLinesThanTheScreen) {
  for (const std::size_t rows : {4u, 10u, 24u, 60u}) {
    for (const std::size_t many : {0u, 1u, 30u}) {
      MonitorView view = view_of(many, many);
      view.sessions.aways.resize(many);
      const ScreenSize size{.rows = rows, .columns = 80};
      view.rates.busiest.resize(address_rows(view, size), view.rates.busiest[0]);
      const std::string text = screen_text(view, size);
      EXPECT_LT(lines(text), rows) << rows << " " << many;
      EXPECT_EQ(rows >= 24 && many == 30, text.contains(" more"));
    }
  }
}

TEST(MonitorScreen, ForeignTextCannotMoveTheCursor) {
  MonitorView view = view_of(1, 0);
  view.sessions.slow[0].name = "\x1b[2Jgone";
  view.sessions.writers["/desk/a"] = "\x1b[H";
  const std::string text = screen_text(view, {.rows = 30, .columns = 120}).substr(7);  // behind our own
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace clasp::cli
