// Why a lens could not be loaded or did not give a value, told apart as in the lens specification, section 2.4.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace clasp::lens {

enum class Fault : std::uint8_t {
  unavailable,  // no Wasmtime
  compile,      // not a module, or one that no host of lenses can run
  missing_export,
  instantiate,  // also its start function
  trap,         // the code came to a stop by itself
  limit,        // … or was stopped: instructions, time, stack
  lens_error,   // an error item
  decode,       // a transport buffer
  memory,       // pointers, lengths, no room
  json,         // what is in the buffer
  end_of_stream,
};

struct LensFault {
  Fault fault = Fault::compile;
  std::string detail;

  // "lens returned error: scale_factor is zero"
  std::string text() const;
};

template <typename T>
using LensResult = std::expected<T, LensFault>;

inline std::unexpected<LensFault> lens_fault(Fault fault, std::string detail) { return std::unexpected(LensFault{fault, std::move(detail)}); }

}  // namespace clasp::lens
