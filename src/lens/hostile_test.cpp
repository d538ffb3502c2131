// Modules that mean harm, or were damaged: whatever they do, there is an error that says what it was, and the host goes on.
#include <gmock/gmock.h>
#include <sys/resource.h>

#include "lens/lens_testing.hpp"

namespace clasp::lens {
namespace {

using test::lens_text;
using test::running;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view memory = R"((memory (export "memory") 1))";
constexpr std::string_view asks = R"((func (export "transform") (result i32) (call $next)))";

std::string created(const std::string& text, const Limits& limits = {}) {
  const auto module = test::try_module(text);
  if (!module) return module.error().text();
  const auto instance = Instance::create(*module, test::patient(limits), "{}");
  return instance ? "ready" : instance.error().text();
}
std::string with_alloc(std::string_view body) {
  return lens_text(asks, memory, R"((func (export "alloc") (param i32) (result i32) )" + std::string(body) + ")");
}
std::string with_transform(std::string_view body) {
  return lens_text(R"((func $transform (export "transform") (result i32) )" + std::string(body) + ")");
}

TEST(HostileLens, ATrapSpoilsTheInstanceAndIsTold) {
  test::Running lens = running(with_transform("unreachable"));
  EXPECT_THAT(lens.run("1"), StartsWith("failed to compile WASM module: trap: "));
  EXPECT_THAT(running(with_transform("unreachable")).run("1"), HasSubstr("unreachable"));
  EXPECT_TRUE(lens.instance->broken());
  EXPECT_THAT(running(with_transform("(i32.div_u (i32.const 1) (i32.const 0))")).run("1"), HasSubstr("divide by zero"));
  EXPECT_THAT(running(with_transform("(i32.load (i32.const 65536))")).run("1"), HasSubstr("out of bounds"));
  EXPECT_THAT(running(with_transform("(i32.load offset=0xffffffff (i32.const 0xffffffff))")).run("1"), HasSubstr("out of bounds"));
}

TEST(HostileLens, AnEndlessLoopIsStoppedWhereverItIs) {
  const std::string stopped = "lens stopped: more than 10000000 instructions";
  EXPECT_EQ(running(with_transform("(loop $l (br $l)) unreachable")).run("1"), stopped);
  EXPECT_EQ(running(with_alloc("(loop $l (br $l)) unreachable")).run("1"), stopped);
  EXPECT_EQ(created(lens_text(std::string(asks) + "(func $start (loop $l (br $l))) (start $start)")), stopped);
  EXPECT_EQ(created(lens_text(std::string(asks) + R"((func (export "set_param") (param i32) (result i32) (loop $l (br $l)) unreachable))")), stopped);
  EXPECT_EQ(running(with_transform("(loop $l (drop (call $next)) (br $l)) unreachable"), {.fuel = 1'000}).run("1"),
            "lens stopped: more than 1000 instructions");
}

// What goes over the whole memory counts for as many instructions as it touches bytes.
TEST(HostileLens, LongInstructionsCountForWhatTheyDo) {
  EXPECT_EQ(running(lens_text(R"((func (export "transform") (result i32) (loop $l
    (memory.fill (i32.const 0) (i32.const 1) (i32.const 16777216)) (br $l)) unreachable))",
                              R"((memory (export "memory") 256))"))
                .run("1"),
            "lens stopped: more than 10000000 instructions");
}

TEST(HostileLens, WhatFindsInstructionsThatTakeLongIsStoppedByTheClock) {
  const auto lens = Instance::create(test::module_of(with_transform("(loop $l (drop (memory.grow (i32.const 0))) (br $l)) unreachable")),
                                     {.fuel = 1'000'000'000'000}, {});
  ASSERT_TRUE(lens) << lens.error().text();
  EXPECT_EQ(test::text_of((*lens)->run(Direction::forward, "1")), "lens stopped: more than 10 ms of processor time");
  EXPECT_TRUE((*lens)->broken());
}

TEST(HostileLens, MemoryGrowsToItsLimitAndNoFurther) {
  // Grows page by page until it may not, then tells how many there are.
  test::Running lens = running(lens_text(R"((data (i32.const 16) "\01\03\00\00\00000")
    (func (export "transform") (result i32) (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      (i32.store8 (i32.const 21) (i32.add (i32.const 48) (i32.div_u (memory.size) (i32.const 100))))
      (i32.store8 (i32.const 22) (i32.add (i32.const 48) (i32.rem_u (i32.div_u (memory.size) (i32.const 10)) (i32.const 10))))
      (i32.store8 (i32.const 23) (i32.add (i32.const 48) (i32.rem_u (memory.size) (i32.const 10)))) (i32.const 16)))"));
  EXPECT_EQ(lens.run("1"), "256");
  EXPECT_EQ(lens.instance->memory_bytes(), Limits{}.memory_bytes);
  EXPECT_THAT(created(lens_text(asks, R"((memory (export "memory") 257))")), HasSubstr("memory"));
  EXPECT_THAT(created(lens_text(std::string(asks) + "(table 4000000 funcref)")), StartsWith("failed to compile WASM module: "));
}

TEST(HostileLens, PointersThatLeadNowhere) {
  EXPECT_EQ(running(with_transform("(i32.const 0)")).run("1"), "WASM memory error: null pointer");
  EXPECT_EQ(running(with_transform("(i32.const -1)")).run("1"), "WASM memory error: pointer 0xffffffff is out of bounds, the memory has 65536 bytes");
  EXPECT_EQ(running(with_alloc("(i32.const 0)")).run("1"), "WASM memory error: null pointer: alloc has no room for 6 bytes");
  EXPECT_EQ(running(with_alloc("(i32.const 65531)")).run("1"),
            "WASM memory error: alloc gave 0xfffb for 6 bytes, which is out of bounds: the memory has 65536");
  EXPECT_EQ(running(with_alloc("(i32.const -6)")).run("1"),
            "WASM memory error: alloc gave 0xfffffffa for 6 bytes, which is out of bounds: the memory has 65536");
  EXPECT_EQ(running(with_alloc("(i32.const 65530)")).run("1"), "1") << "the last place there is";
  EXPECT_EQ(running(lens_text(R"((data (i32.const 65535) "\01") (func (export "transform") (result i32) (i32.const 65535)))")).run("1"),
            "WASM memory error: the item at 0xffff ends behind the memory");
  EXPECT_EQ(running(lens_text(R"((data (i32.const 16) "\01\fa\ff\ff\ff") (func (export "transform") (result i32) (i32.const 16)))")).run("1"),
            "WASM memory error: the item at 0x10 has 4294967290 bytes and ends behind the memory, which has 65536");
}

TEST(HostileLens, AnAllocThatAlwaysGivesTheSamePlaceHarmsItselfOnly) {
  test::Running lens =
      running(lens_text(R"((func (export "transform") (result i32) (local $p i32) (local.set $p (call $next)) (drop (call $next)) (local.get $p)))",
                        memory, R"((func (export "alloc") (param i32) (result i32) (i32.const 64)))"));
  EXPECT_EQ(lens.run("1"), "lens returned end of stream (no output)");
}

TEST(HostileLens, NextFromWhereThereIsNoInput) {
  EXPECT_EQ(running(with_alloc("(call $next)")).run("1"), "WASM memory error: alloc asks for input itself");
  EXPECT_EQ(created(lens_text(std::string(asks) + "(func $start (drop (call $next))) (start $start)")), "ready") << "it gets a null pointer";
  EXPECT_EQ(created(lens_text(std::string(asks) + R"((func (export "set_param") (param i32) (result i32) (call $next)))")), "ready")
      << "the end of the stream";
}

TEST(HostileLens, AFaultInAllocIsToldEvenIfTheLensGoesOn) {
  EXPECT_THAT(running(with_alloc("unreachable")).run("1"), HasSubstr("unreachable"));
  test::Running lens =
      running(lens_text(R"((data (i32.const 16) "\01\01\00\00\005") (func (export "transform") (result i32) (drop (call $next)) (i32.const 16)))",
                        memory, R"((func (export "alloc") (param i32) (result i32) unreachable))"));
  EXPECT_THAT(lens.run("1"), HasSubstr("unreachable"));
  EXPECT_TRUE(lens.instance->broken());
}

TEST(HostileLens, DeepRecursionIsStopped) {
  EXPECT_EQ(running(with_transform("(call $transform)")).run("1"), "lens stopped: stack overflow");
  // Through the host and back.
  EXPECT_EQ(running(lens_text(asks, memory, R"((func $alloc (export "alloc") (param i32) (result i32) (call $alloc (local.get 0))))")).run("1"),
            "lens stopped: stack overflow");
}

TEST(HostileLens, ResultsHaveAMaximum) {
  const std::string large = lens_text(
      R"((func (export "transform") (result i32) (i32.store8 (i32.const 16) (i32.const 1)) (i32.store (i32.const 17) (i32.const 65537)) (i32.const 16)))",
      R"((memory (export "memory") 4))");
  EXPECT_EQ(running(large).run("1"), "transport buffer decode error: the item has 65537 bytes, the maximum is 65536");
  EXPECT_EQ(running(large, {.output_bytes = 65'537}).run("1").size(), 65'537U);
}

TEST(HostileLens, WhatItSaysIsMadeFitForTheTerminal) {
  EXPECT_EQ(running(lens_text(R"((data (i32.const 16) "\ff\04\00\00\00a\1b[m") (func (export "transform") (result i32) (i32.const 16)))"))
                .run("1")
                .find('\x1b'),
            std::string::npos);
}

TEST(HostileLens, TheHostGoesOnAfterAThousandTraps) {
  const auto module = test::module_of(with_transform("(drop (call $next)) unreachable"));
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  for (int i = 0; i < 1'000; ++i) {
    const auto instance = Instance::create(module, {}, {});
    ASSERT_TRUE(instance);
    ASSERT_FALSE((*instance)->run(Direction::forward, "1"));
  }
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 200 * 1024) << "KiB";
  EXPECT_EQ(running(test::identity()).run("1"), "1");
}

// Cut off anywhere it does not load; with any byte changed it does not load, or runs within its limits.
TEST(HostileLens, DamagedModules) {
  const std::string whole = test::assembled(lens_text(R"((func (export "transform") (result i32) (local $p i32) (local.set $p (call $next))
    (if (i32.eq (i32.load8_u (local.get $p)) (i32.const 1)) (then (i32.store8 offset=5 (local.get $p) (i32.const 0x39)))) (local.get $p)))"));
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const bool only_names_are_missing = whole[n] == '\0' && whole.find("name", n) == n + 3;  // the last section, which nobody needs
    EXPECT_EQ(Module::compile(test::runtime(), whole.substr(0, n)).has_value(), only_names_are_missing) << "cut after " << n << " bytes";
  }
  int loaded = 0, ran = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const char flip : {'\x01', '\x10', '\x80', '\xff'}) {
      std::string damaged = whole;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      const auto module = Module::compile(test::runtime(), damaged);
      if (!module) continue;
      ++loaded;
      const auto instance = Instance::create(*module, test::patient({.fuel = 100'000}), "{}");
      if (instance && (*instance)->run(Direction::forward, "123456")) ++ran;
    }
  }
  EXPECT_GT(loaded, 20);
  EXPECT_GT(ran, 10);
  EXPECT_LT(ran, loaded);
}

}  // namespace
}  // namespace clasp::lens
