#include "core/clock_sync.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace clasp {
namespace {

// Far beyond any date, small enough that no difference or sum below overflows. A peer's clock that claims more is nonsense.
constexpr std::uint64_t plausible_us_max = std::uint64_t{1} << 61;

__extension__ using UInt128 = unsigned __int128;

std::int64_t difference(std::uint64_t a, std::uint64_t b) { return static_cast<std::int64_t>(a) - static_cast<std::int64_t>(b); }

std::int64_t smoothed(std::int64_t old, std::int64_t sample) {
  return static_cast<std::int64_t>(0.7 * static_cast<double>(old) + 0.3 * static_cast<double>(sample));
}

// Standard deviation in whole µs, each step rounded down.
std::int64_t deviation(std::span<const std::int64_t> values) {
  const auto count = static_cast<std::int64_t>(values.size());
  if (count < 2) return 0;
  UInt128 sum = 0;
  for (const std::int64_t value : values) sum += static_cast<UInt128>(value);
  const auto mean = static_cast<std::int64_t>(sum / static_cast<UInt128>(count));
  UInt128 squares = 0;
  for (const std::int64_t value : values) {
    const auto away = static_cast<UInt128>(value > mean ? value - mean : mean - value);
    squares += away * away;
  }
  return static_cast<std::int64_t>(std::sqrt(static_cast<double>(squares / static_cast<UInt128>(count))));
}

std::uint64_t shifted(std::uint64_t time_us, std::int64_t by) {
  constexpr std::uint64_t latest = std::numeric_limits<std::uint64_t>::max();
  if (by >= 0) {
    const auto forward = static_cast<std::uint64_t>(by);
    return time_us > latest - forward ? latest : time_us + forward;
  }
  const std::uint64_t back = std::uint64_t{0} - static_cast<std::uint64_t>(by);
  return time_us < back ? 0 : time_us - back;
}

}  // namespace

bool ClockSync::add(std::uint64_t t1, std::uint64_t t2, std::uint64_t t3, std::uint64_t t4, SteadyTime now) {
  if (std::max({t1, t2, t3, t4}) > plausible_us_max) return false;
  const std::int64_t rtt = difference(t4, t1) - difference(t3, t2);
  const std::int64_t offset = (difference(t2, t1) + difference(t3, t4)) / 2;
  if (rtt < 0) return false;

  history_[samples_ % history_max] = rtt;
  offset_ = samples_ == 0 ? offset : smoothed(offset_, offset);
  rtt_ = samples_ == 0 ? rtt : smoothed(rtt_, rtt);
  ++samples_;
  jitter_ = deviation(std::span(history_).first(std::min(samples_, history_max)));
  last_ = now;
  return true;
}

double ClockSync::quality() const {
  if (samples_ == 0) return 0;
  const auto share = [](std::int64_t part, std::int64_t whole) { return static_cast<double>(part) / static_cast<double>(whole); };
  const double near = share(10'000 - std::min<std::int64_t>(rtt_, 10'000), 10'000);
  const double steady = share(1'000 - std::min<std::int64_t>(jitter_, 1'000), 1'000);
  const double proven = share(static_cast<std::int64_t>(std::min<std::size_t>(samples_, 10)), 10);
  return std::clamp(0.4 * near + 0.4 * steady + 0.2 * proven, 0.0, 1.0);
}

bool ClockSync::needs_sync(SteadyTime now, Micros interval) const { return samples_ == 0 || now - last_ >= interval; }

UnixTime ClockSync::to_server(UnixTime local) const { return {shifted(local.us, offset_)}; }
UnixTime ClockSync::to_local(UnixTime server) const { return {shifted(server.us, -offset_)}; }

}  // namespace clasp
