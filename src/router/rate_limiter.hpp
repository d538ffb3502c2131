// Token bucket per session (router specification 20 and 32.25): `rate` messages a second with a burst of one second's worth. At most one
// notice a second.
#pragma once

#include <cstdint>

#include "core/time.hpp"

namespace clasp::router {

class RateLimiter {
 public:
  enum class Answer : std::uint8_t { pass, refuse, refuse_with_notice };

  // `rate` 0: everything passes. `cost`: messages this frame counts for (a BUNDLE counts as its members, at least 1). A cost above the burst
  // passes when the bucket is full and leaves it in debt, so that a large bundle is possible at all.
  Answer take(std::uint32_t rate, std::uint32_t cost, SteadyTime now);

 private:
  std::int64_t tokens_micro_ = -1;  // 1e6 = one message; −1 before first use
  SteadyTime refilled_{};
  SteadyTime noticed_{-1'000'000};
};

}  // namespace clasp::router
