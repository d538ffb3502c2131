// What is a lens, and what a host says of a module that is none (lens specification, sections 2.1, 2.4, 12.1).
#include "lens/module.hpp"

#include <gmock/gmock.h>

#include "lens/lens_testing.hpp"
#include "lens/wasmtime_library.hpp"

namespace clasp::lens {
namespace {

using test::assembled;
using test::lens_text;
using testing::HasSubstr;
using testing::StartsWith;

std::string refusal(std::string_view bytes) {
  const auto module = Module::compile(test::runtime(), bytes);
  return module ? "accepted" : module.error().text();
}
std::string refusal_of(const std::string& text) { return refusal(assembled(text)); }

constexpr std::string_view transform = R"((func (export "transform") (result i32) (i32.const 1)))";

TEST(Module, TellsWhatItExportsAndImports) {
  const auto module = test::module_of(R"((module (import "lens" "next" (func $next (result i32))) (memory (export "memory") 17 32)
    (func (export "alloc") (param i64) (result i32) (i32.const 8)) (func (export "transform") (result i32) (call $next))
    (func (export "inverse") (result i32) (i32.const 1)) (func (export "set_param") (param i32) (result i32) (i32.const 0))
    (func (export "free") (param i32 i32)) (global (export "__heap_base") i32 (i32.const 9))))");
  const Module::Description& description = module->description();
  EXPECT_TRUE(description.alloc_takes_i64 && description.has_inverse && description.has_set_param);
  EXPECT_EQ(description.memory.pages, 17U);
  EXPECT_EQ(description.memory.pages_max, 32U);
  EXPECT_EQ(description.release, "free");
  EXPECT_TRUE(description.release_takes_size);
  ASSERT_EQ(description.imports.size(), 1U);
  EXPECT_EQ(description.imports[0].name + " " + description.imports[0].type, "lens.next () -> (i32)");
  std::string exports;
  for (const Module::Port& port : description.exports) exports += port.name + " " + port.type + "; ";
  EXPECT_EQ(exports,
            "memory memory of 17 to 32 pages; alloc (i64) -> (i32); transform () -> (i32); inverse () -> (i32); set_param (i32) -> (i32); "
            "free (i32, i32) -> (); __heap_base global; ");
}

TEST(Module, MayImportNothingAndTakeEitherAlloc) {
  const auto module = test::module_of(R"((module (memory (export "memory") 1) (func (export "alloc") (param i32) (result i32) (i32.const 8))
    (func (export "transform") (result i32) (i32.const 1))))");
  EXPECT_FALSE(module->description().alloc_takes_i64 || module->description().has_inverse || module->description().has_set_param);
}

TEST(Module, WhatIsNoModuleIsACompileError) {
  for (const std::string_view bytes :
       {std::string_view(""), std::string_view("hello"), std::string_view("\0asm", 4), std::string_view("\0asm\x02\0\0\0", 8)})
    EXPECT_THAT(refusal(bytes), StartsWith("failed to compile WASM module: ")) << bytes.size();
  EXPECT_EQ(refusal(std::string(module_bytes_max + 1, 'x')), "failed to compile WASM module: 8388609 bytes, the maximum is 8388608");
}

TEST(Module, MissingExportsAreNamed) {
  const std::string memory = R"((memory (export "memory") 1))", alloc = R"((func (export "alloc") (param i32) (result i32) (i32.const 8)))";
  EXPECT_EQ(refusal_of("(module " + memory + std::string(transform) + ")"), "WASM module missing required export: alloc");
  EXPECT_EQ(refusal_of("(module " + memory + alloc + ")"), "WASM module missing required export: transform");
  EXPECT_EQ(refusal_of("(module " + alloc + std::string(transform) + ")"), "WASM module missing required export: memory");
}

TEST(Module, WrongKindsAndSignaturesAreNamed) {
  const std::string alloc = R"((func (export "alloc") (param f64) (result i32) (i32.const 8)))";
  EXPECT_EQ(refusal_of(lens_text(transform, "(memory (export \"memory\") 1)", alloc)),
            "failed to compile WASM module: the export alloc is (f64) -> (i32), which has to be (i32) -> (i32) or (i64) -> (i32)");
  EXPECT_EQ(refusal_of(lens_text(R"((func (export "transform") (result i64) (i64.const 1)))")),
            "failed to compile WASM module: the export transform is () -> (i64), which has to be () -> (i32)");
  EXPECT_EQ(refusal_of(lens_text(R"((memory $m 1) (global (export "transform") i32 (i32.const 0)))", "", R"((export "memory" (memory $m))
    (func (export "alloc") (param i32) (result i32) (i32.const 8)))")),
            "failed to compile WASM module: the export transform is global, which has to be () -> (i32)");
  EXPECT_EQ(refusal_of(lens_text(std::string(transform) + R"((func (export "set_param") (param i32)))")),
            "failed to compile WASM module: the export set_param is (i32) -> (), which has to be (i32) -> (i32)");
  EXPECT_EQ(refusal_of(lens_text(std::string(transform) + R"((func (export "inverse") (param i32) (result i32) (i32.const 0)))")),
            "failed to compile WASM module: the export inverse is (i32) -> (i32), which has to be () -> (i32)");
  EXPECT_EQ(refusal_of(lens_text(transform, R"((global (export "memory") i32 (i32.const 0)))")),
            "failed to compile WASM module: the export memory is global, which has to be a memory");
}

TEST(Module, ImportsAreLensNextOnly) {
  EXPECT_EQ(refusal_of(R"((module (import "env" "print" (func (param i32))) (memory (export "memory") 1)
    (func (export "alloc") (param i32) (result i32) (i32.const 8)) (func (export "transform") (result i32) (i32.const 1))))"),
            "failed to compile WASM module: it imports env.print ((i32) -> ()); a lens may import lens.next only");
  EXPECT_EQ(refusal_of(R"((module (import "lens" "next" (func (param i32) (result i32))) (memory (export "memory") 1)
    (func (export "alloc") (param i32) (result i32) (i32.const 8)) (func (export "transform") (result i32) (i32.const 1))))"),
            "failed to compile WASM module: the import lens.next is (i32) -> (i32), which has to be () -> (i32)");
  EXPECT_THAT(
      refusal_of(R"((module (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32))) (memory (export "memory") 1)
    (func (export "alloc") (param i32) (result i32) (i32.const 8)) (func (export "transform") (result i32) (i32.const 1))))"),
      HasSubstr("wasi_snapshot_preview1.fd_write"));
}

TEST(Module, NoThreadsAndNoMemoriesOf64Bits) {
  EXPECT_THAT(refusal_of(lens_text(transform, R"((memory (export "memory") i64 1))")), StartsWith("failed to compile WASM module: "));
  EXPECT_THAT(refusal_of(lens_text(transform, R"((memory (export "memory") 1 2 shared))")), StartsWith("failed to compile WASM module: "));
}

TEST(Wasmtime, IsTheVersionWhoseInterfaceIsWrittenDownHere) {
  const auto functions = wasmtime_functions();
  ASSERT_TRUE(functions) << functions.error().message;  // every function is there, or this is the error
  // Values, memories and functions cross the border as declared: a module that computes with what it is given tells.
  test::Running lens = test::running(lens_text(R"((func (export "transform") (result i32) (local $p i32) (local.set $p (call $next))
    (i32.store8 (i32.add (local.get $p) (i32.const 5)) (i32.const 0x37)) (local.get $p)))"));
  EXPECT_EQ(lens.run("12"), "72");
  EXPECT_EQ(lens.instance->memory_bytes(), 65'536U);
  EXPECT_LT(lens.instance->fuel_left(), Limits{}.fuel);
  EXPECT_GT(lens.instance->fuel_left(), Limits{}.fuel - 100);
}

}  // namespace
}  // namespace clasp::lens
