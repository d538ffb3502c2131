#include "http_client/retry.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>

namespace clasp::http_client {

Micros backoff(Micros first, unsigned times, Micros most, std::uint64_t random) {
  const double wait =
      std::min(std::ldexp(static_cast<double>(first.count()), static_cast<int>(std::min(times, 40U))), static_cast<double>(most.count()));
  const double unit = static_cast<double>(random >> 11) * 0x1.0p-53;  // 0 … 1
  return Micros{static_cast<std::int64_t>(wait * (0.8 + 0.4 * unit))};
}

bool may_be_repeated(unsigned status) { return status >= 500 || status == 429 || status == 408; }

Micros retry_after(const HttpAnswer& answer, UnixTime now) {
  const std::string* given = answer.find("Retry-After");
  if (given == nullptr) return Micros{0};
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), seconds);
  if (error != std::errc{} || end != given->data() + given->size()) {
    std::tm parts{};
    if (::strptime(given->c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts) == nullptr) return Micros{0};
    seconds = static_cast<std::int64_t>(::timegm(&parts)) - static_cast<std::int64_t>(now.us / 1'000'000);
  }
  const std::int64_t most = retry_after_max.count() / 1'000'000;
  return Micros{std::clamp<std::int64_t>(seconds, 0, most) * 1'000'000};
}

}  // namespace clasp::http_client
