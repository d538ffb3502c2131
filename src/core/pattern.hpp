// Address patterns: one semantics for delivery, snapshots, queries and scopes (wire format, section 9, "recommended single semantics").
//
// Segment by segment: a segment that is exactly "**" matches zero or more segments; '*' anywhere else matches any run of characters inside
// its segment, also none; everything else is literal. So "/a/**" matches "/a", "/a/*" matches "/a/" and "/zone5*" matches "/zone5".
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/address.hpp"

namespace clasp {

// True if `text` (one segment, may contain '*') matches `segment`. Linear in practice, never exponential.
bool segment_matches(std::string_view text, std::string_view segment);

// A parsed pattern: a value, owns its text.
class Pattern {
 public:
  static std::expected<Pattern, AddressFault> parse(std::string_view text, std::size_t bytes_max = 1024);

  const std::string& text() const { return text_; }
  bool is_literal() const { return literal_; }  // no '*': matches itself only
  bool matches(std::string_view address) const;

  // Longest prefix of whole segments without wildcard: "/a/b" of "/a/b/*/c", "" of "/**". Every match starts with it.
  std::string_view literal_prefix() const { return std::string_view(text_).substr(0, prefix_bytes_); }

  // True if every address `other` can match is matched by this one too. Exact for '*' and '**' as whole segments; for partial wildcards it
  // may say no where yes would be right, never the other way (it decides about rights).
  bool covers(const Pattern& other) const;

  std::size_t segment_count() const { return starts_.size(); }
  std::string_view segment(std::size_t index) const;

  bool operator==(const Pattern& other) const { return text_ == other.text_; }

 private:
  std::string text_;
  std::vector<std::uint16_t> starts_;  // where each segment begins
  std::size_t prefix_bytes_ = 0;
  bool literal_ = false;
};

}  // namespace clasp
