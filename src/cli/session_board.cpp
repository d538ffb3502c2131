#include "cli/session_board.hpp"

#include "cli/report_fields.hpp"
#include "server/session_reports.hpp"

namespace clasp::cli {

Result<void> SessionBoard::listen(Client& client) {
  auto subscribed = client.subscribe(server::sessions_report_address, [this](const Delivery& delivery) { add(delivery.value); });
  if (!subscribed) return subscribed.error();
  subscribed->release();
  return {};
}

Result<void> SessionBoard::ask(Client& client, std::span<const std::string> addresses) {
  Array wanted;
  for (const std::string& address : addresses) wanted.emplace_back(address);
  return client.emit(server::sessions_ask_address, Map{{"addresses", std::move(wanted)}});
}

SessionBoard::View SessionBoard::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

void SessionBoard::add(const Value& report) {
  if (report.map() == nullptr) return;
  const std::lock_guard lock(mutex_);
  view_.sessions = report_count(report, "sessions");
  view_.slow.clear();
  if (const Value* slow = report.find("slow"); slow != nullptr && slow->array() != nullptr) {
    for (const Value& each : *slow->array()) {
      if (each.map() == nullptr) continue;
      view_.slow.push_back({.name = report_text(each, "name"), .waiting_bytes = report_count(each, "waiting_bytes"), .behind_ms = report_count(each, "behind_ms"),
                            .params_conflated = report_count(each, "params_conflated"), .streams_dropped = report_count(each, "streams_dropped")});
    }
  }
  view_.away = report_count(report, "away");
  view_.aways.clear();
  if (const Value* away = report.find("away_sessions"); away != nullptr && away->array() != nullptr) {
    for (const Value& each : *away->array()) {
      if (each.map() == nullptr) continue;
      view_.aways.push_back({.name = report_text(each, "name"), .away_ms = report_count(each, "away_ms"), .left_ms = report_count(each, "left_ms")});
    }
  }
  constexpr std::size_t writers_max = 10'000;
  if (view_.writers.size() > writers_max) view_.writers.clear();
  if (const Value* writers = report.find("writers"); writers != nullptr && writers->map() != nullptr) {
    for (const auto& [address, writer] : *writers->map()) {
      if (writer.string() != nullptr) view_.writers[address] = *writer.string();
    }
  }
}

}  // namespace clasp::cli
