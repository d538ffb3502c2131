// Token bucket per session (router specification 20 and 32.25): `rate` messages a second with a burst of one second's worth. At most one
// notice a second.
#pragma once

#include <cstdint>
#include <limits>

#include "core/time.hpp"

namespace clasp::router {

class RateLimiter {
 public:
  enum class Answer : std::uint8_t { pass, refuse, refuse_with_notice };

  // `rate` 0: everything passes. `cost`: messages this frame counts for (a BUNDLE counts as its members, at least 1). A cost above the burst
  // passes when the bucket is full and leaves it in debt, so that a large bundle is possible at all.
  Answer take(std::uint32_t rate, std::uint32_t cost, SteadyTime now);

 private:
  static constexpr std::int64_t message_micro = 1'000'000;
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::min();

  void refill(std::int64_t rate, SteadyTime now);

  std::int64_t tokens_micro_ = 0;  // 1e6 = one message; below 0: in debt
  SteadyTime refilled_{never};     // never: the bucket is full
  SteadyTime noticed_{never};
};

}  // namespace clasp::router
