// A compiled lens, checked against what a host needs of it. Immutable; shared by all its instances.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lens/lens_error.hpp"
#include "lens/runtime.hpp"

namespace clasp::lens {

inline constexpr std::size_t module_bytes_max = 8 * 1024 * 1024;

class Module {
 public:
  // Compiles, which takes from milliseconds to seconds: not on the router's thread. Checks that alloc, transform and memory are exported, the kinds
  // and signatures of everything a host knows, and that nothing but lens.next is imported.
  static LensResult<std::shared_ptr<const Module>> compile(std::shared_ptr<Runtime> runtime, std::string_view bytes);
  ~Module();
  Module(const Module&) = delete;

  struct Memory {
    std::uint64_t pages = 0;
    std::optional<std::uint64_t> pages_max;
  };
  struct Port {
    std::string name;  // of an import with its module: "lens.next"
    std::string type;  // "(i32) -> (i32)", "memory of 17 pages", "global"
  };
  struct Description {
    std::size_t bytes = 0;
    std::vector<Port> imports, exports;
    Memory memory;
    bool alloc_takes_i64 = false;
    bool has_inverse = false;
    bool has_set_param = false;
    std::string release;  // "dealloc" or "free", what gives a result's memory back; empty if there is nothing
    bool release_takes_size = false;
  };
  const Description& description() const { return description_; }
  Runtime& runtime() const { return *runtime_; }
  const wasmtime::InstancePre* prepared() const { return prepared_; }

 private:
  explicit Module(std::shared_ptr<Runtime> runtime) : runtime_(std::move(runtime)) {}
  LensResult<void> check();

  std::shared_ptr<Runtime> runtime_;
  wasmtime::Module* module_ = nullptr;
  wasmtime::InstancePre* prepared_ = nullptr;
  Description description_;
};

}  // namespace clasp::lens
