#include "lens/lens_error.hpp"

#include <fmt/format.h>

#include <array>

namespace clasp::lens {

namespace {

struct Row {
  Fault fault;
  std::string_view begins;
};
constexpr std::array rows{
    Row{Fault::unavailable, ""},
    Row{Fault::compile, "failed to compile WASM module: "},
    Row{Fault::missing_export, "WASM module missing required export: "},
    Row{Fault::instantiate, "failed to compile WASM module: instantiation: "},
    Row{Fault::trap, "failed to compile WASM module: trap: "},
    Row{Fault::limit, "lens stopped: "},
    Row{Fault::lens_error, "lens returned error: "},
    Row{Fault::decode, "transport buffer decode error: "},
    Row{Fault::memory, "WASM memory error: "},
    Row{Fault::json, "JSON serialization error: "},
    Row{Fault::end_of_stream, "lens returned end of stream (no output)"},
};

}  // namespace

std::string LensFault::text() const { return fmt::format("{}{}", rows[static_cast<std::size_t>(fault)].begins, detail); }

static_assert([] {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].fault != static_cast<Fault>(i)) return false;
  }
  return true;
}());

}  // namespace clasp::lens
