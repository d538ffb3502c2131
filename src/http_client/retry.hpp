// When to ask again after it went wrong.
#pragma once

#include "core/time.hpp"
#include "http_client/http_fetch.hpp"

namespace clasp::http_client {

inline constexpr Micros retry_after_max{300'000'000};  // what a server may ask for

// first × 2^times, at most `most`, up to a fifth more or less. `random`: any 64 random bits.
Micros backoff(Micros first, unsigned times, Micros most, std::uint64_t random);

// Whether another attempt may have another answer: 5xx, 408, 429.
bool may_be_repeated(unsigned status);

// What Retry-After says, in seconds or as a date, at most retry_after_max; zero if it says nothing.
Micros retry_after(const HttpAnswer& answer, UnixTime now);

}  // namespace clasp::http_client
