// The part of Wasmtime's C interface that this module calls, as it is in version 50.0.1: types by their layout, functions by their names. Inside
// this module only. The library is opened at run time (wasmtime_library.hpp), so that a program runs without it as well; wasmtime_abi_test.cpp
// checks these declarations by what comes out of the calls.
//
// Whatever a function gives back as a plain pointer belongs to the caller, unless the pointer is const.
#pragma once

#include <cstddef>
#include <cstdint>

namespace clasp::lens::wasmtime {

inline constexpr const char* version = "50.0.1";

// Known by pointer only.
struct Config;
struct Engine;
struct Module;
struct Linker;
struct InstancePre;
struct Store;
struct Context;  // of a store, lives as long as it
struct Caller;
struct Error;
struct Trap;
struct ValueType;
struct FunctionType;
struct MemoryType;
struct ExternType;
struct ImportType;
struct ExportType;

template <typename T>
struct Vector {
  std::size_t size = 0;
  T* data = nullptr;
};
using ByteVector = Vector<char>;
using ValueTypes = Vector<ValueType*>;
using ImportTypes = Vector<ImportType*>;
using ExportTypes = Vector<ExportType*>;

enum class ValueKind : std::uint8_t { i32 = 0, i64 = 1, f32 = 2, f64 = 3, externref = 128, funcref = 129 };
enum class ExternKind : std::uint8_t { function = 0, global = 1, table = 2, memory = 3, tag = 4 };
enum class TrapCode : std::uint8_t { stack_overflow = 0, interrupt = 10, out_of_fuel = 11 };  // those that are told apart

union RawValue {
  std::int32_t i32;
  std::int64_t i64;
  double f64;
  std::uint8_t v128[16];
};
static_assert(sizeof(RawValue) == 16 && alignof(RawValue) == 8);

struct Function {
  std::uint64_t store = 0;
  void* at = nullptr;
};
struct Memory {
  struct {
    std::uint64_t store = 0;
    std::uint32_t first = 0;
  } place;
  std::uint32_t second = 0;
};
struct Instance {
  std::uint64_t store = 0;
  std::size_t index = 0;
};
static_assert(sizeof(Function) == 16 && sizeof(Memory) == 24 && sizeof(Instance) == 16);

struct Extern {
  ExternKind kind = ExternKind::function;  // shared memories are switched off
  union {
    Function function;
    Memory memory;
  } of{};
};
static_assert(sizeof(Extern) == 32);

using Callback = Trap* (*)(void* env, Caller* caller, RawValue* arguments_and_results, std::size_t count);
using Finalizer = void (*)(void* env);
enum class Update : std::uint8_t { go_on = 0 };
using DeadlineCallback = Error* (*)(const Context* context, void* data, std::uint64_t* more_ticks, Update* update);

// name, result, arguments
#define CLASP_WASMTIME_FUNCTIONS(X)                                                                                 \
  X(wasm_config_new, Config*, ())                                                                                   \
  X(wasmtime_config_consume_fuel_set, void, (Config*, bool))                                                        \
  X(wasmtime_config_epoch_interruption_set, void, (Config*, bool))                                                  \
  X(wasmtime_config_max_wasm_stack_set, void, (Config*, std::size_t))                                               \
  X(wasmtime_config_memory_reservation_set, void, (Config*, std::uint64_t))                                         \
  X(wasmtime_config_memory_guard_size_set, void, (Config*, std::uint64_t))                                          \
  X(wasmtime_config_memory_reservation_for_growth_set, void, (Config*, std::uint64_t))                              \
  X(wasmtime_config_memory_may_move_set, void, (Config*, bool))                                                     \
  X(wasmtime_config_signals_based_traps_set, void, (Config*, bool))                                                 \
  X(wasmtime_config_native_unwind_info_set, void, (Config*, bool))                                                  \
  X(wasmtime_config_parallel_compilation_set, void, (Config*, bool))                                                \
  X(wasmtime_config_wasm_threads_set, void, (Config*, bool))                                                        \
  X(wasmtime_config_wasm_memory64_set, void, (Config*, bool))                                                       \
  X(wasmtime_config_wasm_multi_memory_set, void, (Config*, bool))                                                   \
  X(wasm_engine_new_with_config, Engine*, (Config*))                                                                \
  X(wasm_engine_delete, void, (Engine*))                                                                            \
  X(wasmtime_engine_increment_epoch, void, (const Engine*))                                                         \
  X(wasmtime_module_new, Error*, (Engine*, const std::uint8_t*, std::size_t, Module**))                             \
  X(wasmtime_module_delete, void, (Module*))                                                                        \
  X(wasmtime_module_imports, void, (const Module*, ImportTypes*))                                                   \
  X(wasmtime_module_exports, void, (const Module*, ExportTypes*))                                                   \
  X(wasm_importtype_vec_delete, void, (ImportTypes*))                                                               \
  X(wasm_exporttype_vec_delete, void, (ExportTypes*))                                                               \
  X(wasm_importtype_module, const ByteVector*, (const ImportType*))                                                 \
  X(wasm_importtype_name, const ByteVector*, (const ImportType*))                                                   \
  X(wasm_importtype_type, const ExternType*, (const ImportType*))                                                   \
  X(wasm_exporttype_name, const ByteVector*, (const ExportType*))                                                   \
  X(wasm_exporttype_type, const ExternType*, (const ExportType*))                                                   \
  X(wasm_externtype_kind, ExternKind, (const ExternType*))                                                          \
  X(wasm_externtype_as_functype_const, const FunctionType*, (const ExternType*))                                    \
  X(wasm_externtype_as_memorytype_const, const MemoryType*, (const ExternType*))                                    \
  X(wasm_functype_params, const ValueTypes*, (const FunctionType*))                                                 \
  X(wasm_functype_results, const ValueTypes*, (const FunctionType*))                                                \
  X(wasm_functype_new, FunctionType*, (ValueTypes*, ValueTypes*))                                                   \
  X(wasm_functype_delete, void, (FunctionType*))                                                                    \
  X(wasm_valtype_new, ValueType*, (ValueKind))                                                                      \
  X(wasm_valtype_kind, ValueKind, (const ValueType*))                                                               \
  X(wasm_valtype_vec_new, void, (ValueTypes*, std::size_t, ValueType* const*))                                      \
  X(wasmtime_memorytype_minimum, std::uint64_t, (const MemoryType*))                                                \
  X(wasmtime_memorytype_maximum, bool, (const MemoryType*, std::uint64_t*))                                         \
  X(wasmtime_linker_new, Linker*, (Engine*))                                                                        \
  X(wasmtime_linker_delete, void, (Linker*))                                                                        \
  X(wasmtime_linker_define_func_unchecked, Error*,                                                                  \
    (Linker*, const char*, std::size_t, const char*, std::size_t, const FunctionType*, Callback, void*, Finalizer)) \
  X(wasmtime_linker_instantiate_pre, Error*, (const Linker*, const Module*, InstancePre**))                         \
  X(wasmtime_instance_pre_instantiate, Error*, (const InstancePre*, Context*, Instance*, Trap**))                   \
  X(wasmtime_instance_pre_delete, void, (InstancePre*))                                                             \
  X(wasmtime_instance_export_get, bool, (Context*, const Instance*, const char*, std::size_t, Extern*))             \
  X(wasmtime_store_new, Store*, (Engine*, void*, Finalizer))                                                        \
  X(wasmtime_store_delete, void, (Store*))                                                                          \
  X(wasmtime_store_context, Context*, (Store*))                                                                     \
  X(wasmtime_store_limiter, void, (Store*, std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t))   \
  X(wasmtime_store_epoch_deadline_callback, void, (Store*, DeadlineCallback, void*, Finalizer))                     \
  X(wasmtime_context_get_data, void*, (const Context*))                                                             \
  X(wasmtime_context_set_fuel, Error*, (Context*, std::uint64_t))                                                   \
  X(wasmtime_context_get_fuel, Error*, (const Context*, std::uint64_t*))                                            \
  X(wasmtime_context_set_epoch_deadline, void, (Context*, std::uint64_t))                                           \
  X(wasmtime_caller_context, Context*, (Caller*))                                                                   \
  X(wasmtime_func_call_unchecked, Error*, (Context*, const Function*, RawValue*, std::size_t, Trap**))              \
  X(wasmtime_memory_data, std::uint8_t*, (Context*, const Memory*))                                                 \
  X(wasmtime_memory_data_size, std::size_t, (const Context*, const Memory*))                                        \
  X(wasmtime_error_new, Error*, (const char*))                                                                      \
  X(wasmtime_error_message, void, (const Error*, ByteVector*))                                                      \
  X(wasmtime_error_delete, void, (Error*))                                                                          \
  X(wasmtime_trap_code, bool, (const Trap*, TrapCode*))                                                             \
  X(wasm_trap_message, void, (const Trap*, ByteVector*))                                                            \
  X(wasm_trap_delete, void, (Trap*))                                                                                \
  X(wasm_byte_vec_delete, void, (ByteVector*))                                                                      \
  X(wasmtime_wat2wasm, Error*, (const char*, std::size_t, ByteVector*))

struct Functions {
#define CLASP_WASMTIME_MEMBER(name, result, arguments) result(*name) arguments = nullptr;
  CLASP_WASMTIME_FUNCTIONS(CLASP_WASMTIME_MEMBER)
#undef CLASP_WASMTIME_MEMBER
};

}  // namespace clasp::lens::wasmtime
