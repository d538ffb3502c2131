// tests/data/transforms.json: the specification's examples, and a row for whatever else it says.
#include <cmath>
#include <fstream>
#include <sstream>

#include "transform/curve.hpp"
#include "transform/transform_testing.hpp"

namespace clasp::transform {
namespace {

Value load_vectors() {
  std::ifstream file(std::string(CLASP_TEST_DATA) + "/transforms.json");
  std::ostringstream text;
  text << file.rdbuf();
  return test::json(text.str());
}

const Array& rows(const Value& vectors, std::string_view section) { return *vectors.find(section)->array(); }

bool about(const Value& result, const Value& wanted, double tolerance) {
  if (result.kind() != wanted.kind()) return false;
  if (tolerance == 0 || result.floating() == nullptr) return result == wanted;
  return std::abs(*result.floating() - *wanted.floating()) <= tolerance;
}

// Each value through one instance.
void expect_row(const Value& row, Transform& transform, std::string_view how) {
  const Array& in = *row.find("in")->array();
  const Array& out = *row.find("out")->array();
  ASSERT_EQ(in.size(), out.size());
  const double tolerance = row.find("tolerance") != nullptr ? *row.find("tolerance")->as_number() : 0;
  test::Clock clock;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const EncodedValue encoded{in[i]};
    Value result;
    const Outcome outcome = transform.apply(encoded.view(), "/a", clock.now(), result);
    ASSERT_NE(outcome, Outcome::drop) << how << ", value " << i;
    if (outcome == Outcome::keep) result = in[i];
    EXPECT_TRUE(about(result, out[i], tolerance)) << how << ", value " << i << ": " << to_json(in[i]) << " became " << to_json(result) << ", not "
                                                  << to_json(out[i]);
    clock.pass(Micros{10'000});
  }
}

TEST(TransformVectors, ComeOutAsTheSpecificationSaysAlsoFromCanonicalForm) {
  const Value vectors = load_vectors();
  std::size_t count = 0;
  for (const Value& row : rows(vectors, "transforms")) {
    SCOPED_TRACE(*row.find("name")->string());
    auto transform = Transform::compile(*row.find("spec"));
    ASSERT_TRUE(transform) << transform.error().message;
    expect_row(row, *transform, "as given");
    auto again = Transform::compile(transform->to_json());
    ASSERT_TRUE(again) << to_json(transform->to_json()) << ": " << again.error().message;
    expect_row(row, *again, to_json(transform->to_json()));
    EXPECT_EQ(again->to_json(), transform->to_json()) << "the canonical form is not stable";
    ++count;
  }
  EXPECT_GT(count, 80U);
}

TEST(TransformVectors, CurvesGoThroughTheirQuarters) {
  const Value vectors = load_vectors();
  for (const Value& row : rows(vectors, "curves")) {
    const auto curve = Curve::parse(*row.find("curve"));
    ASSERT_TRUE(curve) << curve.error().message;
    const Array& wanted = *row.find("at_quarters")->array();
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_NEAR((*curve)(static_cast<double>(i) / 4), *wanted[i].as_number(), 1e-8) << to_json(*row.find("curve")) << " at " << i << "/4";
    }
  }
}

TEST(Curve, OutsideOfTheUnitRangeStaysAtItsEnds) {
  for (const char* name : {"linear", "elastic_out", "back_in", "bounce_in", "elastic_in_out", "back_in_out", "bounce_in_out"}) {
    const Curve curve = *Curve::parse(name);
    EXPECT_NEAR(curve(-3), 0, 1e-12) << name;
    EXPECT_NEAR(curve(7), 1, 1e-12) << name;
    EXPECT_TRUE(std::isnan(curve(std::nan("")))) << name;
  }
}

TEST(Curve, SolvesWhatRises) {
  for (const char* name : {"linear", "ease_in", "cubic_in_out", "sine_out", "circ_in_out", "exponential", "logarithmic"}) {
    const Curve curve = *Curve::parse(name);
    ASSERT_TRUE(curve.monotonic()) << name;
    for (double t = 0.02; t < 1; t += 0.07) EXPECT_NEAR(curve.solve(curve(t)), t, 1e-6) << name;
  }
  EXPECT_FALSE(Curve::parse("bounce_out")->monotonic());
  EXPECT_FALSE(Curve::parse("back_in")->monotonic());
}

TEST(Curve, BezierWithAFlatSlopeIsFoundByBisection) {
  const Curve curve = *Curve::parse(test::json(R"({"bezier":{"x1":1,"y1":0,"x2":0,"y2":1}})"));
  double before = 0;
  for (double t = 0; t <= 1; t += 0.01) {
    EXPECT_GE(curve(t), before - 1e-9) << t;
    before = curve(t);
  }
  EXPECT_NEAR(curve(0.5), 0.5, 1e-6);
}

}  // namespace
}  // namespace clasp::transform
