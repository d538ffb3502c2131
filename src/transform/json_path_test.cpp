#include "transform/json_path.hpp"

#include <gmock/gmock.h>

#include "transform/transform_testing.hpp"

namespace clasp::transform {
namespace {

using ::testing::HasSubstr;

constexpr const char* rig = R"({"lamps":[{"name":"front","dim":0.2,"on":true},{"name":"back","dim":0.8},{"name":"side","dim":0.5,"on":null}],
                               "limit":0.5,"ü":1})";

std::string found(std::string_view path, std::string_view document = rig) {
  const auto parsed = JsonPath::parse(path);
  if (!parsed) return "refused: " + parsed.error().message;
  const Value root = test::json(document);
  const auto places = parsed->find(root);
  if (!places) return "too much";
  Array out;
  for (const Value* place : *places) out.push_back(*place);
  return to_json(out);
}

TEST(JsonPath, FindsWhatThePathLeadsTo) {
  const std::pair<const char*, const char*> cases[] = {
      {"$.limit", "[0.5]"},
      {"$.lamps[0].name", R"(["front"])"},
      {"$.lamps[-1]['name']", R"(["side"])"},
      {"$.lamps[*].dim", "[0.2,0.8,0.5]"},
      {"$.lamps[1:].dim", "[0.8,0.5]"},
      {"$.lamps[:2].dim", "[0.2,0.8]"},
      {"$.lamps[::2].dim", "[0.2,0.5]"},
      {"$.lamps[::-1].dim", "[0.5,0.8,0.2]"},
      {"$.lamps[5:].dim", "[]"},
      {"$.lamps[0,2].dim", "[0.2,0.5]"},
      {"$..dim", "[0.2,0.8,0.5]"},
      {"$..lamps[0].dim", "[0.2]"},
      {"$.lamps[?(@.dim > 0.4)].name", R"(["back","side"])"},
      {"$.lamps[?@.dim >= $.limit].name", R"(["back","side"])"},
      {"$.lamps[?(@.on)].name", R"(["front","side"])"},
      {"$.lamps[?(!@.on)].name", R"(["back"])"},
      {"$.lamps[?(@.name == 'back' || @.dim < 0.3)].dim", "[0.2,0.8]"},
      {"$.lamps[?((@.name == 'back' || @.dim < 0.3) && @.on == true)].dim", "[0.2]"},
      {"$.lamps[?(@.on == null)].name", R"(["side"])"},
      {"$.lamps[?(@.on != null)].name", R"(["front","back"])"},
      {"$.ü", "[1]"},
      {"$.nothing.here", "[]"},
      {"$.limit.x", "[]"},
  };
  for (const auto& [path, wanted] : cases) EXPECT_EQ(found(path), wanted) << path;
}

TEST(JsonPath, NamesTheByteOfAMistake) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "byte 0: a path begins with $"},         {"$.", "byte 2: expected a name or *"},
      {"$[", "byte 2: expected a name in quotes"},  {"$['a", "byte 2: a text without end"},
      {"$[0", "byte 3: expected ] or ,"},           {"$[?(@.a > )]", "byte 10: expected @, $, a number"},
      {"$[?(@.a]", "byte 7: expected )"},           {"$ x", "byte 2: did not expect this"},
      {"$[?(1)]", "byte 5: expected a comparison"}, {"$[99999999999999999999]", "byte 2: a number that is too large"},
  };
  for (const auto& [path, wanted] : cases) EXPECT_THAT(found(path), HasSubstr(wanted)) << path;
  EXPECT_THAT(found("$" + std::string(2'000, 'a')), HasSubstr("may have 1024 bytes"));
  std::string deep = "$[?";
  for (int i = 0; i < 100; ++i) deep += "(";
  EXPECT_THAT(found(deep), HasSubstr("filters nested too deeply"));
}

TEST(JsonPath, GivesUpWhereAQueryTakesTooMuchWork) {
  std::string wide = "[0";
  for (int i = 0; i < 2'000; ++i) wide += ",0";
  EXPECT_EQ(found("$[?(@ >= 0 && $[?(@ < 0)] || $..*)]", wide + "]"), "too much");
}

TEST(JsonPath, WritesOneplaceAndMakesMissingMembers) {
  Value root = test::json(R"({"a":[1,2]})");
  *JsonPath::parse("$.a[1]")->place(root) = 5;
  *JsonPath::parse("$.b.c")->place(root) = true;
  EXPECT_EQ(to_json(root), R"({"a":[1,5],"b":{"c":true}})");
  EXPECT_EQ(JsonPath::parse("$.a[7]")->place(root), nullptr);
  EXPECT_EQ(JsonPath::parse("$.a.x")->place(root), nullptr);
  EXPECT_EQ(JsonPath::parse("$..a")->place(root), nullptr);
}

}  // namespace
}  // namespace clasp::transform
