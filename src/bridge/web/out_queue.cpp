#include "bridge/web/out_queue.hpp"

#include "core/check.hpp"

namespace clasp::bridge::web {

OutQueue::Pushed OutQueue::push(SharedMessage message, std::string_view key, SteadyTime now) {
  if (!slow_ && is_slow(now)) become_slow();
  if (slow_ && !key.empty()) {
    if (const auto waiting = by_key_.find(std::string(key)); waiting != by_key_.end()) {
      replace(*waiting->second, std::move(message));
      return is_too_much() ? Pushed::overflow : Pushed::replaced;
    }
  }
  items_.push_back({std::move(message), std::string(key), now});
  account(items_.back(), 1);
  if (slow_ && !key.empty()) by_key_.emplace(key, std::prev(items_.end()));
  return is_too_much() ? Pushed::overflow : Pushed::queued;
}

void OutQueue::pop() {
  CLASP_CHECK(!items_.empty());
  account(items_.front(), -1);
  if (slow_ && !items_.front().key.empty()) by_key_.erase(items_.front().key);
  items_.pop_front();
  if (!items_.empty()) return;
  slow_ = false;
  by_key_.clear();
}

bool OutQueue::is_slow(SteadyTime now) const {
  return !items_.empty() && (now - items_.front().since > limits_.slow_age || bytes_ > limits_.slow_bytes);
}

// One pass: of each key the first place stays, with the newest message.
void OutQueue::become_slow() {
  slow_ = true;
  for (auto at = items_.begin(); at != items_.end();) {
    const auto [first, is_first] = at->key.empty() ? std::pair(by_key_.end(), true) : by_key_.emplace(at->key, at);
    if (is_first) {
      ++at;
      continue;
    }
    replace(*first->second, at->message);
    account(*at, -1);
    at = items_.erase(at);
  }
}

void OutQueue::replace(Item& item, SharedMessage message) {
  account(item, -1);
  item.message = std::move(message);
  account(item, 1);
  ++replaced_;
}

void OutQueue::account(const Item& item, std::ptrdiff_t sign) {
  const std::size_t bytes = item.message->bytes() + item.key.size();
  bytes_ += static_cast<std::size_t>(sign) * bytes;
  if (!item.key.empty()) return;
  event_bytes_ += static_cast<std::size_t>(sign) * bytes;
  events_ += static_cast<std::size_t>(sign);
}

}  // namespace clasp::bridge::web
