#include "cli/monitor_screen.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/format.hpp"
#include "cli/report_fields.hpp"
#include "core/address.hpp"
#include "core/json.hpp"

namespace clasp::cli {

namespace {

using Cells = std::vector<std::vector<std::string>>;

std::string writer_of(const MonitorView& view, const std::string& address) {
  const auto found = view.sessions.writers.find(address);
  std::string writer = found == view.sessions.writers.end() ? "" : printable(found->second, 24);
  for (const BridgeReports::Row& bridge : view.bridges) {
    const Value* peers = bridge.report.find("writers");
    const std::string peer = peers == nullptr ? "" : report_text(*peers, address);
    if (peer.empty()) continue;
    // Of a param the bridge has to be the last writer; of events and streams nothing else is known.
    const std::string name = printable(report_text(bridge.report, "name"), 24);
    if (writer.empty() || writer == name) return fmt::format("{} {}", name, printable(peer, 40));
  }
  return writer;
}

std::string bytes_text(std::uint64_t bytes) {
  if (bytes < 10'000) return fmt::format("{} B", bytes);
  return bytes < 10'000'000 ? fmt::format("{} kB", bytes / 1'000) : fmt::format("{} MB", bytes / 1'000'000);
}

// A headline, as many rows as there is room for, and how many more there are.
std::string section(Cells cells, std::size_t rows_max) {
  const std::size_t rows = cells.size() - 1;
  if (rows == 0 || rows_max == 0) return "";
  const std::size_t shown = std::min(rows, rows_max);
  cells.resize(shown + 1);
  return "\n" + align(cells) + (shown < rows ? fmt::format("… {} more\n", rows - shown) : "");
}

Cells slow_cells(const MonitorView& view) {
  Cells cells{{"SLOW SESSION", "WAITING", "BEHIND", "LOST"}};
  for (const SessionBoard::Slow& slow : view.sessions.slow)
    cells.push_back({printable(slow.name, 40), bytes_text(slow.waiting_bytes), duration_text(static_cast<double>(slow.behind_ms) / 1'000),
                     fmt::format("{} older values, {} of streams", slow.params_conflated, slow.streams_dropped)});
  return cells;
}

Cells away_cells(const MonitorView& view) {
  const auto seconds = [](std::uint64_t ms) { return duration_text(static_cast<double>(ms) / 1'000); };
  Cells cells{{"SESSION AWAY", "FOR", "MAY COME BACK WITHIN"}};
  for (const SessionBoard::Away& away : view.sessions.aways) cells.push_back({printable(away.name, 40), seconds(away.away_ms), seconds(away.left_ms)});
  return cells;
}

Cells all_bridge_cells(const MonitorView& view) {
  Cells cells{bridge_head};
  for (const BridgeReports::Row& row : view.bridges) cells.push_back(bridge_cells(row));
  return cells;
}

std::size_t section_rows(std::size_t entries, const ScreenSize& size) { return std::min(entries, std::max<std::size_t>(size.rows / 3, 3) - 3); }
std::size_t section_lines(std::size_t entries, const ScreenSize& size) {
  const std::size_t shown = section_rows(entries, size);
  return shown == 0 ? 0 : shown + 2 + (shown < entries ? 1 : 0);
}

}  // namespace

std::size_t address_rows(const MonitorView& view, const ScreenSize& size) {
  constexpr std::size_t head_lines = 4;  // the summary, an empty line, the headline, and one where the cursor rests
  const std::size_t taken = head_lines + section_lines(view.sessions.slow.size(), size) + section_lines(view.sessions.aways.size(), size) +
                            section_lines(view.bridges.size(), size);
  return size.rows > taken ? size.rows - taken : 1;
}

std::string screen_text(const MonitorView& view, const ScreenSize& size) {
  const RateTable::Summary& rates = view.rates;
  Cells cells{{"ADDRESS", "PER SECOND", "TOTAL", "LAST WRITER", "VALUE"}};
  for (const RateTable::Row& row : rates.busiest)
    cells.push_back({printable(row.address, 60), fmt::format("{:.1f}", row.per_second), std::to_string(row.total), writer_of(view, row.address), printable(row.value)});
  const std::string away = view.sessions.away != 0 ? fmt::format(", {} away", view.sessions.away) : "";
  const std::string sessions =
      view.sessions.sessions != 0 ? fmt::format(", {} sessions, {} slow{}", view.sessions.sessions, view.sessions.slow.size(), away) : "";
  const std::string untracked = rates.untracked != 0 ? fmt::format(" ({} messages of further ones)", rates.untracked) : "";
  std::string text = fmt::format("{}{} {}: {:.1f} messages/s, {} in all, {} addresses{}{}; by {} (s: another order, q: end)\n\n{}", clock_text(view.now_us),
                                 view.connected ? "" : " NO CONNECTION", printable(view.pattern), rates.per_second, rates.total, rates.addresses, untracked, sessions, view.order, align(cells));
  text += section(slow_cells(view), section_rows(view.sessions.slow.size(), size));
  text += section(away_cells(view), section_rows(view.sessions.aways.size(), size));
  text += section(all_bridge_cells(view), section_rows(view.bridges.size(), size));

  std::string cut = "\x1b[H\x1b[2J";  // to the upper left corner, clear
  for (std::size_t lines = 1; !text.empty() && lines < size.rows; ++lines) {
    const std::size_t end = text.find('\n');
    cut += printable(std::string_view(text).substr(0, std::min(end, size.columns - 1)), size.columns);
    cut += "\r\n";
    text.erase(0, end == std::string::npos ? end : end + 1);
  }
  return cut;
}

std::string summary_line(const MonitorView& view) {
  const RateTable::Summary& rates = view.rates;
  std::string line =
      fmt::format("{} {}{:.1f} messages/s, {} in all, {} addresses", clock_text(view.now_us), view.connected ? "" : "no connection, ", rates.per_second, rates.total, rates.addresses);
  if (rates.untracked != 0) line += fmt::format(", {} messages of further ones", rates.untracked);
  if (!rates.busiest.empty() && rates.busiest.front().per_second > 0)
    line += fmt::format(", busiest {} {:.1f}/s", printable(rates.busiest.front().address), rates.busiest.front().per_second);
  if (!view.sessions.slow.empty()) line += fmt::format(", {} slow sessions", view.sessions.slow.size());
  if (view.sessions.away != 0) line += fmt::format(", {} sessions away", view.sessions.away);
  return line;
}

std::string summary_json(const MonitorView& view) {
  const RateTable::Summary& rates = view.rates;
  Array busiest;
  for (const RateTable::Row& row : rates.busiest) {
    Map entry{{"address", row.address}, {"per_second", row.per_second}, {"total", static_cast<std::int64_t>(row.total)}};
    if (std::string writer = writer_of(view, row.address); !writer.empty()) entry.emplace_back("writer", std::move(writer));
    busiest.emplace_back(std::move(entry));
  }
  Array slow;
  for (const SessionBoard::Slow& session : view.sessions.slow) {
    slow.emplace_back(Map{{"name", session.name},
                          {"waiting_bytes", static_cast<std::int64_t>(session.waiting_bytes)},
                          {"behind_ms", static_cast<std::int64_t>(session.behind_ms)},
                          {"params_conflated", static_cast<std::int64_t>(session.params_conflated)},
                          {"streams_dropped", static_cast<std::int64_t>(session.streams_dropped)}});
  }
  Array aways;
  for (const SessionBoard::Away& session : view.sessions.aways) {
    aways.emplace_back(
        Map{{"name", session.name}, {"away_ms", static_cast<std::int64_t>(session.away_ms)}, {"left_ms", static_cast<std::int64_t>(session.left_ms)}});
  }
  Array bridges;
  for (const BridgeReports::Row& row : view.bridges) bridges.push_back(row.report);
  return to_json(Value(Map{{"time", static_cast<std::int64_t>(view.now_us)},
                           {"connected", view.connected},
                           {"per_second", rates.per_second},
                           {"total", static_cast<std::int64_t>(rates.total)},
                           {"addresses", static_cast<std::int64_t>(rates.addresses)},
                           {"untracked", static_cast<std::int64_t>(rates.untracked)},
                           {"busiest", std::move(busiest)},
                           {"sessions", static_cast<std::int64_t>(view.sessions.sessions)},
                           {"slow", std::move(slow)},
                           {"away", static_cast<std::int64_t>(view.sessions.away)},
                           {"away_sessions", std::move(aways)},
                           {"bridges", std::move(bridges)}}));
}

}  // namespace clasp::cli
