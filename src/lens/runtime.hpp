// One WASM engine: what compiles modules, and the thread that keeps time for those that run.
//
// No signal handlers, no reserved gigabytes: bounds are checked by code, so a thousand instances take a thousand times what they use, and whoever
// watches for signals (sanitizers, last_words.hpp) is not disturbed.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "lens/lens_error.hpp"
#include "lens/wasmtime_abi.hpp"

namespace clasp::lens {

inline constexpr std::size_t stack_bytes_default = 256 * 1024;

class Runtime {
 public:
  static LensResult<std::shared_ptr<Runtime>> open(std::size_t stack_bytes_max = stack_bytes_default);
  ~Runtime();
  Runtime(const Runtime&) = delete;

  const wasmtime::Functions& call() const { return functions_; }
  wasmtime::Engine* engine() const { return engine_; }
  const wasmtime::Linker* linker() const { return linker_; }

  // Before code runs: from now on time passes for it, a tick every `tick_ms`, until nothing has run for a while.
  void keep_time();
  static constexpr int tick_ms = 5;

  // The text of an error or a trap, which is deleted.
  std::string text_of(wasmtime::Error* error) const;
  std::string text_of(wasmtime::Trap* trap) const;

  // WASM's text format to its binary one: for tests and people.
  LensResult<std::string> assemble(std::string_view text) const;

 private:
  explicit Runtime(const wasmtime::Functions& functions) : functions_(functions) {}
  LensResult<void> start(std::size_t stack_bytes_max);
  void tick();
  std::string taken(wasmtime::ByteVector& text) const;

  const wasmtime::Functions& functions_;
  wasmtime::Engine* engine_ = nullptr;
  wasmtime::Linker* linker_ = nullptr;
  std::atomic<bool> used_ = false;    // since the last tick
  std::atomic<bool> asleep_ = false;  // no ticks until woken
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ending_ = false;
  std::thread clock_;
};

}  // namespace clasp::lens
