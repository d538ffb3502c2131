// Patterns of addresses whose wildcards can be put into another pattern (bridges specification, 15.2).
//
//   /a/b         itself                          {name}        one segment, by name (also within one: /ch{c}/cc)
//   *            one segment                     {1..8}        a whole number of that range, {n:1..8} by name
//   **           any number of segments          {name:regex}  text that the regular expression covers
//   pre*post     part of a segment               {name**}      any number of segments, by name
//
// Both ends are anchored. Each wildcard is a capture, numbered from 1 in order of appearance; it takes as little as it can.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clasp/error.hpp"
#include "transform/regex.hpp"

namespace clasp::mapping {

namespace pattern_limits {
inline constexpr std::size_t captures_max = 16;
inline constexpr std::size_t segments_max = 64;
}  // namespace pattern_limits

struct Capture {
  std::string name;   // empty: * or ** or {1..8}
  bool rest = false;  // any number of segments
  std::optional<std::pair<std::int64_t, std::int64_t>> range;
  std::optional<transform::Regex> regex;
  std::string text;  // as written, for messages

  bool accepts(std::string_view found) const;
};

using Captured = std::vector<std::string_view>;  // one for each capture; views into the address

class AddressPattern {
 public:
  // The error names the byte.
  static Result<AddressPattern> parse(std::string_view text);

  const std::string& text() const { return text_; }
  const std::vector<Capture>& captures() const { return captures_; }
  bool is_literal() const { return captures_.empty(); }

  // Fills `captured` if it matches.
  bool match(std::string_view address, Captured& captured) const;

  // The address it stands for if its captures are filled with these texts. An empty ** takes its slash with it. Empty if something is missing.
  std::string fill(const std::vector<std::string_view>& texts) const;

  // For SUBSCRIBE: everything that can match, in the router's language ({n} becomes *).
  std::string subscription() const;

  // Without these leading segments, if it begins with them literally: "/osc/fader/*" without "/osc".
  AddressPattern without_prefix(std::string_view prefix) const;

 private:
  struct Part {
    std::string literal;                   // or
    std::optional<std::size_t> capture{};  // index
  };
  struct Segment {
    std::vector<Part> parts;
    bool rest = false;
  };
  class Parser;

  bool match_segment(const Segment& segment, std::string_view text, Captured& captured) const;

  std::string text_;
  std::vector<Segment> segments_;
  std::vector<Capture> captures_;
};

// For each capture of `target`, which capture of `source` fills it: the one of the same name; for {2} without such a name the second; else the
// next without a name that nobody has taken. The error names the capture that nothing fills.
Result<std::vector<std::size_t>> pair_captures(const AddressPattern& source, const AddressPattern& target);

}  // namespace clasp::mapping
