// Lenses for tests, written in WASM's text format.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "lens/instance.hpp"

namespace clasp::lens::test {

// One for the whole test program: it starts a thread.
inline std::shared_ptr<Runtime> runtime() {
  static const std::shared_ptr<Runtime> opened = [] {
    auto made = Runtime::open();
    EXPECT_TRUE(made) << made.error().text();
    return made ? *made : nullptr;
  }();
  return opened;
}

inline std::string assembled(std::string_view text) {
  const auto binary = runtime()->assemble(text);
  EXPECT_TRUE(binary) << binary.error().text() << "\n" << text;
  return binary.value_or("");
}

inline LensResult<std::shared_ptr<const Module>> try_module(std::string_view text) { return Module::compile(runtime(), assembled(text)); }

inline std::shared_ptr<const Module> module_of(std::string_view text) {
  auto module = try_module(text);
  EXPECT_TRUE(module) << module.error().text() << "\n" << text;
  return module ? *module : nullptr;
}

// A lens from its functions. `alloc` takes i32 and gives one place after another from 1024 on; (call $next), (global $last) and the like are there to
// use.
inline std::string lens_text(std::string_view functions, std::string_view memory = "(memory (export \"memory\") 1)",
                             std::string_view alloc = R"((func $alloc (export "alloc") (param $n i32) (result i32)
  (global.get $top) (global.set $top (i32.add (global.get $top) (local.get $n)))))") {
  return std::string(R"((module (import "lens" "next" (func $next (result i32))) (global $top (mut i32) (i32.const 1024)) )") + std::string(memory) +
         std::string(alloc) + std::string(functions) + ")";
}

// Gives back what it gets.
inline const std::string& identity() {
  static const std::string text = lens_text(R"((func (export "transform") (result i32) (call $next)))");
  return text;
}

// What comes out, as text: the JSON, "nil" or the fault.
inline std::string text_of(const LensResult<ItemView>& result) {
  if (!result) return result.error().text();
  return result->kind == ItemKind::nil ? "nil" : std::string(result->payload);
}

struct Running {
  std::unique_ptr<Instance> instance;
  std::string run(std::string_view input, Direction direction = Direction::forward) { return text_of(instance->run(direction, input)); }
};

// The clock decides no test but that of the clock.
inline Limits patient(Limits limits = {}) {
  limits.milliseconds = 600'000;
  return limits;
}

inline Running running(std::string_view text, const Limits& limits = {}, std::optional<std::string_view> params = {}) {
  auto instance = Instance::create(module_of(text), patient(limits), params);
  EXPECT_TRUE(instance) << instance.error().text();
  return {instance ? *std::move(instance) : nullptr};
}

}  // namespace clasp::lens::test
