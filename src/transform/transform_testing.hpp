// For tests of transforms: specifications as JSON text, a clock that only moves when told.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "core/json.hpp"
#include "transform/transform.hpp"

namespace clasp::transform::test {

inline Value json(std::string_view text) {
  auto value = parse_json(text);
  if (!value) throw std::runtime_error(value.error().message);
  return *std::move(value);
}

inline Transform compiled(std::string_view spec, const CompileOptions& options = {}) {
  auto transform = Transform::compile(json(spec), options);
  if (!transform) throw std::runtime_error(transform.error().message);
  return std::move(*transform);
}

// Why a specification is refused; empty if it is not.
inline std::string refusal(std::string_view spec) {
  const auto transform = Transform::compile(json(spec));
  return transform ? "" : transform.error().message;
}

class Clock {
 public:
  const Now& now() const { return now_; }
  void pass(Micros time) {
    now_.steady = now_.steady + time;
    now_.unix_time.us += static_cast<std::uint64_t>(time.count());
  }

 private:
  Now now_{.steady = {1'000'000}, .unix_time = {1'767'225'600'000'000}, .received = {}};
};

// What `value` (JSON) becomes, as JSON; "keep" if it stays, "drop" if it goes no further.
inline std::string sent_through(Transform& transform, std::string_view value, const Clock& clock = {}, std::string_view address = "/a") {
  const EncodedValue encoded{json(value)};
  Value out;
  switch (transform.apply(encoded.view(), address, clock.now(), out)) {
    case Outcome::keep: return "keep";
    case Outcome::drop: return "drop";
    case Outcome::value: return to_json(out);
  }
  return "?";
}

}  // namespace clasp::transform::test
