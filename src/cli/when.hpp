// "--at": when something is to happen, as people type it.
#pragma once

#include <cstdint>
#include <string_view>

#include "clasp/error.hpp"

namespace clasp::cli {

struct When {
  bool relative = false;
  std::uint64_t us = 0;  // from now on, or since the Unix epoch

  std::uint64_t unix_us(std::uint64_t now_us) const { return relative ? now_us + us : us; }
  bool operator==(const When&) const = default;
};

// "+2s", "+250ms" from now, or µs since the Unix epoch: "1764070000000000". A number too small for µs is refused, because it was probably seconds.
Result<When> parse_when(std::string_view text);

// "-10m", "-1.5h" before now, with a unit, or µs since the Unix epoch; as those.
Result<std::uint64_t> parse_past(std::string_view text, std::uint64_t now_us);

}  // namespace clasp::cli
