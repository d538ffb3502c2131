// Input: pattern, newline, address. The matcher must agree with a slow one that is the definition word by word, and if one pattern covers
// another it must match what that one matches.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/check.hpp"
#include "core/pattern.hpp"

namespace {

using clasp::Pattern;
using Row = std::vector<bool>;

// Table instead of recursion: row[j] says whether the pattern read so far matches the first j items of `count`.
template <typename IsAny, typename Matches>
bool slow_match(std::size_t pattern_items, std::size_t count, IsAny is_any, Matches matches_one) {
  Row row(count + 1, false);
  row[0] = true;
  for (std::size_t i = 0; i < pattern_items; ++i) {
    Row next(count + 1, false);
    for (std::size_t j = 0; j <= count; ++j) {
      if (is_any(i))
        next[j] = row[j] || (j > 0 && next[j - 1]);
      else
        next[j] = j > 0 && row[j - 1] && matches_one(i, j - 1);
    }
    row = next;
  }
  return row[count];
}

bool slow_segment(std::string_view text, std::string_view segment) {
  return slow_match(
      text.size(), segment.size(), [text](std::size_t i) { return text[i] == '*'; },
      [text, segment](std::size_t i, std::size_t j) { return text[i] == segment[j]; });
}

std::vector<std::string_view> segments_of(std::string_view address) {
  std::vector<std::string_view> out;
  for (clasp::SegmentCursor cursor(address); !cursor.done();) out.push_back(cursor.next());
  return out;
}

bool slow_pattern(std::string_view pattern, std::string_view address) {
  if (!address.starts_with('/')) return false;
  const auto p = segments_of(pattern);
  const auto a = segments_of(address);
  return slow_match(
      p.size(), a.size(), [&p](std::size_t i) { return p[i] == "**"; }, [&p, &a](std::size_t i, std::size_t j) { return slow_segment(p[i], a[j]); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t newline = input.find('\n');
  if (newline == std::string_view::npos) return 0;
  const std::string_view address = input.substr(newline + 1);
  if (address.size() > 1024) return 0;  // the reference is quadratic
  const auto pattern = Pattern::parse(input.substr(0, newline));
  if (!pattern) return 0;

  const bool matches = pattern->matches(address);
  CLASP_CHECK(matches == slow_pattern(pattern->text(), address));
  if (matches) CLASP_CHECK(address.starts_with(pattern->literal_prefix()));
  CLASP_CHECK(pattern->covers(*pattern));

  // The second half as a pattern as well: a covered literal must match, and of two nested patterns the outer matches what the inner does.
  const auto other = Pattern::parse(address);
  if (!other) return 0;
  const bool covers = pattern->covers(*other);
  if (other->is_literal()) CLASP_CHECK(covers == matches);
  // Its own text with "x" for every star is something it matches, "**" as one segment among them.
  std::string instance(other->text());
  for (char& c : instance) {
    if (c == '*') c = 'x';
  }
  CLASP_CHECK(other->matches(instance));
  if (covers) CLASP_CHECK(pattern->matches(instance));
  return 0;
}
