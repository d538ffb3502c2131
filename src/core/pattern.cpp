#include "core/pattern.hpp"

#include <limits>

#include "core/check.hpp"

namespace clasp {
namespace {

constexpr std::string_view any_segments = "**";

bool is_any_one(std::string_view segment) {
  return segment.find_first_not_of('*') == std::string_view::npos && !segment.empty() && segment != any_segments;
}

// Segments of a pattern in the order covers() wants: in a run of whole-segment wildcards the '*' come first and one "**" stands for several.
// "/**/*/**" and "/*/**" mean the same; only the latter can be compared from left to right.
std::vector<std::string_view> normalised(const Pattern& pattern) {
  std::vector<std::string_view> out;
  out.reserve(pattern.segment_count());
  bool open = false;  // a "**" of this run is still to be put
  for (std::size_t i = 0; i < pattern.segment_count(); ++i) {
    const std::string_view segment = pattern.segment(i);
    if (segment == any_segments) {
      open = true;
      continue;
    }
    if (open && !is_any_one(segment)) {
      out.push_back(any_segments);
      open = false;
    }
    out.push_back(segment);
  }
  if (open) {
    if (out.empty()) out.push_back("*");  // an address has at least one segment, so "/**" and "/*/**" are the same
    out.push_back(any_segments);
  }
  return out;
}

}  // namespace

bool segment_matches(std::string_view text, std::string_view segment) {
  std::size_t t = 0;
  std::size_t s = 0;
  std::size_t after_star = std::string_view::npos;  // in text
  std::size_t star_end = 0;                         // in segment: the last '*' swallowed everything before
  while (s < segment.size()) {
    if (t < text.size() && text[t] == '*') {
      after_star = ++t;
      star_end = s;
    } else if (t < text.size() && text[t] == segment[s]) {
      ++t;
      ++s;
    } else if (after_star != std::string_view::npos) {
      t = after_star;
      s = ++star_end;
    } else {
      return false;
    }
  }
  return text.find_first_not_of('*', t) == std::string_view::npos;
}

std::expected<Pattern, AddressFault> Pattern::parse(std::string_view text, std::size_t bytes_max) {
  CLASP_CHECK(bytes_max <= std::numeric_limits<std::uint16_t>::max());
  if (const auto fault = check_address(text, {.bytes_max = bytes_max, .wildcards = true})) return std::unexpected(*fault);

  Pattern pattern;
  pattern.text_ = text;
  pattern.literal_ = !is_pattern(text);
  pattern.prefix_bytes_ = pattern.literal_ ? text.size() : text.rfind('/', text.find('*'));
  for (std::size_t at = 0; at != std::string_view::npos; at = text.find('/', at + 1)) pattern.starts_.push_back(static_cast<std::uint16_t>(at + 1));
  return pattern;
}

std::string_view Pattern::segment(std::size_t index) const {
  CLASP_CHECK(index < starts_.size());
  const std::size_t begin = starts_[index];
  const std::size_t end = index + 1 < starts_.size() ? starts_[index + 1] - std::size_t{1} : text_.size();
  return std::string_view(text_).substr(begin, end - begin);
}

// Every "**" only remembers where it was; a later one makes the earlier ones final, so the work is at most segments × segments.
bool Pattern::matches(std::string_view address) const {
  if (literal_) return address == text_;
  if (!address.starts_with('/') || !address.starts_with(literal_prefix())) return false;

  constexpr std::size_t none = std::string_view::npos;
  std::size_t p = 0;             // next segment of the pattern
  std::size_t at = 0;            // slash before the next segment of the address; none behind the last
  std::size_t after_any = none;  // segment behind the last "**"
  std::size_t any_end = 0;       // slash at which what that "**" swallowed ends
  while (at != none) {
    const std::size_t slash = address.find('/', at + 1);
    if (p < starts_.size() && segment(p) == any_segments) {
      after_any = ++p;
      any_end = at;
      if (p == starts_.size()) return true;
    } else if (p < starts_.size() && segment_matches(segment(p), address.substr(at + 1, slash == none ? none : slash - at - 1))) {
      ++p;
      at = slash;
    } else if (after_any != none) {
      p = after_any;
      any_end = address.find('/', any_end + 1);
      at = any_end;
    } else {
      return false;
    }
  }
  while (p < starts_.size() && segment(p) == any_segments) ++p;
  return p == starts_.size();
}

// holds(i, j): what is left of this pattern from segment i on covers what is left of the other from j on. Each rule below is true of the sets
// of addresses, so a yes is a proof.
bool Pattern::covers(const Pattern& other) const {
  if (text_ == other.text_) return true;
  if (other.literal_) return matches(other.text_);
  if (literal_) return false;

  const std::vector<std::string_view> mine = normalised(*this);
  const std::vector<std::string_view> theirs = normalised(other);
  const std::size_t columns = theirs.size() + 1;
  std::vector<bool> holds((mine.size() + 1) * columns, false);
  for (std::size_t i = mine.size() + 1; i-- > 0;) {
    for (std::size_t j = columns; j-- > 0;) {
      const auto at = [&holds, columns](std::size_t row, std::size_t column) { return holds[row * columns + column]; };
      bool yes = false;
      if (i == mine.size()) {
        yes = j == theirs.size();
      } else if (mine[i] == any_segments) {
        yes = at(i + 1, j) || (j < theirs.size() && at(i, j + 1));
      } else if (j < theirs.size() && theirs[j] == any_segments) {
        // Theirs is nothing, or one segment and then itself again.
        yes = is_any_one(mine[i]) && at(i, j + 1) && at(i + 1, j);
      } else if (j < theirs.size()) {
        // A '*' of theirs is taken as a character: only a '*' of ours can match it, and that one takes whatever theirs takes.
        yes = at(i + 1, j + 1) && segment_matches(mine[i], theirs[j]);
      }
      holds[i * columns + j] = yes;
    }
  }
  return holds.front();
}

}  // namespace clasp
