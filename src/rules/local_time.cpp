#include "rules/local_time.hpp"

#include <ctime>

namespace clasp::rules {

std::int64_t machine_zone(UnixTime time) {
  const auto seconds = static_cast<std::time_t>(time.us / 1'000'000);
  std::tm parts{};
  return ::localtime_r(&seconds, &parts) != nullptr ? parts.tm_gmtoff : 0;
}

}  // namespace clasp::rules
