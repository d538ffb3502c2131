#include "cli/when.hpp"

#include <chrono>

#include "cli/arguments.hpp"
#include "options/option_set.hpp"

namespace clasp::cli {

Result<When> parse_when(std::string_view text) {
  using std::chrono::milliseconds;
  constexpr milliseconds year{std::chrono::hours{24 * 366}};
  constexpr std::uint64_t year_2001_us = 1'000'000'000'000'000;
  if (text.starts_with('+')) {
    const auto delay = options::parse_duration(text.substr(1), {milliseconds{0}, year});
    if (!delay) return delay.error();
    return When{.relative = true, .us = static_cast<std::uint64_t>(std::chrono::microseconds(*delay).count())};
  }
  const auto us = options::parse_count(text, {year_2001_us, INT64_MAX});
  if (!us) return bad_option("expected a delay such as +2s or +250ms, or microseconds since 1970 such as 1764070000000000");
  return When{.relative = false, .us = *us};
}

Result<std::uint64_t> parse_past(std::string_view text, std::uint64_t now_us) {
  using std::chrono::milliseconds;
  constexpr milliseconds century{std::chrono::hours{24 * 36'525}};
  if (text.starts_with('-')) {
    if (text.back() >= '0' && text.back() <= '9') return bad_option("a time before now needs its unit: -10s, -10m, -2h");
    const auto ago = options::parse_duration(text.substr(1), {milliseconds{0}, century});
    if (!ago) return ago.error();
    const auto us = static_cast<std::uint64_t>(std::chrono::microseconds(*ago).count());
    return now_us > us ? now_us - us : 0;
  }
  const auto us = options::parse_count(text, {0, INT64_MAX});
  if (!us) return bad_option("expected a time before now such as -10m or -2h, or microseconds since 1970 such as 1764070000000000");
  return *us;
}

}  // namespace clasp::cli
