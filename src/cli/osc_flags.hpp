// The rows of `clasp osc`, and the bridge they describe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bridge/osc/osc_config.hpp"
#include "cli/arguments.hpp"
#include "mapping/mapping_source.hpp"

namespace clasp::cli {

struct OscFlags {
  std::string router = "ws://localhost:7330";
  std::string token;
  std::string bind = "0.0.0.0";
  std::uint64_t port = 9'000;
  bridge::osc::OscConfig bridge;
  bridge::osc::OscSocketConfig socket;  // `bind` is filled in by socket_address()

  mapping::MappingSource mappings;

  std::string socket_address() const;  // "0.0.0.0:9000", "[::]:9000"
};

// CLASP_URL and CLASP_ROUTER come first, then CLASP_TOKEN and the arguments.
ReadArguments read_osc_arguments(const Invocation& call, OscFlags& flags);

}  // namespace clasp::cli
