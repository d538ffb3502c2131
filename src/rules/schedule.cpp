#include "rules/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <span>
#include <vector>

#include "core/address.hpp"

namespace clasp::rules {

namespace {

constexpr std::int64_t day_seconds = 86'400;

struct Field {
  std::string_view name;
  unsigned min;
  unsigned max;
  std::span<const std::string_view> names;  // for the numbers from `first_name` on
  unsigned first_name;
};
constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekday_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr std::array fields{Field{"minute", 0, 59, {}, 0}, Field{"hour", 0, 23, {}, 0}, Field{"day of month", 1, 31, {}, 0},
                            Field{"month", 1, 12, month_names, 1}, Field{"day of week", 0, 7, weekday_names, 0}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> nicknames{{{"@hourly", "0 * * * *"},
                                                                                  {"@daily", "0 0 * * *"},
                                                                                  {"@midnight", "0 0 * * *"},
                                                                                  {"@weekly", "0 0 * * 0"},
                                                                                  {"@monthly", "0 0 1 * *"},
                                                                                  {"@yearly", "0 0 1 1 *"}}};

std::optional<unsigned> read_number(std::string_view text, const Field& field) {
  for (std::size_t i = 0; i < field.names.size(); ++i) {
    if (text == field.names[i]) return static_cast<unsigned>(i) + field.first_name;
  }
  unsigned number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc{} || end != text.data() + text.size() || number < field.min || number > field.max) return std::nullopt;
  return number;
}

// "*", "5", "1-5", "*/10", "8-18/2": its bits.
std::optional<std::uint64_t> read_range(std::string_view text, const Field& field) {
  unsigned step = 1;
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    const auto [end, fault] = std::from_chars(text.data() + slash + 1, text.data() + text.size(), step);
    if (fault != std::errc{} || end != text.data() + text.size() || step == 0 || step > field.max) return std::nullopt;
    text = text.substr(0, slash);
  }
  unsigned first = field.min;
  unsigned last = field.max;
  if (text != "*") {
    const std::size_t dash = text.find('-');
    const auto from = read_number(text.substr(0, dash), field);
    const auto to = dash == std::string_view::npos ? (step > 1 ? std::optional(field.max) : from) : read_number(text.substr(dash + 1), field);
    if (!from || !to || *from > *to) return std::nullopt;
    first = *from;
    last = *to;
  }
  std::uint64_t bits = 0;
  for (unsigned i = first; i <= last; i += step) bits |= std::uint64_t{1} << i;
  return bits;
}

Result<std::uint64_t> read_field(std::string_view text, const Field& field) {
  std::uint64_t bits = 0;
  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    more = comma != std::string_view::npos;
    const auto part = read_range(text.substr(0, comma), field);
    if (!part) {
      return Error{ErrorCode::invalid_value,
                   fmt::format("{}: expected *, numbers from {} to {}, ranges or steps (\"1-5\", \"*/10\"), not \"{}\"", field.name, field.min,
                               field.max, printable(text.substr(0, comma), 40)),
                   {}};
    }
    bits |= *part;
    if (more) text.remove_prefix(comma + 1);
  }
  return bits;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (true) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

}  // namespace

Result<Schedule> Schedule::parse(std::string_view text) {
  Schedule schedule;
  schedule.text_ = text;
  const auto nickname = std::ranges::find(nicknames, text, &std::pair<std::string_view, std::string_view>::first);
  const std::vector<std::string_view> words = words_of(nickname != nicknames.end() ? nickname->second : text);
  if (words.size() != fields.size()) {
    return Error{ErrorCode::invalid_value,
                 fmt::format("expected five fields, minute hour day month weekday (\"30 8 * * mon-fri\"), or @daily and the like, not \"{}\"",
                             printable(text, 60)),
                 {}};
  }
  std::array<std::uint64_t, fields.size()> bits{};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto field = read_field(words[i], fields[i]);
    if (!field) return field.error();
    bits[i] = *field;
  }
  schedule.minutes_ = bits[0];
  schedule.hours_ = static_cast<std::uint32_t>(bits[1]);
  schedule.days_ = static_cast<std::uint32_t>(bits[2]);
  schedule.months_ = static_cast<std::uint16_t>(bits[3]);
  schedule.weekdays_ = static_cast<std::uint8_t>((bits[4] | bits[4] >> 7) & 0x7f);  // 7 is Sunday, too
  schedule.any_hour_ = words[1].starts_with('*') || schedule.hours_ == 0xff'ffff;
  schedule.any_day_ = words[2].starts_with('*');
  schedule.any_weekday_ = words[4].starts_with('*');
  return schedule;
}

bool Schedule::has_day(std::int64_t days_since_1970) const {
  const std::chrono::sys_days day{std::chrono::days{days_since_1970}};
  const std::chrono::year_month_day date{day};
  if ((months_ >> static_cast<unsigned>(date.month()) & 1) == 0) return false;
  const bool day_fits = (days_ >> static_cast<unsigned>(date.day()) & 1) != 0;
  const bool weekday_fits = (weekdays_ >> std::chrono::weekday{day}.c_encoding() & 1) != 0;
  if (any_day_ || any_weekday_) return day_fits && weekday_fits;
  return day_fits || weekday_fits;
}

bool Schedule::fits(std::int64_t local_seconds) const {
  const std::int64_t second = local_seconds % day_seconds;
  return has_day(local_seconds / day_seconds) && (hours_ >> (second / 3'600) & 1) != 0 && (minutes_ >> (second % 3'600 / 60) & 1) != 0;
}

std::optional<UnixTime> Schedule::next(UnixTime after, const LocalTime& local) const {
  constexpr std::int64_t horizon = 5 * 366 * day_seconds;
  const auto begin = static_cast<std::int64_t>(after.us / 1'000'000);
  const auto offset_at = [&local](std::int64_t time) { return local ? local(UnixTime{static_cast<std::uint64_t>(time) * 1'000'000}) : 0; };
  // Has the clock shown this local time before?
  const auto came_before = [&offset_at](std::int64_t time, std::int64_t offset) {
    const std::int64_t put_back = offset_at(time - day_seconds) - offset;
    return put_back > 0 && offset_at(time - put_back) == offset + put_back;
  };
  const auto missed_before = [&](std::int64_t time, std::int64_t offset) {  // by putting the clock forward, just now
    for (std::int64_t there = time + offset_at(time - 60); there < time + offset; there += 60) {
      if (fits(there)) return true;
    }
    return false;
  };
  std::int64_t time = begin / 60 * 60 + 60;
  while (time - begin < horizon) {
    const std::int64_t offset = offset_at(time);
    const std::int64_t there = time + offset;
    const std::int64_t second = there % day_seconds;
    if (second % 60 != 0) {  // zones of old were not whole minutes
      time += 60 - second % 60;
      continue;
    }
    if (!any_hour_ && missed_before(time, offset)) return UnixTime{static_cast<std::uint64_t>(time) * 1'000'000};
    std::int64_t step = 0;  // to the next moment that may fit
    if (!has_day(there / day_seconds))
      step = day_seconds - second;
    else if ((hours_ >> (second / 3'600) & 1) == 0)
      step = 3'600 - second % 3'600;
    else if ((minutes_ >> (second % 3'600 / 60) & 1) == 0)
      step = 60;
    else if (!any_hour_ && came_before(time, offset))
      step = 60;
    else
      return UnixTime{static_cast<std::uint64_t>(time) * 1'000'000};
    // The clock is put forward or back within that step: minute by minute, so that nothing is missed.
    if (step > 60 && offset_at(time + step) != offset) step = 60;
    time += step;
  }
  return std::nullopt;
}

}  // namespace clasp::rules
