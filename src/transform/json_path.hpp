// JSONPath over values (transforms specification, section 9; RFC 9535 without its functions): names, indexes, slices, unions, wildcards,
// descendants and filters. A query never visits more than a fixed number of places.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "clasp/error.hpp"
#include "clasp/value.hpp"

namespace clasp::transform {

namespace json_path_limits {
inline constexpr std::size_t text_bytes_max = 1'024;
inline constexpr std::size_t depth_max = 32;  // of filters in filters
inline constexpr std::size_t visits_max = 100'000;
inline constexpr std::size_t matches_max = 10'000;
}  // namespace json_path_limits

class JsonPath {
 public:
  static Result<JsonPath> parse(std::string_view text);  // the error names the byte

  // The places the path leads to, in document order; they point into `root`. Nothing if the query took too much work.
  std::optional<std::vector<const Value*>> find(const Value& root) const;

  // The only place it can lead to, for writing; members that are missing are made, items are not. nullptr if the path is no plain walk of names
  // and indexes, or leads through something that is neither object nor array.
  Value* place(Value& root) const;
  bool is_plain() const;

  struct Segment;

 private:
  explicit JsonPath(std::shared_ptr<const std::vector<Segment>> segments) : segments_(std::move(segments)) {}
  std::shared_ptr<const std::vector<Segment>> segments_;
};

}  // namespace clasp::transform
