#include "router/rate_limiter.hpp"

#include <algorithm>

namespace clasp::router {

RateLimiter::Answer RateLimiter::take(std::uint32_t rate, std::uint32_t cost, SteadyTime now) {
  if (rate == 0) return Answer::pass;
  refill(rate, now);

  const std::int64_t burst = rate * message_micro;
  const std::int64_t price = std::max<std::uint32_t>(cost, 1) * message_micro;
  if (tokens_micro_ >= std::min(price, burst)) {
    tokens_micro_ -= price;
    return Answer::pass;
  }
  if (noticed_.us != never && now - noticed_ < std::chrono::seconds{1}) return Answer::refuse;
  noticed_ = now;
  return Answer::refuse_with_notice;
}

// `rate` messages a second are `rate` millionths of a message a microsecond.
void RateLimiter::refill(std::int64_t rate, SteadyTime now) {
  const std::int64_t burst = rate * message_micro;
  const bool first_use = refilled_.us == never;
  const std::int64_t elapsed_us = first_use ? 0 : std::max<std::int64_t>(now.us - refilled_.us, 0);
  const std::int64_t missing = burst - tokens_micro_;
  if (first_use || elapsed_us >= missing / rate + 1)
    tokens_micro_ = burst;
  else
    tokens_micro_ = std::min(tokens_micro_ + elapsed_us * rate, burst);
  refilled_ = now;
}

}  // namespace clasp::router
