#include "pattern.hpp"

#include <algorithm>

namespace clasp::simulation::model {

namespace {

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> segments;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '/')
      segments.emplace_back();
    else
      segments.back() += text[i];
  }
  return segments;
}

// '*' stands for any characters of the segment, also none.
bool part_matches(std::string_view pattern, std::string_view segment) {
  if (pattern.empty()) return segment.empty();
  if (pattern.front() != '*') return !segment.empty() && pattern.front() == segment.front() && part_matches(pattern.substr(1), segment.substr(1));
  for (std::size_t skip = 0; skip <= segment.size(); ++skip) {
    if (part_matches(pattern.substr(1), segment.substr(skip))) return true;
  }
  return false;
}

// "**" stands for any segments, also none.
bool segments_match(const std::vector<std::string>& pattern, std::size_t p, const std::vector<std::string>& address, std::size_t a) {
  if (p == pattern.size()) return a == address.size();
  if (pattern[p] == "**") {
    for (std::size_t skip = a; skip <= address.size(); ++skip) {
      if (segments_match(pattern, p + 1, address, skip)) return true;
    }
    return false;
  }
  return a < address.size() && part_matches(pattern[p], address[a]) && segments_match(pattern, p + 1, address, a + 1);
}

bool well_formed(std::string_view text, std::size_t bytes_max) {
  if (text.empty() || text.size() > bytes_max || text.front() != '/') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return false;
    if (byte >= 0x80) return false;  // the simulated clients write ASCII; other bytes they send are never UTF-8
    if (i > 0 && text[i] == '/' && text[i - 1] == '/') return false;
  }
  return true;
}

}  // namespace

bool valid_pattern(std::string_view text, std::size_t bytes_max) { return well_formed(text, bytes_max); }
bool valid_address(std::string_view text, std::size_t bytes_max) { return well_formed(text, bytes_max) && !text.contains('*'); }

Matcher::Matcher(std::string pattern) : text_(std::move(pattern)), segments_(split(text_)) {}

bool Matcher::matches(const std::string& address) {
  const auto known = known_.find(address);
  if (known != known_.end()) return known->second;
  return known_.emplace(address, segments_match(segments_, 0, split(address), 0)).first->second;
}

Matcher* Matchers::of(const std::string& pattern) {
  std::unique_ptr<Matcher>& matcher = all_[pattern];
  if (!matcher) matcher = std::make_unique<Matcher>(pattern);
  return matcher.get();
}

}  // namespace clasp::simulation::model
