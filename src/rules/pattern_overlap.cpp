#include "rules/pattern_overlap.hpp"

#include <vector>

namespace clasp::rules {

namespace {

// Both texts may have '*', each for any run of characters. Row by row of the table "the first i of a and the first j of b can be the same".
bool texts_overlap(std::string_view a, std::string_view b) {
  std::vector<char> row(b.size() + 1, 0);
  std::vector<char> above;
  for (std::size_t i = 0; i <= a.size(); ++i) {
    above.swap(row);
    row.assign(b.size() + 1, 0);
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 && j == 0) {
        row[j] = 1;
        continue;
      }
      const bool star_a = i > 0 && a[i - 1] == '*';
      const bool star_b = j > 0 && b[j - 1] == '*';
      bool can = false;
      if (star_a) can |= (above[j] != 0) || (j > 0 && row[j - 1] != 0);
      if (star_b) can |= (row[j - 1] != 0) || (i > 0 && above[j] != 0);
      if (i > 0 && j > 0 && (star_a || star_b || a[i - 1] == b[j - 1])) can |= above[j - 1] != 0;
      row[j] = can ? 1 : 0;
    }
  }
  return row[b.size()] != 0;
}

}  // namespace

// The same over segments, where "**" stands for any number of them.
bool overlap(const Pattern& a, const Pattern& b) {
  const std::size_t m = a.segment_count();
  const std::size_t n = b.segment_count();
  std::vector<std::vector<char>> can(m + 1, std::vector<char>(n + 1, 0));
  for (std::size_t i = 0; i <= m; ++i) {
    for (std::size_t j = 0; j <= n; ++j) {
      if (i == 0 && j == 0) {
        can[i][j] = 1;
        continue;
      }
      const bool run_a = i > 0 && a.segment(i - 1) == "**";
      const bool run_b = j > 0 && b.segment(j - 1) == "**";
      bool yes = false;
      if (run_a) yes |= can[i - 1][j] != 0 || (j > 0 && can[i][j - 1] != 0);
      if (run_b) yes |= can[i][j - 1] != 0 || (i > 0 && can[i - 1][j] != 0);
      if (!yes && i > 0 && j > 0 && !run_a && !run_b) yes = can[i - 1][j - 1] != 0 && texts_overlap(a.segment(i - 1), b.segment(j - 1));
      can[i][j] = yes ? 1 : 0;
    }
  }
  return can[m][n] != 0;
}

}  // namespace clasp::rules
