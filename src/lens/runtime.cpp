#include "lens/runtime.hpp"

#include <fmt/format.h>

#include <chrono>

#include "lens/instance.hpp"
#include "lens/wasmtime_library.hpp"

namespace clasp::lens {

namespace {
constexpr int idle_ticks_max = 200;  // a second without a call: the clock sleeps
// Of address space, for each memory, and what it gets more when it outgrows that: moving it takes time.
constexpr std::uint64_t memory_reserved_bytes = 4 * 1024 * 1024;
}  // namespace

LensResult<std::shared_ptr<Runtime>> Runtime::open(std::size_t stack_bytes_max) {
  const auto functions = wasmtime_functions();
  if (!functions) return lens_fault(Fault::unavailable, functions.error().message);
  std::shared_ptr<Runtime> runtime(new Runtime(**functions));
  if (auto started = runtime->start(stack_bytes_max); !started) return std::unexpected(started.error());
  return runtime;
}

LensResult<void> Runtime::start(std::size_t stack_bytes_max) {
  const wasmtime::Functions& f = functions_;
  wasmtime::Config* const config = f.wasm_config_new();
  f.wasmtime_config_consume_fuel_set(config, true);
  f.wasmtime_config_epoch_interruption_set(config, true);
  f.wasmtime_config_max_wasm_stack_set(config, stack_bytes_max);
  f.wasmtime_config_signals_based_traps_set(config, false);
  f.wasmtime_config_memory_reservation_set(config, memory_reserved_bytes);
  f.wasmtime_config_memory_guard_size_set(config, 0);
  f.wasmtime_config_memory_reservation_for_growth_set(config, memory_reserved_bytes);
  f.wasmtime_config_memory_may_move_set(config, true);
  f.wasmtime_config_native_unwind_info_set(config, false);    // nothing unwinds through a lens
  f.wasmtime_config_parallel_compilation_set(config, false);  // one more thread pool would take the router's processors
  f.wasmtime_config_wasm_threads_set(config, false);
  f.wasmtime_config_wasm_memory64_set(config, false);
  f.wasmtime_config_wasm_multi_memory_set(config, false);
  engine_ = f.wasm_engine_new_with_config(config);  // takes the config
  if (engine_ == nullptr) return lens_fault(Fault::unavailable, "Wasmtime cannot make an engine on this machine");
  linker_ = f.wasmtime_linker_new(engine_);

  wasmtime::ValueType* const result = f.wasm_valtype_new(wasmtime::ValueKind::i32);
  wasmtime::ValueTypes none, one;
  f.wasm_valtype_vec_new(&none, 0, nullptr);
  f.wasm_valtype_vec_new(&one, 1, &result);
  wasmtime::FunctionType* const type = f.wasm_functype_new(&none, &one);  // takes both
  constexpr std::string_view module = "lens", name = "next";
  wasmtime::Error* const error = f.wasmtime_linker_define_func_unchecked(linker_, module.data(), module.size(), name.data(), name.size(), type,
                                                                         Instance::next, nullptr, nullptr);
  f.wasm_functype_delete(type);
  if (error != nullptr) return lens_fault(Fault::unavailable, text_of(error));
  clock_ = std::thread([this] { tick(); });
  return {};
}

Runtime::~Runtime() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  if (clock_.joinable()) clock_.join();
  if (linker_ != nullptr) functions_.wasmtime_linker_delete(linker_);
  if (engine_ != nullptr) functions_.wasm_engine_delete(engine_);
}

void Runtime::keep_time() {
  used_.store(true);  // in this order, and the clock looks in the other: one of both sees the other
  if (!asleep_.load()) return;
  const std::scoped_lock lock(mutex_);
  asleep_.store(false);
  wake_.notify_one();
}

void Runtime::tick() {
  std::unique_lock lock(mutex_);
  for (int idle = 0; !ending_;) {
    idle = used_.exchange(false) ? 0 : idle + 1;
    functions_.wasmtime_engine_increment_epoch(engine_);
    if (idle <= idle_ticks_max) {
      wake_.wait_for(lock, std::chrono::milliseconds(tick_ms), [this] { return ending_; });
      continue;
    }
    asleep_.store(true);
    if (used_.load()) asleep_.store(false);
    wake_.wait(lock, [this] { return ending_ || !asleep_.load(); });
    idle = 0;
  }
}

std::string Runtime::taken(wasmtime::ByteVector& text) const {
  std::string out(text.data, text.size);
  functions_.wasm_byte_vec_delete(&text);
  while (!out.empty() && (out.back() == '\0' || out.back() == '\n')) out.pop_back();
  return out;
}

std::string Runtime::text_of(wasmtime::Error* error) const {
  wasmtime::ByteVector text;
  functions_.wasmtime_error_message(error, &text);
  functions_.wasmtime_error_delete(error);
  return taken(text);
}

std::string Runtime::text_of(wasmtime::Trap* trap) const {
  wasmtime::ByteVector text;
  functions_.wasm_trap_message(trap, &text);
  functions_.wasm_trap_delete(trap);
  return taken(text);
}

LensResult<std::string> Runtime::assemble(std::string_view text) const {
  wasmtime::ByteVector binary;
  if (wasmtime::Error* const error = functions_.wasmtime_wat2wasm(text.data(), text.size(), &binary); error != nullptr)
    return lens_fault(Fault::compile, text_of(error));
  std::string out(binary.data, binary.size);
  functions_.wasm_byte_vec_delete(&binary);
  return out;
}

}  // namespace clasp::lens
