#include "server/replays.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace clasp::server {
namespace {

constexpr std::size_t running_max = 256;
constexpr std::size_t running_of_one_session_max = 8;
constexpr std::size_t waiting_bytes_max = 262'144;  // of one session; more is sent when it has taken some
constexpr Micros look_interval{10'000};

// Nothing: it is neither SET nor PUBLISH.
std::optional<Message> message_of(const store::Entry& entry) {
  switch (entry.kind) {
    case store::EntryKind::set:
    case store::EntryKind::removed: return Message{Set{.address = entry.address, .value = entry.value.value_or(ValueView{}), .revision = entry.revision}};
    case store::EntryKind::publish:
      return Message{Publish{.address = entry.address, .signal = entry.signal, .phase = entry.phase, .value = entry.value, .samples = entry.samples,
                             .timestamp = entry.sent_time, .id = entry.id, .rate = entry.rate}};
    case store::EntryKind::lock_freed: break;
  }
  return std::nullopt;
}

}  // namespace

void Replays::start(store::Journal* journal) {
  journal_ = journal;
  router_.set_replayer(journal == nullptr ? nullptr : this);
}

std::optional<Error> Replays::replay(router::SessionId session, const Pattern& pattern, const clasp::Replay& replay, Qos qos) {
  const auto of_it = std::ranges::count(running_, session, [](const auto& running) { return running->session; });
  if (running_.size() >= running_max || static_cast<std::size_t>(of_it) >= running_of_one_session_max)
    return Error{ErrorCode::too_many, "too many REPLAYs are running", pattern.text()};
  auto running = std::make_shared<Running>();
  running->session = session;
  running->query = {.pattern = pattern, .from = replay.from, .to = replay.to, .types = replay.types, .limit = entries_max_};
  if (replay.limit) running->query.limit = std::min<std::size_t>(*replay.limit, entries_max_);
  running->cut = !replay.limit || *replay.limit > entries_max_;
  running->qos = qos;
  running_.push_back(std::move(running));
  return std::nullopt;
}

bool Replays::end_turn(const Now& now) {
  due_.reset();
  std::vector<router::SessionId> served;  // the others of the same session come later
  for (auto at = running_.begin(); at != running_.end();) {
    const router::SessionId session = (*at)->session;
    if (std::ranges::find(served, session) != served.end()) {
      ++at;
      continue;
    }
    const Step step = go_on(*at, now);
    if (step == Step::full) due_ = now.steady + look_interval;
    if (step == Step::ended) {
      at = running_.erase(at);
    } else {
      served.push_back(session);
      ++at;
    }
  }
  return false;
}

Replays::Step Replays::go_on(const std::shared_ptr<Running>& running, const Now& now) {
  for (;;) {
    if (!running->page && !running->asked) {
      running->asked = true;
      journal_->read(running->query, [weak = std::weak_ptr(running)](Result<store::Page> page) {
        if (const auto asking = weak.lock()) {
          asking->asked = false;
          asking->offset = 0;
          asking->page.emplace(std::move(page));
        }
      });
    }
    if (!running->page) return Step::waits;
    const Step step = send_page(*running, now);
    if (step != Step::waits) return step;
  }
}

// `waits`: for the next page.
Replays::Step Replays::send_page(Running& running, const Now& now) {
  if (!*running.page) {
    const Error error{ErrorCode::internal_error, fmt::format("Journal query failed: {}", running.page->error().message), running.query.pattern.text()};
    router_.replay_ended(running.session, running.query.pattern.text(), error, running.qos, now);
    return Step::ended;
  }
  store::Page& page = **running.page;
  while (running.offset < page.records.size()) {
    const store::Entry entry = store::next_record(page.records.view(), running.offset);
    running.last = entry.time;
    const auto message = message_of(entry);
    if (!message) continue;
    const auto waiting = router_.replayed(running.session, *message, now);
    if (!waiting) return Step::ended;
    if (*waiting > waiting_bytes_max) return Step::full;
  }
  running.query.after = page.last;
  running.query.limit -= std::min(running.query.limit, page.entries);
  const bool more = page.more;
  running.page.reset();
  if (more && running.query.limit > 0) return Step::waits;
  std::optional<Error> cut;
  if (running.query.limit == 0 && running.cut)
    cut = Error{ErrorCode::too_many, fmt::format("REPLAY ends after {} entries: ask again from {}", entries_max_, running.last.us), running.query.pattern.text()};
  router_.replay_ended(running.session, running.query.pattern.text(), cut, running.qos, now);
  return Step::ended;
}

}  // namespace clasp::server
