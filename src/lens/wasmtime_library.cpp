#include "lens/wasmtime_library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <cstring>

namespace clasp::lens {

namespace {

Error absent(std::string why) {
  return {ErrorCode::unavailable,
          fmt::format("this program runs no WASM modules: Wasmtime {} is not there ({}); scripts/wasmtime.sh fetches it", wasmtime::version, why),
          {}};
}

template <typename Function>
bool find(void* library, const char* name, Function*& function) {
  void* const found = dlsym(library, name);
  std::memcpy(&function, &found, sizeof(function));
  return found != nullptr;
}

Result<const wasmtime::Functions*> open_library() {
  const char* given = std::getenv("CLASP_WASMTIME");
  const std::string name = given != nullptr && *given != '\0' ? given : fmt::format("libwasmtime-{}.so", wasmtime::version);
  void* const library = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return absent(dlerror());
  static wasmtime::Functions functions;
#define CLASP_WASMTIME_FIND(function, result, arguments) \
  if (!find(library, #function, functions.function)) return absent(fmt::format("{} has no {}", name, #function));
  CLASP_WASMTIME_FUNCTIONS(CLASP_WASMTIME_FIND)
#undef CLASP_WASMTIME_FIND
  return &functions;
}

}  // namespace

Result<const wasmtime::Functions*> wasmtime_functions() {
  static const Result<const wasmtime::Functions*> found = open_library();
  return found;
}

}  // namespace clasp::lens
