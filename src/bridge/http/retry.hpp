// When to ask again after it went wrong.
#pragma once

#include "core/time.hpp"
#include "http_client/http_fetch.hpp"

namespace clasp::bridge::http {

// first × 2^times, at most `most`, up to a fifth more or less. `random`: any 64 random bits.
Micros backoff(Micros first, unsigned times, Micros most, std::uint64_t random);

// What Retry-After says, in seconds or as a date, at most limits::retry_after_max; zero if it says nothing.
Micros retry_after(const http_client::HttpAnswer& answer, UnixTime now);

}  // namespace clasp::bridge::http
