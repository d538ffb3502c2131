#include "lens/module.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/address.hpp"

namespace clasp::lens {

namespace {

using wasmtime::ExternKind;
using wasmtime::ValueKind;

std::string_view name_of(ValueKind kind) {
  switch (kind) {
    case ValueKind::i32: return "i32";
    case ValueKind::i64: return "i64";
    case ValueKind::f32: return "f32";
    case ValueKind::f64: return "f64";
    case ValueKind::externref: return "externref";
    case ValueKind::funcref: return "funcref";
  }
  return "other";
}

std::string_view name_of(ExternKind kind) {
  constexpr std::array<std::string_view, 5> names{"function", "global", "table", "memory", "tag"};
  return static_cast<std::size_t>(kind) < names.size() ? names[static_cast<std::size_t>(kind)] : "other";
}

std::string text_of(const wasmtime::ByteVector* name) { return {name->data, name->size}; }

// Foreign names go into messages and onto terminals.
std::string shown(std::string_view name) { return printable(name, 80); }

std::string list_of(const wasmtime::Functions& f, const wasmtime::ValueTypes* types) {
  std::string out = "(";
  for (std::size_t i = 0; i < types->size; ++i) {
    if (i > 0) out += ", ";
    out += name_of(f.wasm_valtype_kind(types->data[i]));
  }
  return out + ")";
}

Module::Memory limits_of(const wasmtime::Functions& f, const wasmtime::ExternType* type) {
  const wasmtime::MemoryType* memory = f.wasm_externtype_as_memorytype_const(type);
  Module::Memory limits{.pages = f.wasmtime_memorytype_minimum(memory), .pages_max = {}};
  std::uint64_t most = 0;
  if (f.wasmtime_memorytype_maximum(memory, &most)) limits.pages_max = most;
  return limits;
}

std::string type_text(const wasmtime::Functions& f, const wasmtime::ExternType* type) {
  const ExternKind kind = f.wasm_externtype_kind(type);
  if (kind == ExternKind::function) {
    const wasmtime::FunctionType* function = f.wasm_externtype_as_functype_const(type);
    return fmt::format("{} -> {}", list_of(f, f.wasm_functype_params(function)), list_of(f, f.wasm_functype_results(function)));
  }
  if (kind != ExternKind::memory) return std::string(name_of(kind));
  const Module::Memory limits = limits_of(f, type);
  return limits.pages_max ? fmt::format("memory of {} to {} pages", limits.pages, *limits.pages_max)
                          : fmt::format("memory of {} pages or more", limits.pages);
}

// What a host knows of a lens, by name, with the signatures it can call.
struct KnownExport {
  std::string_view name;
  bool required;
  std::array<std::string_view, 2> types;
};
constexpr std::array known_exports{
    KnownExport{"alloc", true, {"(i32) -> (i32)", "(i64) -> (i32)"}},
    KnownExport{"transform", true, {"() -> (i32)", {}}},
    KnownExport{"inverse", false, {"() -> (i32)", {}}},
    KnownExport{"set_param", false, {"(i32) -> (i32)", {}}},
};
// What gives memory back is welcome, but no part of the protocol: another signature is no mistake.
constexpr std::array<std::string_view, 2> releasing_names{"dealloc", "free"};

}  // namespace

LensResult<std::shared_ptr<const Module>> Module::compile(std::shared_ptr<Runtime> runtime, std::string_view bytes) {
  if (bytes.size() > module_bytes_max) return lens_fault(Fault::compile, fmt::format("{} bytes, the maximum is {}", bytes.size(), module_bytes_max));
  const wasmtime::Functions& f = runtime->call();
  std::shared_ptr<Module> made(new Module(std::move(runtime)));
  wasmtime::Error* error =
      f.wasmtime_module_new(made->runtime_->engine(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), &made->module_);
  if (error != nullptr) return lens_fault(Fault::compile, made->runtime_->text_of(error));
  made->description_.bytes = bytes.size();
  if (auto fine = made->check(); !fine) return std::unexpected(fine.error());
  error = f.wasmtime_linker_instantiate_pre(made->runtime_->linker(), made->module_, &made->prepared_);
  if (error != nullptr) return lens_fault(Fault::compile, made->runtime_->text_of(error));
  return made;
}

Module::~Module() {
  const wasmtime::Functions& f = runtime_->call();
  if (prepared_ != nullptr) f.wasmtime_instance_pre_delete(prepared_);
  if (module_ != nullptr) f.wasmtime_module_delete(module_);
}

LensResult<void> Module::check() {
  const wasmtime::Functions& f = runtime_->call();
  wasmtime::ImportTypes imports;
  f.wasmtime_module_imports(module_, &imports);
  for (std::size_t i = 0; i < imports.size; ++i) {
    const wasmtime::ImportType* import = imports.data[i];
    description_.imports.push_back({fmt::format("{}.{}", text_of(f.wasm_importtype_module(import)), text_of(f.wasm_importtype_name(import))),
                                    type_text(f, f.wasm_importtype_type(import))});
  }
  f.wasm_importtype_vec_delete(&imports);
  wasmtime::ExportTypes exports;
  f.wasmtime_module_exports(module_, &exports);
  for (std::size_t i = 0; i < exports.size; ++i) {
    const wasmtime::ExternType* type = f.wasm_exporttype_type(exports.data[i]);
    Port port{text_of(f.wasm_exporttype_name(exports.data[i])), type_text(f, type)};
    if (port.name == "memory" && f.wasm_externtype_kind(type) == ExternKind::memory) description_.memory = limits_of(f, type);
    description_.exports.push_back(std::move(port));
  }
  f.wasm_exporttype_vec_delete(&exports);

  const auto exported = [this](std::string_view name) { return std::ranges::find(description_.exports, name, &Port::name); };
  const auto absent = description_.exports.end();
  for (const KnownExport& known : known_exports) {
    const auto found = exported(known.name);
    if (found == absent) {
      if (known.required) return lens_fault(Fault::missing_export, std::string(known.name));
      continue;
    }
    if (found->type == known.types[0] || (!known.types[1].empty() && found->type == known.types[1])) continue;
    return lens_fault(Fault::compile, fmt::format("the export {} is {}, which has to be {}{}{}", known.name, found->type, known.types[0],
                                                  known.types[1].empty() ? "" : " or ", known.types[1]));
  }
  const auto memory = exported("memory");
  if (memory == absent) return lens_fault(Fault::missing_export, "memory");
  if (!memory->type.starts_with("memory"))
    return lens_fault(Fault::compile, fmt::format("the export memory is {}, which has to be a memory", memory->type));
  for (const Port& import : description_.imports) {
    if (import.name != "lens.next")
      return lens_fault(Fault::compile, fmt::format("it imports {} ({}); a lens may import lens.next only", shown(import.name), import.type));
    if (import.type != "() -> (i32)")
      return lens_fault(Fault::compile, fmt::format("the import lens.next is {}, which has to be () -> (i32)", import.type));
  }
  description_.alloc_takes_i64 = exported("alloc")->type == known_exports[0].types[1];
  description_.has_inverse = exported("inverse") != absent;
  description_.has_set_param = exported("set_param") != absent;
  for (const std::string_view name : releasing_names) {
    const auto found = exported(name);
    if (found == absent || !description_.release.empty()) continue;
    if (found->type == "(i32) -> ()" || found->type == "(i32, i32) -> ()") description_.release = name;
    description_.release_takes_size = found->type == "(i32, i32) -> ()";
  }
  return {};
}

}  // namespace clasp::lens
