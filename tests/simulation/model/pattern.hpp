// Addresses and patterns, written from the wire format's sections 8 and 9 alone: the engine's matcher, trie and caches are not used here.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace clasp::simulation::model {

bool valid_address(std::string_view text, std::size_t bytes_max);  // no wildcard
bool valid_pattern(std::string_view text, std::size_t bytes_max);

class Matcher {
 public:
  explicit Matcher(std::string pattern);
  bool matches(const std::string& address);  // remembers its answers
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::vector<std::string> segments_;
  std::unordered_map<std::string, bool> known_;
};

// Equal patterns share one Matcher, and what it remembers.
class Matchers {
 public:
  Matcher* of(const std::string& pattern);

 private:
  std::map<std::string, std::unique_ptr<Matcher>> all_;
};

}  // namespace clasp::simulation::model
