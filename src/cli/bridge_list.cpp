#include "cli/bridge_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "bridge/frame/reporting_link.hpp"
#include "cli/client_flags.hpp"
#include "cli/format.hpp"
#include "cli/interrupts.hpp"
#include "cli/report_fields.hpp"
#include "core/address.hpp"

namespace clasp::cli {

namespace {

using std::chrono::milliseconds;

// A bridge may run anywhere: what it says goes to a terminal.
std::string text_of(const Value& report, std::string_view member) { return printable(report_text(report, member), 200); }

bool same_bridge(const Value& a, const Value& b) {
  return text_of(a, "name") == text_of(b, "name") && text_of(a, "endpoint") == text_of(b, "endpoint");
}

}  // namespace

Result<void> BridgeReports::listen(Client& client) {
  auto subscribed = client.subscribe(bridge::report_address, [this](const Delivery& delivery) { add(delivery.value); });
  if (!subscribed) return subscribed.error();
  subscribed->release();
  return {};
}

Result<void> BridgeReports::ask(Client& client) { return client.emit(bridge::ask_address); }

void BridgeReports::add(const Value& report) {
  if (report.map() == nullptr || text_of(report, "name").empty()) return;
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  const auto known = std::ranges::find_if(rows_, [&](const Row& row) { return same_bridge(row.report, report); });
  if (known == rows_.end()) {
    constexpr std::size_t bridges_max = 10'000;
    if (rows_.size() < bridges_max) rows_.push_back({report, now});
    return;
  }
  const double seconds = std::chrono::duration<double>(now - known->at).count();
  const auto rate = [&](std::string_view member) {
    const auto more = static_cast<double>(report_count(report, member)) - static_cast<double>(report_count(known->report, member));
    return seconds > 0 && more > 0 ? more / seconds : 0;
  };
  *known = {report, now, rate("received"), rate("sent")};
}

std::vector<BridgeReports::Row> BridgeReports::rows() const {
  const std::lock_guard lock(mutex_);
  std::vector<Row> rows = rows_;
  std::ranges::sort(rows, {}, [](const Row& row) { return text_of(row.report, "name") + " " + text_of(row.report, "endpoint"); });
  return rows;
}

void BridgeReports::forget_before(std::chrono::steady_clock::time_point at) {
  const std::lock_guard lock(mutex_);
  std::erase_if(rows_, [&](const Row& row) { return row.at < at; });
}

std::vector<std::string> bridge_cells(const BridgeReports::Row& row) {
  const std::string detail = text_of(row.report, "detail");
  const std::string ns = text_of(row.report, "namespace");
  return {text_of(row.report, "name"),
          text_of(row.report, "protocol"),
          text_of(row.report, "endpoint"),
          ns.empty() ? "/" : ns,
          detail.empty() ? text_of(row.report, "state") : fmt::format("{}: {}", text_of(row.report, "state"), detail),
          fmt::format("{:.1f}", row.received_per_second),
          fmt::format("{:.1f}", row.sent_per_second),
          std::to_string(report_count(row.report, "peers_total"))};
}

ExitCode run_bridge_list(const Invocation& call) {
  ClientFlags flags;
  bool peers = false;
  milliseconds wait{1'000};
  std::vector<options::Option> rows{
      {.name = "peers", .letter = 'p', .help = "The devices behind each, too.", .apply = apply_switch(peers), .in_file = false},
      {.name = "wait", .value = "TIME", .default_text = "1s", .help = "How long answers may take; rates are of this time.",
       .apply = apply_duration(wait, milliseconds{100}, milliseconds{60'000}), .in_file = false}};
  const Command command{"bridge list", "", "", "The bridges of a router, wherever they run, and how they are.", "", nullptr};
  const auto arguments = read_client_arguments({command, call.arguments, call.console, call.variable, call.input}, flags, std::move(rows));
  if (arguments.exit) return *arguments.exit;

  BridgeReports reports;
  auto client = client_builder(flags, Reconnect::no).connect();
  if (!client) return report_connecting(call, client.error());
  if (const auto listening = reports.listen(*client); !listening) return report(call, listening.error());
  for (int asked = 0; asked < 2; ++asked) {  // a rate is the difference of two answers
    if (const auto sent = reports.ask(*client); !sent) return report(call, sent.error());
    std::this_thread::sleep_for(wait / (asked == 0 ? 1 : 4));
  }
  if (const auto settled = settle(*client, flags.timeout); !settled) return report(call, settled.error());
  client->close();

  const auto found = reports.rows();
  if (flags.json) {
    for (const auto& row : found) {
      Map line = *row.report.map();
      line.emplace_back("received_per_second", row.received_per_second);
      line.emplace_back("sent_per_second", row.sent_per_second);
      call.console.result(to_json(Value(std::move(line))));
    }
    return ExitCode::ok;
  }
  if (found.empty()) {
    call.console.note("clasp bridge list: no bridge has answered");
    return ExitCode::ok;
  }
  std::vector<std::vector<std::string>> cells{bridge_head};
  for (const auto& row : found) {
    cells.push_back(bridge_cells(row));
    const Value* list = row.report.find("peers");
    if (!peers || list == nullptr || list->array() == nullptr) continue;
    for (const Value& peer : *list->array())
      cells.push_back({"", "", "  " + text_of(peer, "name"), "", fmt::format("{} received, {} sent", report_count(peer, "received"), report_count(peer, "sent"))});
  }
  call.console.text(align(cells));
  return ExitCode::ok;
}

}  // namespace clasp::cli
