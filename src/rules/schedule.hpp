// Times that come again, as cron writes them: minute, hour, day of month, month, day of week.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "clasp/error.hpp"
#include "core/time.hpp"

namespace clasp::rules {

// How many seconds local time is ahead of UTC at that moment.
using LocalTime = std::function<std::int64_t(UnixTime time)>;

class Schedule {
 public:
  // "30 8 * * mon-fri", "*/10 * * * *", "@daily". With both days given, either is enough, as with cron. The error says which field is wrong.
  static Result<Schedule> parse(std::string_view text);

  // The first minute after `time` that fits; nothing, if there is none in the next five years (31st of February). With hours named, what happens once
  // a day does so on every day, as with cron: a local time that a day does not have, for the clock is put forward, is when it has been, and of one that
  // comes twice the first counts. With "*" or "*/2" as hour time just goes on.
  std::optional<UnixTime> next(UnixTime time, const LocalTime& local) const;

  const std::string& text() const { return text_; }

 private:
  bool has_day(std::int64_t days_since_1970) const;
  bool fits(std::int64_t local_seconds) const;

  std::string text_;
  std::uint64_t minutes_ = 0;  // bit i: at minute i
  std::uint32_t hours_ = 0;
  std::uint32_t days_ = 0;     // from bit 1
  std::uint16_t months_ = 0;   // from bit 1
  std::uint8_t weekdays_ = 0;  // bit 0: Sunday
  bool any_day_ = true;        // of month
  bool any_weekday_ = true;
  bool any_hour_ = true;
};

}  // namespace clasp::rules
