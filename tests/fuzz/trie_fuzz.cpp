// The trie and Pattern::matches() mean the same: feeds both and compares.
//
// Input: lines. "+" adds a pattern, "-" removes the oldest one added, anything else is looked up as an address.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/check.hpp"
#include "core/pattern.hpp"
#include "router/pattern_trie.hpp"

using clasp::Pattern;
using clasp::router::PatternTrie;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  PatternTrie trie(size);
  std::vector<Pattern> patterns;  // the item is the index
  std::size_t removed = 0;
  std::vector<PatternTrie::Item> actual;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.starts_with('+')) {
      auto pattern = Pattern::parse(line.substr(1));
      if (!pattern) continue;
      trie.add(*pattern, static_cast<PatternTrie::Item>(patterns.size()));
      patterns.push_back(std::move(*pattern));
    } else if (line.starts_with('-')) {
      if (removed < patterns.size()) trie.remove(static_cast<PatternTrie::Item>(removed++));
    } else {
      actual.clear();
      trie.match(line, actual);
      std::ranges::sort(actual);
      std::size_t next = 0;
      for (std::size_t i = removed; i < patterns.size(); ++i) {
        const bool in_trie = next < actual.size() && actual[next] == i;
        CLASP_CHECK(in_trie == patterns[i].matches(line));
        if (in_trie) ++next;
      }
      CLASP_CHECK(next == actual.size());
    }
  }
  while (removed < patterns.size()) trie.remove(static_cast<PatternTrie::Item>(removed++));
  CLASP_CHECK(trie.node_count() == 1 && trie.segment_count() == 0);
  return 0;
}
