// One call of a lens, step by step (lens specification, sections 2.3, 4, 12).
#include "lens/instance.hpp"

#include <gmock/gmock.h>

#include "lens/lens_testing.hpp"

namespace clasp::lens {
namespace {

using test::lens_text;
using test::running;

// Answers with what lies at 16.
std::string constant(std::string_view bytes) {
  return lens_text(std::string(R"((data (i32.const 16) ")") + std::string(bytes) + R"(") (func (export "transform") (result i32) (i32.const 16)))");
}

TEST(Instance, HandsTheInputOverAndTakesTheResult) {
  test::Running lens = running(test::identity());
  for (const std::string& json :
       {std::string(R"({"value":0.5})"), std::string("1"), std::string("null"), std::string("[]"), std::string(60'000, '7')})
    EXPECT_EQ(lens.run(json), json);
}

TEST(Instance, AllocOfEitherWidth) {
  test::Running lens =
      running(lens_text(R"((func (export "transform") (result i32) (call $next)))", R"((memory (export "memory") 1))",
                        R"((func (export "alloc") (param $n i64) (result i32) (i32.add (i32.const 512) (i32.wrap_i64 (local.get $n)))))"));
  EXPECT_EQ(lens.run(R"({"value":0.5})"), R"({"value":0.5})");
}

TEST(Instance, EveryKindOfResult) {
  EXPECT_EQ(running(constant(R"(\01\03\00\00\00\22x\22)")).run("1"), R"("x")");
  EXPECT_EQ(running(constant(R"(\00)")).run("1"), "nil");
  EXPECT_EQ(running(constant(R"(\7f)")).run("1"), "lens returned end of stream (no output)");
  EXPECT_EQ(running(constant(R"(\ff\03\00\00\00bad)")).run("1"), "lens returned error: bad");
  EXPECT_EQ(running(constant(R"(\ff\00\00\00\00)")).run("1"), "lens returned error: ");
  EXPECT_EQ(running(constant(R"(\2a)")).run("1"), "transport buffer decode error: unknown type id 42");
}

// Sums the first digits of three inputs: the first is the item, the others are the end of the stream.
TEST(Instance, TheSecondInputIsTheEndOfTheStreamAndSoAreAllOthers) {
  test::Running lens = running(lens_text(R"((func (export "transform") (result i32) (local $p i32)
    (local.set $p (call $next))
    (if (i32.ne (i32.load8_s (call $next)) (i32.const 127)) (then (return (i32.const 0))))
    (if (i32.ne (i32.load8_s (call $next)) (i32.const 127)) (then (return (i32.const 0))))
    (local.get $p)))"));
  EXPECT_EQ(lens.run("7"), "7");
  EXPECT_EQ(lens.run("8"), "8") << "and it begins anew with each call";
}

TEST(Instance, MayAskForNoInputAtAll) { EXPECT_EQ(running(constant(R"(\01\01\00\00\005)")).run("7"), "5"); }

TEST(Instance, RemembersFromCallToCall) {
  test::Running lens = running(lens_text(R"((global $count (mut i32) (i32.const 48)) (data (i32.const 16) "\01\01\00\00\000")
    (func (export "transform") (result i32) (global.set $count (i32.add (global.get $count) (i32.const 1)))
      (i32.store8 (i32.const 21) (global.get $count)) (i32.const 16)))"));
  EXPECT_EQ(lens.run("0"), "1");
  EXPECT_EQ(lens.run("0"), "2");
  EXPECT_EQ(lens.run("0"), "3");
}

TEST(Instance, InverseIsAFunctionOfItsOwn) {
  test::Running lens = running(lens_text(R"((data (i32.const 16) "\01\01\00\00\001") (data (i32.const 32) "\01\01\00\00\002")
    (func (export "transform") (result i32) (i32.const 16)) (func (export "inverse") (result i32) (i32.const 32)))"));
  EXPECT_EQ(lens.run("0"), "1");
  EXPECT_EQ(lens.run("0", Direction::inverse), "2");
  EXPECT_EQ(running(test::identity()).run("0", Direction::inverse), "WASM module missing required export: inverse");
}

// The parameters, item and all, become the result.
const std::string with_params = lens_text(R"((global $params (mut i32) (i32.const 0)) (data (i32.const 16) "\00")
  (func (export "set_param") (param $p i32) (result i32) (global.set $params (local.get $p)) (i32.const 16))
  (func (export "transform") (result i32) (if (result i32) (global.get $params) (then (global.get $params)) (else (i32.const 16)))))");

TEST(Instance, ParametersAreSetOnceAtTheBeginning) {
  test::Running lens = running(with_params, {}, R"({"alpha":0.9})");
  EXPECT_EQ(lens.run("0"), R"({"alpha":0.9})");
  EXPECT_EQ(lens.run("0"), R"({"alpha":0.9})");
  EXPECT_EQ(running(with_params).run("0"), "nil") << "without any, set_param is not called";
  EXPECT_EQ(running(test::identity(), {}, "{}").run("0"), "0") << "who has no set_param does without";
}

std::string set_param_answer(std::string_view bytes, std::string_view pointer = "16") {
  const auto instance =
      Instance::create(test::module_of(lens_text(std::string(R"((data (i32.const 16) ")") + std::string(bytes) +
                                                 R"(") (func (export "set_param") (param i32) (result i32) (i32.const )" + std::string(pointer) +
                                                 R"()) (func (export "transform") (result i32) (call $next)))")),
                       {}, "{}");
  return instance ? "ready" : instance.error().text();
}

TEST(Instance, WhatSetParamAnswersCounts) {
  EXPECT_EQ(set_param_answer(R"(\00)"), "ready");
  EXPECT_EQ(set_param_answer(R"(\01\02\00\00\00{})"), "ready");
  EXPECT_EQ(set_param_answer(R"(\7f)"), "ready");
  EXPECT_EQ(set_param_answer("", "0"), "ready");
  EXPECT_EQ(set_param_answer(R"(\ff\0a\00\00\00bad window)"), "lens returned error: set_param: bad window");
  EXPECT_EQ(set_param_answer(R"(\05)"), "transport buffer decode error: unknown type id 5");
  EXPECT_EQ(set_param_answer("", "70000"), "WASM memory error: pointer 0x11170 is out of bounds, the memory has 65536 bytes");
}

TEST(Instance, GivesTheResultsMemoryBackIfTheLensWantsIt) {
  for (const std::string_view name : {"dealloc", "free"}) {
    // The bump allocator goes back to where the result began, so that its memory never grows.
    test::Running lens = running(
        lens_text(std::string(R"((func (export ")") + std::string(name) +
                  R"(") (param $p i32) (param $n i32) (global.set $top (local.get $p))) (func (export "transform") (result i32) (call $next)))"));
    for (int i = 0; i < 10'000; ++i) ASSERT_EQ(lens.run(R"({"value":0.5})"), R"({"value":0.5})") << name << " after " << i;
  }
}

TEST(Instance, TwoFromTheSameModuleShareNothing) {
  const auto module = test::module_of(with_params);
  const auto one = Instance::create(module, {}, "1"), two = Instance::create(module, {}, "2");
  ASSERT_TRUE(one && two);
  EXPECT_EQ(test::text_of((*one)->run(Direction::forward, "0")), "1");
  EXPECT_EQ(test::text_of((*two)->run(Direction::forward, "0")), "2");
}

TEST(Instance, AThousandOfThemTakeWhatTheyUse) {
  const auto module = test::module_of(lens_text(R"((func (export "transform") (result i32) (call $next)))", R"((memory (export "memory") 17))"));
  std::vector<std::unique_ptr<Instance>> all;
  for (int i = 0; i < 1'000; ++i) {
    auto made = Instance::create(module, {}, {});
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_EQ(test::text_of((*made)->run(Direction::forward, "1")), "1");
    all.push_back(*std::move(made));
  }
}

}  // namespace
}  // namespace clasp::lens
