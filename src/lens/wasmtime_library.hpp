// The shared library that runs WASM modules, opened when it is first needed. It is not part of the program: scripts/wasmtime.sh fetches it.
#pragma once

#include "clasp/error.hpp"
#include "lens/wasmtime_abi.hpp"

namespace clasp::lens {

// Its functions; opened once and never closed. The error says why there are none. Any thread.
//
// Looked for under the name in CLASP_WASMTIME, if that is set, else as libwasmtime-<version>.so where the program's run path says (the build folder's
// own, lib/clasp of an installation) and where the system has its libraries.
Result<const wasmtime::Functions*> wasmtime_functions();

}  // namespace clasp::lens
