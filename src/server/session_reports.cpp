#include "server/session_reports.hpp"

#include "core/address.hpp"
#include "io/io_loop.hpp"

namespace clasp::server {

namespace {

constexpr std::size_t addresses_max = 128;  // of one answer
constexpr std::size_t slow_max = 32;
constexpr std::size_t text_max = 100;  // bytes of each name

Value number(std::uint64_t count) { return static_cast<std::int64_t>(count); }

}  // namespace

SessionReports::SessionReports(router::Router& router, io::IoLoop& loop) : router_(router), loop_(loop) {
  const Now now = io::read_clocks();
  session_ = router_.open_session({.name = "session-reports", .grants = router::open_grants(), .echo_sets = router::Echo::no, .counted = false}, *this, now);
  router_.submit(session_, Message{Subscribe{.id = 1, .pattern = sessions_ask_address}}, Qos::fire, {}, now);
}

SessionReports::~SessionReports() {
  due_.reset();
  if (session_ != router::nobody) router_.close_session(session_, io::read_clocks());
}

std::size_t SessionReports::deliver(const router::Delivery& delivery) {
  if (delivery.kind != router::CommitKind::publish || delivery.presence != router::Presence::live) return 0;
  const Value question = delivery.value ? to_value(*delivery.value) : Value();
  const Value* addresses = question.map() != nullptr ? question.find("addresses") : nullptr;
  if (addresses != nullptr && addresses->array() != nullptr) {
    for (const Value& address : *addresses->array()) {
      if (asked_.size() < addresses_max && address.string() != nullptr) asked_.push_back(*address.string());
    }
  }
  if (due_) return 0;
  due_ = std::make_shared<const bool>(true);
  loop_.post([this, alive = std::weak_ptr(due_)] {  // nobody may write to the router while it delivers
    if (!alive.expired()) answer();
  });
  return 0;
}

void SessionReports::answer() {
  due_.reset();
  if (session_ == router::nobody) return;
  const Now now = io::read_clocks();
  const EncodedValue report(describe(now));
  asked_.clear();
  Publish publish;
  publish.address = sessions_report_address;
  publish.signal = SignalType::event;
  publish.value = report.view();
  router_.submit(session_, Message{publish}, Qos::fire, {}, now);
}

Value SessionReports::describe(const Now& now) const {
  Array slow;
  for (const router::Router::SlowSession& session : router_.slow_sessions(now, slow_max)) {
    slow.emplace_back(Map{{"name", printable(session.name, text_max)},
                          {"id", session.id},
                          {"waiting_bytes", number(session.waiting_bytes)},
                          {"behind_ms", static_cast<std::int64_t>(session.behind.count() / 1'000)},
                          {"params_conflated", number(session.params_conflated)},
                          {"streams_dropped", number(session.streams_dropped)}});
  }
  Array away;
  for (const router::Router::AwaySession& session : router_.away_sessions(now, slow_max)) {
    away.emplace_back(Map{{"name", printable(session.name, text_max)},
                          {"id", session.id},
                          {"away_ms", static_cast<std::int64_t>(session.away.count() / 1'000)},
                          {"left_ms", static_cast<std::int64_t>(session.left.count() / 1'000)}});
  }
  Map writers;
  for (const std::string& address : asked_) {
    const auto param = router_.find(address);
    if (!param) continue;
    const std::string name(router_.session_name(param->writer));
    writers.emplace_back(address, printable(name.empty() ? param->writer : name, text_max));
  }
  const router::Gauges gauges = router_.gauges();
  return Map{{"sessions", number(gauges.sessions)}, {"away", number(gauges.sessions_detached)}, {"away_sessions", std::move(away)}, {"slow", std::move(slow)}, {"writers", std::move(writers)}};
}

}  // namespace clasp::server
