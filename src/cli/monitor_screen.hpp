// What `clasp monitor` shows, as text for a screen, a line, or JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/bridge_list.hpp"
#include "cli/rate_table.hpp"
#include "cli/session_board.hpp"

namespace clasp::cli {

struct ScreenSize {
  std::size_t rows = 24;
  std::size_t columns = 80;
};

struct MonitorView {
  RateTable::Summary rates;
  SessionBoard::View sessions;
  std::vector<BridgeReports::Row> bridges;
  std::string_view pattern;
  std::string_view order;
  std::uint64_t now_us = 0;
  bool connected = true;  // else the figures are of what was heard before
};

// How many addresses fit beside the sections for slow sessions, those that are away, and bridges; these get a third of the screen each at most.
std::size_t address_rows(const MonitorView& view, const ScreenSize& size);
std::string screen_text(const MonitorView& view, const ScreenSize& size);  // begins with the sequences that clear a terminal
std::string summary_line(const MonitorView& view);
std::string summary_json(const MonitorView& view);

}  // namespace clasp::cli
