#include "rules/schedule.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <ctime>

namespace clasp::rules {
namespace {

using testing::HasSubstr;
using namespace std::chrono;

UnixTime at(std::string_view text) {  // "2026-03-29 01:59"
  std::tm parts{};
  EXPECT_NE(strptime(std::string(text).c_str(), "%Y-%m-%d %H:%M", &parts), nullptr) << text;
  return UnixTime{static_cast<std::uint64_t>(timegm(&parts)) * 1'000'000};
}
std::string text_of(std::optional<UnixTime> time) {
  if (!time) return "never";
  const auto seconds = static_cast<std::time_t>(time->us / 1'000'000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
  return text;
}
std::string next(std::string_view cron, std::string_view after, const LocalTime& local = {}) {
  const auto schedule = Schedule::parse(cron);
  if (!schedule) return schedule.error().message;
  return text_of(schedule->next(at(after), local));
}

// One hour ahead of UTC in winter and two in summer, as in central Europe in 2026.
std::int64_t central_europe(UnixTime time) { return time >= at("2026-03-29 01:00") && time < at("2026-10-25 01:00") ? 7'200 : 3'600; }

struct Row {
  const char* cron;
  const char* after;
  const char* next;
};

TEST(Schedule, FindsTheNextTime) {
  for (const Row& row : {
           Row{"* * * * *", "2026-11-29 10:00", "2026-11-29 10:01"},
           Row{"30 8 * * *", "2026-11-29 08:29", "2026-11-29 08:30"},
           Row{"30 8 * * *", "2026-11-29 08:30", "2026-11-30 08:30"},
           Row{"*/20 9-17 * * *", "2026-11-29 17:40", "2026-11-30 09:00"},
           Row{"5,35 * * * *", "2026-11-29 10:05", "2026-11-29 10:35"},
           Row{"10/25 * * * *", "2026-11-29 10:11", "2026-11-29 10:35"},
           Row{"0 20 * * fri", "2026-11-29 10:00", "2026-12-04 20:00"},
           Row{"0 20 * * mon-wed", "2026-12-02 21:00", "2026-12-07 20:00"},
           Row{"0 0 * * 7", "2026-11-28 10:00", "2026-11-29 00:00"},
           Row{"0 0 1 jan *", "2026-11-29 10:00", "2027-01-01 00:00"},
           Row{"0 0 29 2 *", "2026-11-29 10:00", "2028-02-29 00:00"},
           Row{"0 0 31 2 *", "2026-11-29 10:00", "never"},
           Row{"0 0 13 * fri", "2026-11-29 10:00", "2026-12-04 00:00"},  // either is enough
           Row{"@hourly", "2026-11-29 10:59", "2026-11-29 11:00"},
           Row{"@monthly", "2026-11-29 10:59", "2026-12-01 00:00"},
       })
    EXPECT_EQ(next(row.cron, row.after), row.next) << row.cron << " after " << row.after;
}

TEST(Schedule, IsOfLocalTime) {
  EXPECT_EQ(next("0 8 * * *", "2026-01-10 00:00", central_europe), "2026-01-10 07:00");
  EXPECT_EQ(next("0 8 * * *", "2026-07-10 00:00", central_europe), "2026-07-10 06:00");
  // Across the change: the day before, and the first time after.
  EXPECT_EQ(next("0 8 * * *", "2026-03-28 08:00", central_europe), "2026-03-29 06:00");
  EXPECT_EQ(next("0 8 * * *", "2026-10-24 08:00", central_europe), "2026-10-25 07:00");
}

// 2:30 does not exist on that night in March, and comes twice in October.
TEST(Schedule, WhatHappensOnceADayDoesSoWhenTheClockIsChanged) {
  for (const Row& row : {
           Row{"30 2 * * *", "2026-03-28 12:00", "2026-03-29 01:00"},  // at 3:00
           Row{"30 2 * * *", "2026-03-29 00:59", "2026-03-29 01:00"},
           Row{"30 2 * * *", "2026-03-29 01:00", "2026-03-30 00:30"},
           Row{"0,30 2 * * *", "2026-03-28 12:00", "2026-03-29 01:00"},
           Row{"0,30 2 * * *", "2026-03-29 01:00", "2026-03-30 00:00"},
           Row{"30 2 * * mon", "2026-03-28 12:00", "2026-03-30 00:30"},  // that was a Sunday
           Row{"0 3 * * *", "2026-03-28 12:00", "2026-03-29 01:00"},
           Row{"30 1 * * *", "2026-03-28 12:00", "2026-03-29 00:30"},
           Row{"30 2 * * *", "2026-10-24 12:00", "2026-10-25 00:30"},
           Row{"30 2 * * *", "2026-10-25 00:30", "2026-10-26 01:30"},
           Row{"*/30 2 * * *", "2026-10-25 00:30", "2026-10-26 01:00"},
           Row{"0 3 * * *", "2026-10-25 00:30", "2026-10-25 02:00"},
           Row{"30 1 * * *", "2026-10-24 12:00", "2026-10-24 23:30"},
       })
    EXPECT_EQ(next(row.cron, row.after, central_europe), row.next) << row.cron << " after " << row.after;
}

TEST(Schedule, TimeJustGoesOnForWhatHappensEveryHour) {
  for (const char* cron : {"@hourly", "0 0-23 * * *"}) {
    EXPECT_EQ(next(cron, "2026-03-29 00:30", central_europe), "2026-03-29 01:00") << cron;
    EXPECT_EQ(next(cron, "2026-03-29 01:00", central_europe), "2026-03-29 02:00") << cron;
    EXPECT_EQ(next(cron, "2026-10-25 00:00", central_europe), "2026-10-25 01:00") << cron;
    EXPECT_EQ(next(cron, "2026-10-25 01:00", central_europe), "2026-10-25 02:00") << cron;
  }
  EXPECT_EQ(next("30 */2 * * *", "2026-10-25 00:30", central_europe), "2026-10-25 01:30");
}

TEST(Schedule, SaysWhichFieldIsWrong) {
  EXPECT_THAT(next("30 8 * *", "2026-11-29 10:00"), HasSubstr("expected five fields"));
  EXPECT_THAT(next("60 8 * * *", "2026-11-29 10:00"),
              HasSubstr("minute: expected *, numbers from 0 to 59, ranges or steps (\"1-5\", \"*/10\"), not \"60\""));
  EXPECT_THAT(next("0 8 * * mno", "2026-11-29 10:00"), HasSubstr("day of week: "));
  EXPECT_THAT(next("0 8 0 * *", "2026-11-29 10:00"), HasSubstr("day of month: "));
  EXPECT_THAT(next("*/0 8 * * *", "2026-11-29 10:00"), HasSubstr("minute: "));
  EXPECT_THAT(next("5-1 8 * * *", "2026-11-29 10:00"), HasSubstr("minute: "));
  EXPECT_THAT(next("@dayly", "2026-11-29 10:00"), HasSubstr("@dayly"));
  EXPECT_THAT(next("1, 8 * * *", "2026-11-29 10:00"), HasSubstr("minute: "));
}

}  // namespace
}  // namespace clasp::rules
