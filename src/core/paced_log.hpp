// Log lines that foreign input can cause: of each kind at most one a second, with the number of those left out since the last one.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/time.hpp"

namespace clasp {

class PacedLog {
 public:
  // `kind` is one of a few fixed texts, never foreign input.
  void line(std::string_view kind, std::string text, SteadyTime now, const std::function<void(std::string_view)>& out) {
    auto at = kinds_.find(kind);
    if (at == kinds_.end()) at = kinds_.emplace(kind, Kind{}).first;
    Kind& state = at->second;
    if (state.last && now - *state.last < interval) {
      ++state.left_out;
      return;
    }
    if (state.left_out > 0) text += fmt::format(" ({} more like this since the last line)", state.left_out);
    state = {now, 0};
    out(text);
  }

 private:
  static constexpr Micros interval{1'000'000};
  struct Kind {
    std::optional<SteadyTime> last;
    std::uint64_t left_out = 0;
  };
  std::map<std::string, Kind, std::less<>> kinds_;
};

}  // namespace clasp
