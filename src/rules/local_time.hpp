// The time zone of this machine, for times of day.
#pragma once

#include <cstdint>

#include "core/time.hpp"

namespace clasp::rules {

std::int64_t machine_zone(UnixTime time);  // seconds ahead of UTC at that moment

}  // namespace clasp::rules
