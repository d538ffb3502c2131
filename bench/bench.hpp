// `clasp bench`: how fast the router is on this machine, next to a relay that does nothing but relay.
#pragma once

#include <span>
#include <string>

namespace clasp::bench {

// The command: reads its options, measures, prints a table. Exit codes as of every command: 0, 1 a measurement failed (or something was lost), 2
// usage, 3 nobody there.
int run_bench(std::span<const std::string> arguments);

}  // namespace clasp::bench
