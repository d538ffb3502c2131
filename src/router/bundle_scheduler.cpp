#include "router/bundle_scheduler.hpp"

#include <utility>

#include "core/check.hpp"

namespace clasp::router {

bool BundleScheduler::add(SteadyTime due, WaitingBundle bundle) {
  const std::size_t bytes = bundle.payload.size();
  const auto used = usage_.find(bundle.session);
  const Usage of_session = used == usage_.end() ? Usage{} : used->second;
  if (of_session.count >= limits_.per_session_max || of_session.bytes + bytes > limits_.bytes_per_session_max) return false;
  if (waiting_.size() >= limits_.count_max || bytes_ + bytes > limits_.bytes_max) return false;

  usage_[bundle.session] = {of_session.count + 1, of_session.bytes + bytes};
  bytes_ += bytes;
  waiting_.emplace(Key{due, order_++}, std::move(bundle));
  return true;
}

// Walks all that wait, since revocations are rare, and stops at the session's last.
void BundleScheduler::drop_session(SessionId session, const std::function<void(const WaitingBundle&)>& dropped) {
  for (auto at = waiting_.begin(); at != waiting_.end() && usage_.contains(session);) {
    if (at->second.session != session) {
      ++at;
      continue;
    }
    const WaitingBundle bundle = std::move(at->second);
    at = waiting_.erase(at);
    release(bundle);
    dropped(bundle);
  }
}

std::optional<WaitingBundle> BundleScheduler::pop_due(SteadyTime now) {
  if (waiting_.empty() || now < waiting_.begin()->first.due) return std::nullopt;
  std::optional<WaitingBundle> bundle = std::move(waiting_.begin()->second);
  waiting_.erase(waiting_.begin());
  release(*bundle);
  return bundle;
}

std::optional<SteadyTime> BundleScheduler::next_deadline() const {
  if (waiting_.empty()) return std::nullopt;
  return waiting_.begin()->first.due;
}

void BundleScheduler::release(const WaitingBundle& bundle) {
  const auto used = usage_.find(bundle.session);
  CLASP_CHECK(used != usage_.end());
  bytes_ -= bundle.payload.size();
  used->second.bytes -= bundle.payload.size();
  if (--used->second.count == 0) usage_.erase(used);
}

}  // namespace clasp::router
