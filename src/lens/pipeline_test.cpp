// Lenses on the way into the router (lens specification, sections 6 and 12): what is stored, seen by everybody, and what a fault leads to.
#include "lens/pipeline.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <limits>
#include <map>

#include "core/json.hpp"
#include "lens/lens_file.hpp"
#include "lens/lens_testing.hpp"
#include "lens/module_set.hpp"
#include "router/router_fixture.hpp"

namespace clasp::lens {
namespace {

using router::RouterTest;
using test::lens_text;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view nine =
    R"((if (i32.eq (i32.load8_u (local.get $p)) (i32.const 1)) (then (i32.store8 offset=14 (local.get $p) (i32.const 0x39)))))";

// The first digit of a wrapped number becomes 9: 12 → 92.
std::string nines() {
  return lens_text(R"((func (export "transform") (result i32) (local $p i32) (local.set $p (call $next)) )" + std::string(nine) + " (local.get $p))");
}
std::string constant(std::string_view bytes, std::string_view more = "") {
  return lens_text(std::string(R"((data (i32.const 16) ")") + std::string(bytes) +
                   R"(") (func (export "transform") (result i32) (drop (call $next)) )" + std::string(more) + " (i32.const 16))");
}

const std::map<std::string, std::string>& files() {
  static const std::map<std::string, std::string> known{
      {"nines.wasm", test::assembled(nines())},
      {"identity.wasm", test::assembled(test::identity())},
      {"trap.wasm", test::assembled(lens_text(R"((func (export "transform") (result i32) unreachable))"))},
      {"loop.wasm", test::assembled(lens_text(R"((func (export "transform") (result i32) (loop $l (br $l)) unreachable))"))},
      {"nil.wasm", test::assembled(constant(R"(\00)"))},
      {"end.wasm", test::assembled(constant(R"(\7f)"))},
      {"bad.wasm", test::assembled(constant(R"(\ff\03\00\00\00bad)"))},
      {"counter.wasm", test::assembled(lens_text(R"((global $count (mut i32) (i32.const 48)) (data (i32.const 16) "\01\0b\00\00\00{\22value\22:0}")
        (func (export "transform") (result i32) (drop (call $next)) (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (i32.store8 (i32.const 30) (global.get $count)) (i32.const 16)))"))},
      {"garbage.wasm", "not a module"},
      {"vm.json", R"({"lenses":[{"path":"file://nines.wasm"},{"path":"identity.wasm"}]})"},
  };
  return known;
}
Result<std::string> read(const std::string& path) {
  const auto found = files().find(path);
  if (found == files().end()) return Error{ErrorCode::invalid_argument, "No such file or directory", {}};
  return found->second;
}

Result<Pipeline> compiled(std::string_view json, ModuleShelf& shelf) {
  std::vector<LensTable> tables;
  if (const auto lenses = read_lenses(json, "l.json", tables); !lenses) return lenses.error();
  return Pipeline::compile(tables, shelf);
}

TEST(Pipeline, WhatCannotBeHadIsNamedAtTheStart) {
  ModuleShelf shelf(read);
  const std::pair<const char*, const char*> mistakes[] = {
      {R"([{"address":"/a","wasm":"no.wasm"}])", "Failed to read WASM lens: no.wasm: No such file or directory (l.json:1: lens 1)"},
      {R"([{"address":"/a","wasm":"garbage.wasm"}])", "Failed to load WASM lens: garbage.wasm: failed to compile WASM module: "},
      {R"([{"address":"/a","wasm":"nines.wasm","inverse":true}])",
       "Failed to load WASM lens: nines.wasm: WASM module missing required export: inverse (l.json:1: lens 1)"},
      {R"([{"address":"/a","lens_file":"no.json"}])", "Failed to read lens file: no.json: No such file or directory"},
      {R"([{"address":"/a","lens_file":"garbage.wasm"}])", "Failed to parse lens file: garbage.wasm: "},
      {R"([{"address":"/a","transform":{"type":"clamp"}}])", "/transform/min: missing"},
      {R"([{"address":"/a","transform":{"type":"wasm","module_id":"x"}}])", "/transform/module_id: "},
  };
  for (const auto& [json, message] : mistakes) {
    const auto made = compiled(json, shelf);
    ASSERT_FALSE(made) << json;
    EXPECT_THAT(made.error().message, testing::StartsWith(message)) << json;
  }
}

class PipelineTest : public RouterTest {
 protected:
  void use(std::string_view json) {
    auto made = compiled(json, shelf_);
    ASSERT_TRUE(made) << made.error().message;
    pipeline_ = *std::move(made);
    pipeline_.log_to([this](std::string_view line) { logged_.emplace_back(line); });
    router().set_transform(&pipeline_);
  }
  ~PipelineTest() override { router().set_transform(nullptr); }

  std::string got(const std::string& address) {
    const auto param = router().find(address);
    return param ? to_json(to_value(param->value)) : "none";
  }
  struct Numbers {
    PipelineStats stats;
    StageStats modules;
  };
  Numbers numbers() const {
    Numbers found;
    pipeline_.for_each(
        [&found](const std::string&, const PipelineStats& stats, const StageStats& modules, std::size_t) { found = {stats, modules}; });
    return found;
  }

  ModuleShelf shelf_{read};
  Pipeline pipeline_;
  std::vector<std::string> logged_;
};

TEST_F(PipelineTest, EverybodySeesWhatTheLensMadeOfItTheWriterToo) {
  use(R"([{"address":"/sensors/**","wasm":"nines.wasm"}])");
  router::Peer& desk = connect("desk");
  desk.subscribe("/**");
  desk.forget();
  desk.set("/sensors/1", 12);
  EXPECT_THAT(desk.received(), ElementsAre("SET /sensors/1 92 rev=1", "ACK /sensors/1 rev=1"));
  desk.set("/other", 12);
  EXPECT_EQ(got("/sensors/1") + " " + got("/other"), "92 12");
}

TEST_F(PipelineTest, MembersOfBundlesAreChangedToo) {
  use(R"([{"address":"/a","wasm":"nines.wasm"}])");
  router::Peer& desk = connect("desk");
  const EncodedValue twelve(12);
  desk.bundle({Message{Set{.address = "/a", .value = twelve.view()}}, Message{Set{.address = "/b", .value = twelve.view()}}});
  EXPECT_EQ(got("/a") + " " + got("/b"), "92 12");
}

TEST_F(PipelineTest, TheFirstWithTheAddressCountsUnlessItGoesOn) {
  use(R"([{"address":"/a/*","wasm":"identity.wasm"},{"address":"/a/**","wasm":"nines.wasm"}])");
  router::Peer& desk = connect("desk");
  desk.set("/a/b", 12);
  desk.set("/a/b/c", 12);
  EXPECT_EQ(got("/a/b") + " " + got("/a/b/c"), "12 92");
  use(R"([{"address":"/a/*","wasm":"identity.wasm","chain":true},{"address":"/a/**","wasm":"nines.wasm"}])");
  desk.set("/a/b", 12);
  EXPECT_EQ(got("/a/b"), "92");
}

TEST_F(PipelineTest, StagesInARow) {
  use(R"([{"address":"/a","chain":[{"wasm":"nines.wasm"},{"transform":{"type":"scale","scale":2}},{"wasm":"identity.wasm"}]},{"address":"/b","lens_file":"vm.json"}])");
  router::Peer& desk = connect("desk");
  desk.set("/a", 12);
  desk.set("/b", 12);
  EXPECT_EQ(got("/a") + " " + got("/b"), "184.0 92");
}

TEST_F(PipelineTest, WhatIsBuiltInNeedsNoModule) {
  use(R"([{"address":"/a","builtin":"lowpass","params":{"alpha":0.5}}])");
  router::Peer& desk = connect("desk");
  std::string out;
  for (const double value : {0.0, 1.0, 1.0, 1.0}) {
    desk.set("/a", value);
    out += got("/a") + " ";
  }
  EXPECT_EQ(out, "0.0 0.5 0.75 0.875 ");
}

TEST_F(PipelineTest, AFaultLeavesDropsOrRefusesTheValue) {
  for (const char* module : {"trap.wasm", "loop.wasm", "nil.wasm", "end.wasm", "bad.wasm"}) {
    use(fmt::format(
        R"([{{"address":"/pass","wasm":"{0}"}},{{"address":"/drop","wasm":"{0}","on_error":"drop"}},{{"address":"/reject","wasm":"{0}","on_error":"reject"}}])",
        module));
    const std::string name = fmt::format("desk {}", module);
    router::Peer& desk = connect(name);
    desk.set("/pass", 1);
    EXPECT_THAT(desk.received(), ElementsAre(HasSubstr("ACK /pass"))) << module;
    EXPECT_EQ(got("/pass"), "1") << module;
    desk.forget();
    desk.set("/drop", 1);
    EXPECT_THAT(desk.received(), ElementsAre(HasSubstr("ACK /drop"))) << module;
    EXPECT_EQ(got("/drop"), "none") << module;
    desk.forget();
    desk.set("/reject", 1);
    EXPECT_THAT(desk.received(), ElementsAre(testing::AllOf(HasSubstr("ERROR 402"), HasSubstr("lens ")))) << module;
    EXPECT_EQ(got("/reject"), "none") << module;
  }
}

TEST_F(PipelineTest, AFailingLensIsNamedOnceASecond) {
  use(R"([{"address":"/a","wasm":"bad.wasm","name":"denoise"}])");
  router::Peer& desk = connect("desk");
  for (int i = 0; i < 10; ++i) desk.set("/a", i);
  ASSERT_EQ(logged_.size(), 1U);
  EXPECT_EQ(logged_[0], "lens denoise failed for /a: lens returned error: bad; the value stays as it was");
  EXPECT_EQ(numbers().stats.faults, 10U);
  EXPECT_EQ(numbers().modules.errors, 10U);
}

TEST_F(PipelineTest, AFilterDropsInSilence) {
  use(R"([{"address":"/a","wasm":"end.wasm","on_error":"drop"}])");
  connect("desk").set("/a", 1);
  EXPECT_TRUE(logged_.empty());
  EXPECT_EQ(numbers().stats.dropped, 1U);
  EXPECT_EQ(numbers().modules.ended, 1U);
  EXPECT_EQ(numbers().modules.errors, 0U);
}

TEST_F(PipelineTest, NilIsStoredAsNullOnlyIfThatIsWanted) {
  use(R"([{"address":"/a","wasm":"nil.wasm"},{"address":"/b","wasm":"nil.wasm","null_ok":true}])");
  router::Peer& desk = connect("desk");
  desk.set("/a", 1);
  desk.set("/b", 1);
  EXPECT_EQ(got("/a") + " " + got("/b"), "1 null");
}

TEST_F(PipelineTest, BytesAndWhatIsNoNumberPassBy) {
  use(R"([{"address":"/a","wasm":"counter.wasm"}])");
  router::Peer& desk = connect("desk");
  desk.set("/a", Value(Blob{std::byte{1}}));
  EXPECT_EQ(got("/a"), R"({"$bytes":"AQ=="})");
  desk.set("/a", std::numeric_limits<double>::infinity());
  EXPECT_EQ(numbers().stats.skipped, 2U);
  desk.set("/a", 7.5);
  EXPECT_EQ(got("/a"), "1") << "the lens has seen none of them";
}

TEST_F(PipelineTest, WhatIsPublishedIsLeftAloneUnlessAskedFor) {
  use(R"([{"address":"/a","wasm":"nines.wasm"},{"address":"/b","wasm":"nines.wasm","signals":["event"]}])");
  router::Peer& desk = connect("desk");
  router::Peer& wall = connect("wall");
  wall.subscribe("/**");
  wall.forget();
  desk.publish("/a", 12);
  desk.publish("/b", 12);
  EXPECT_THAT(wall.received(), ElementsAre(HasSubstr(" 12"), HasSubstr(" 92")));
  desk.set("/b", 12);
  EXPECT_EQ(got("/b"), "12");
}

TEST_F(PipelineTest, ValuesKeepTheirKinds) {
  use(R"([{"address":"/a","wasm":"identity.wasm"}])");
  router::Peer& desk = connect("desk");
  for (const Value& value : {Value(45), Value(45.0), Value("x"), Value(true), Value(nullptr), Value(Array{1, 2.0}), Value(Map{{"value", 1}})}) {
    desk.set("/a", value);
    EXPECT_EQ(got("/a"), to_json(value));
  }
  EXPECT_EQ(numbers().stats.faults, 0U);
}

TEST_F(PipelineTest, WhatStaysTheSameInAReloadKeepsItsMemory) {
  use(R"([{"address":"/a","wasm":"counter.wasm"},{"address":"/b","wasm":"counter.wasm"}])");
  router::Peer& desk = connect("desk");
  desk.set("/a", 7);
  desk.set("/b", 7);
  auto next = compiled(R"([{"address":"/a","wasm":"counter.wasm"},{"address":"/b","wasm":"counter.wasm","limits":{"fuel":5000}}])", shelf_);
  ASSERT_TRUE(next) << next.error().message;
  next->take_over(pipeline_);
  pipeline_ = *std::move(next);
  desk.set("/a", 7);
  desk.set("/b", 7);
  EXPECT_EQ(got("/a") + " " + got("/b"), "2 1");
}

TEST_F(PipelineTest, ALongTextGoesThroughWhole) {
  use(R"([{"address":"/a","wasm":"identity.wasm"}])");
  router::Peer& desk = connect("desk");
  desk.set("/a", Value(std::string(60'000, 'x')));
  EXPECT_EQ(got("/a").size(), 60'002U);
}

TEST(ModuleSet, RunsInTransforms) {
  ModuleShelf shelf(read);
  auto modules = ModuleSet::load({{"nine", "nines.wasm"}, {"bad", "bad.wasm"}}, shelf);
  ASSERT_TRUE(modules) << modules.error().message;
  const transform::CompileOptions options{.lenses = modules->loader()};
  auto chain = transform::Transform::compile(
      *parse_json(R"({"type":"chain","transforms":[{"type":"wasm","module_id":"nine"},{"type":"scale","scale":2}]})"), options);
  ASSERT_TRUE(chain) << chain.error().message;
  Value value(12);
  EXPECT_EQ(chain->apply(value, "/a", {}), transform::Outcome::value);
  EXPECT_EQ(to_json(value), "184.0");
  auto bad = transform::Transform::compile(*parse_json(R"({"type":"wasm","module_id":"bad"})"), options);
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->apply(value, "/a", {}), transform::Outcome::keep);
  EXPECT_EQ(bad->last_fault(), "lens returned error: bad");
  const auto unknown = transform::Transform::compile(*parse_json(R"({"type":"wasm","module_id":"what"})"), options);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("there is no module \"what\""));
  const auto missing = ModuleSet::load({{"x", "no.wasm"}}, shelf);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "module x: Failed to read WASM lens: no.wasm: No such file or directory");
}

}  // namespace
}  // namespace clasp::lens
