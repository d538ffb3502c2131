#include "lens/instance.hpp"

#include <fmt/format.h>

#include <ctime>
#include <limits>

#include "core/address.hpp"
#include "lens/wasmtime_library.hpp"

namespace clasp::lens {

namespace {

constexpr std::int64_t table_elements_max = 65'536;
constexpr std::int64_t tables_max = 8;
constexpr std::uint64_t ticks_free = 2;  // of time, before anybody looks at the processor's clock
constexpr std::size_t message_bytes_max = 1'000;

std::int64_t processor_time_us() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1'000;
}

}  // namespace

Instance::Instance(std::shared_ptr<const Module> module, const Limits& limits)
    : module_(std::move(module)), limits_(limits), f_(module_->runtime().call()) {}

LensResult<std::unique_ptr<Instance>> Instance::create(std::shared_ptr<const Module> module, const Limits& limits,
                                                       std::optional<std::string_view> params) {
  std::unique_ptr<Instance> made(new Instance(std::move(module), limits));
  if (auto started = made->start(params); !started) return std::unexpected(started.error());
  return made;
}

Instance::~Instance() {
  if (store_ != nullptr) f_.wasmtime_store_delete(store_);
}

LensResult<void> Instance::start(std::optional<std::string_view> params) {
  store_ = f_.wasmtime_store_new(module_->runtime().engine(), this, nullptr);
  context_ = f_.wasmtime_store_context(store_);
  f_.wasmtime_store_limiter(store_, static_cast<std::int64_t>(limits_.memory_bytes), table_elements_max, 1, tables_max, 1);
  f_.wasmtime_store_epoch_deadline_callback(store_, on_deadline, this, nullptr);
  begin_call();
  wasmtime::Instance instance;
  wasmtime::Trap* trap = nullptr;
  wasmtime::Error* const error = f_.wasmtime_instance_pre_instantiate(module_->prepared(), context_, &instance, &trap);
  if (error != nullptr || trap != nullptr) {
    LensFault fault = fault_of(error, trap);
    if (fault.fault == Fault::trap) fault.fault = Fault::instantiate;
    return std::unexpected(std::move(fault));
  }
  // Kinds and signatures are checked when the module is compiled.
  const auto get = [&](std::string_view name) {
    wasmtime::Extern found;
    f_.wasmtime_instance_export_get(context_, &instance, name.data(), name.size(), &found);
    return found;
  };
  const Module::Description& has = module_->description();
  memory_ = get("memory").of.memory;
  alloc_ = get("alloc").of.function;
  transform_ = get("transform").of.function;
  if (has.has_inverse) inverse_ = get("inverse").of.function;
  if (has.has_set_param) set_param_ = get("set_param").of.function;
  if (!has.release.empty()) release_ = get(has.release).of.function;
  ready_ = true;
  if (params && has.has_set_param) return set_param(*params);
  return {};
}

LensResult<void> Instance::set_param(std::string_view params) {
  begin_call();
  const auto pointer = allocate_item(ItemKind::json, params);
  if (!pointer) return std::unexpected(pointer.error());
  const auto answer = call(set_param_, *pointer);
  if (!answer) return std::unexpected(answer.error());
  if (*answer == 0) return {};
  const auto item = read_item(memory(), *answer, limits_.output_bytes);
  if (!item) return std::unexpected(item.error());
  if (item->kind == ItemKind::error) return lens_fault(Fault::lens_error, fmt::format("set_param: {}", printable(item->payload, message_bytes_max)));
  return {};
}

LensResult<ItemView> Instance::run(Direction direction, std::string_view input) {
  if (direction == Direction::inverse && !module_->description().has_inverse) return lens_fault(Fault::missing_export, "inverse");
  begin_call();
  input_ = input;
  input_fault_.reset();
  const auto pointer = call(direction == Direction::forward ? transform_ : inverse_);
  input_.reset();
  if (!pointer) return std::unexpected(pointer.error());
  if (input_fault_) {
    broken_ = true;  // it has gone on with a null pointer
    return std::unexpected(*std::move(input_fault_));
  }
  return take(*pointer);
}

// Copies the result, for the next call may overwrite it, and gives its memory back if the lens wants that.
LensResult<ItemView> Instance::take(std::uint32_t pointer) {
  auto item = read_item(memory(), pointer, limits_.output_bytes);
  if (!item) return item;
  output_.assign(item->payload.substr(0, item->kind == ItemKind::error ? message_bytes_max : item->payload.size()));
  item->payload = output_;
  if (!module_->description().release.empty()) release(pointer, item->bytes);
  if (item->kind == ItemKind::error) return lens_fault(Fault::lens_error, printable(output_, message_bytes_max));
  if (item->kind == ItemKind::end) return lens_fault(Fault::end_of_stream, {});
  return item;
}

void Instance::release(std::uint32_t pointer, std::size_t bytes) {
  wasmtime::RawValue values[2]{};
  values[0].i32 = static_cast<std::int32_t>(pointer);
  values[1].i32 = static_cast<std::int32_t>(bytes);
  wasmtime::Trap* trap = nullptr;
  wasmtime::Error* const error =
      f_.wasmtime_func_call_unchecked(context_, &release_, values, module_->description().release_takes_size ? 2 : 1, &trap);
  if (error != nullptr || trap != nullptr) fault_of(error, trap);
}

void Instance::begin_call() {
  module_->runtime().keep_time();
  out_of_time_ = false;
  overtime_since_us_.reset();
  f_.wasmtime_context_set_epoch_deadline(context_, ticks_free);
  if (wasmtime::Error* const error = f_.wasmtime_context_set_fuel(context_, limits_.fuel); error != nullptr) f_.wasmtime_error_delete(error);
}

LensResult<std::uint32_t> Instance::call(const wasmtime::Function& function, std::optional<std::int64_t> argument) {
  wasmtime::RawValue value{};
  if (argument) {
    if (&function == &alloc_ && module_->description().alloc_takes_i64)
      value.i64 = *argument;
    else
      value.i32 = static_cast<std::int32_t>(*argument);
  }
  wasmtime::Trap* trap = nullptr;
  wasmtime::Error* const error = f_.wasmtime_func_call_unchecked(context_, &function, &value, 1, &trap);
  if (error != nullptr || trap != nullptr) return std::unexpected(fault_of(error, trap));
  return static_cast<std::uint32_t>(value.i32);
}

LensResult<std::uint32_t> Instance::allocate_item(ItemKind kind, std::string_view payload) {
  const std::size_t bytes = item_bytes(kind, payload.size());
  if (payload.size() > std::numeric_limits<std::int32_t>::max()) return lens_fault(Fault::memory, "the input has more than 2 GiB");
  const auto pointer = call(alloc_, static_cast<std::int64_t>(bytes));
  if (!pointer) return pointer;
  if (*pointer == 0) return lens_fault(Fault::memory, fmt::format("null pointer: alloc has no room for {} bytes", bytes));
  const Bytes all = memory();
  if (*pointer > all.size() || bytes > all.size() - *pointer)
    return lens_fault(Fault::memory,
                      fmt::format("alloc gave {:#x} for {} bytes, which is out of bounds: the memory has {}", *pointer, bytes, all.size()));
  write_item(kind, payload, f_.wasmtime_memory_data(context_, &memory_) + *pointer);
  return pointer;
}

wasmtime::Trap* Instance::next(void*, wasmtime::Caller* caller, wasmtime::RawValue* result, std::size_t) {
  // No argument, no env: the linker serves every store of the engine, so the instance is found by its store, whose functions are in this one's reach
  // only.
  static const wasmtime::Functions& functions = **wasmtime_functions();
  auto* const self = static_cast<Instance*>(functions.wasmtime_context_get_data(functions.wasmtime_caller_context(caller)));
  result->i64 = 0;
  if (!self->ready_ || self->feeding_) {
    self->input_fault_ = LensFault{Fault::memory, self->feeding_ ? "alloc asks for input itself" : "the start function asks for input"};
    return nullptr;
  }
  self->feeding_ = true;
  const auto pointer = self->input_ ? self->allocate_item(ItemKind::json, *self->input_) : self->allocate_item(ItemKind::end, {});
  self->feeding_ = false;
  self->input_.reset();
  if (pointer)
    result->i32 = static_cast<std::int32_t>(*pointer);
  else if (!self->input_fault_)
    self->input_fault_ = pointer.error();
  return nullptr;
}

LensFault Instance::fault_of(wasmtime::Error* error, wasmtime::Trap* trap) {
  broken_ = true;
  Runtime& runtime = module_->runtime();
  if (error != nullptr) {
    std::string text = runtime.text_of(error);
    if (out_of_time_) return {Fault::limit, fmt::format("more than {} ms of processor time", limits_.milliseconds)};
    return {Fault::trap, std::move(text)};
  }
  wasmtime::TrapCode code{};
  const bool known = f_.wasmtime_trap_code(trap, &code);
  std::string text = runtime.text_of(trap);
  if (known && code == wasmtime::TrapCode::out_of_fuel) return {Fault::limit, fmt::format("more than {} instructions", limits_.fuel)};
  if (known && code == wasmtime::TrapCode::stack_overflow) return {Fault::limit, "stack overflow"};
  return {Fault::trap, std::move(text)};
}

Bytes Instance::memory() const {
  return {reinterpret_cast<const std::byte*>(f_.wasmtime_memory_data(context_, &memory_)), f_.wasmtime_memory_data_size(context_, &memory_)};
}

std::size_t Instance::memory_bytes() const { return f_.wasmtime_memory_data_size(context_, &memory_); }

std::uint64_t Instance::fuel_left() const {
  std::uint64_t fuel = 0;
  if (wasmtime::Error* const error = f_.wasmtime_context_get_fuel(context_, &fuel); error != nullptr) f_.wasmtime_error_delete(error);
  return fuel;
}

// Instructions are counted, but some take milliseconds (filling the whole memory): so there is a clock as well. It asks what the processor has spent
// on this thread, not what time it is: on a busy machine nobody is stopped for having waited.
wasmtime::Error* Instance::on_deadline(const wasmtime::Context*, void* data, std::uint64_t* more_ticks, wasmtime::Update* update) {
  auto* const self = static_cast<Instance*>(data);
  const std::int64_t now = processor_time_us();
  if (!self->overtime_since_us_) self->overtime_since_us_ = now;
  if (now - *self->overtime_since_us_ >= std::int64_t{self->limits_.milliseconds} * 1'000) {
    self->out_of_time_ = true;
    return self->f_.wasmtime_error_new("out of time");
  }
  *more_ticks = 1;
  *update = wasmtime::Update::go_on;
  return nullptr;
}

}  // namespace clasp::lens
