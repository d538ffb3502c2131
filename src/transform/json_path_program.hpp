// A parsed path: what the parser makes and the walk follows.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "transform/json_path.hpp"

namespace clasp::transform {

struct Filter {
  enum class Kind : std::uint8_t { both, either, negation, exists, compare };
  enum class Test : std::uint8_t { equal, not_equal, less, less_equal, greater, greater_equal };
  struct Operand {
    bool is_path = false;
    bool from_root = false;  // $… instead of @…
    std::vector<JsonPath::Segment> path;
    Value literal;
  };
  Kind kind = Kind::exists;
  Test test = Test::equal;
  std::vector<Filter> parts;      // of both, either, negation
  std::vector<Operand> operands;  // one of exists, two of compare
};

struct Selector {
  enum class Kind : std::uint8_t { name, index, slice, wildcard, filter };
  Kind kind = Kind::wildcard;
  std::string name;
  std::int64_t index = 0;  // also the step of a slice
  std::optional<std::int64_t> begin;
  std::optional<std::int64_t> end;
  std::shared_ptr<const Filter> filter;
};

struct JsonPath::Segment {
  bool descendants = false;
  std::vector<Selector> selectors;
};

Result<std::vector<JsonPath::Segment>> parse_json_path(std::string_view text);

}  // namespace clasp::transform
