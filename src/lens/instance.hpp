// A lens at work: its own memory and whatever it remembers. One thread at a time.
//
// Everything it runs is bounded: instructions of a call (and, should they take too long, the processor time), memory, stack, size of the result.
// After a fault of its code broken() says so, and the instance is of no use any more.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lens/lens_error.hpp"
#include "lens/module.hpp"
#include "lens/transport_buffer.hpp"

namespace clasp::lens {

struct Limits {
  std::uint64_t fuel = 10'000'000;  // instructions of one call, its allocations included
  std::uint32_t milliseconds = 10;  // of processor time, beyond the first ticks
  std::size_t memory_bytes = 16 * 1024 * 1024;
  std::size_t output_bytes = 64 * 1024;
  bool operator==(const Limits&) const = default;
};

enum class Direction : bool { forward, inverse };

class Instance {
 public:
  // Runs its start function, and set_param with `params` (JSON) if there are any and the module has it: an error item from there is a fault.
  static LensResult<std::unique_ptr<Instance>> create(std::shared_ptr<const Module> module, const Limits& limits,
                                                      std::optional<std::string_view> params);
  ~Instance();
  Instance(const Instance&) = delete;

  // JSON in; JSON or nil out. The payload is valid until the next call.
  LensResult<ItemView> run(Direction direction, std::string_view input);

  bool broken() const { return broken_; }
  std::size_t memory_bytes() const;
  std::uint64_t fuel_left() const;  // of the last call

  // The import lens.next.
  static wasmtime::Trap* next(void* env, wasmtime::Caller* caller, wasmtime::RawValue* result, std::size_t count);

 private:
  Instance(std::shared_ptr<const Module> module, const Limits& limits);
  LensResult<void> start(std::optional<std::string_view> params);
  LensResult<void> set_param(std::string_view params);
  LensResult<std::uint32_t> call(const wasmtime::Function& function, std::optional<std::int64_t> argument = {});
  LensResult<std::uint32_t> allocate_item(ItemKind kind, std::string_view payload);
  LensResult<ItemView> take(std::uint32_t pointer);
  void release(std::uint32_t pointer, std::size_t bytes);
  void begin_call();
  LensFault fault_of(wasmtime::Error* error, wasmtime::Trap* trap);
  Bytes memory() const;
  static wasmtime::Error* on_deadline(const wasmtime::Context* context, void* data, std::uint64_t* more_ticks, wasmtime::Update* update);

  std::shared_ptr<const Module> module_;
  Limits limits_;
  const wasmtime::Functions& f_;
  wasmtime::Store* store_ = nullptr;
  wasmtime::Context* context_ = nullptr;
  wasmtime::Memory memory_;
  wasmtime::Function alloc_, transform_, inverse_, set_param_, release_;
  bool ready_ = false;  // its exports are known

  // Of the call in progress.
  std::optional<std::string_view> input_;  // not yet asked for
  bool feeding_ = false;                   // next() is at work
  std::optional<LensFault> input_fault_;   // why it could not hand over what was asked for
  std::optional<std::int64_t> overtime_since_us_;
  bool out_of_time_ = false;
  bool broken_ = false;
  std::string output_;
};

}  // namespace clasp::lens
