#include "bridge/osc/sender_table.hpp"

namespace clasp::bridge::osc {

SenderTable::Heard SenderTable::heard(const Endpoint& from, SteadyTime now) {
  if (const auto known = by_endpoint_.find(from); known != by_endpoint_.end()) {
    known->second->heard_at = now;
    ++known->second->received;
    list_.splice(list_.begin(), list_, known->second);
    return {.tag = known->second->tag};
  }
  Heard heard;
  if (list_.size() >= senders_max_) {
    drop_oldest();
    heard.evicted = true;
  }
  do {
    heard.tag = PeerTag{++last_tag_};
  } while (heard.tag == PeerTag::none || by_tag_.contains(heard.tag));
  list_.push_front({.tag = heard.tag, .from = from, .heard_at = now, .received = 1});
  by_endpoint_.emplace(from, list_.begin());
  by_tag_.emplace(heard.tag, list_.begin());
  return heard;
}

void SenderTable::forget(const Endpoint& from) {
  const auto known = by_endpoint_.find(from);
  if (known == by_endpoint_.end()) return;
  by_tag_.erase(known->second->tag);
  list_.erase(known->second);
  by_endpoint_.erase(known);
}

std::size_t SenderTable::expire(SteadyTime now) {
  std::size_t expired = 0;
  for (; !list_.empty() && list_.back().heard_at + silence_max_ <= now; ++expired) drop_oldest();
  return expired;
}

std::optional<SteadyTime> SenderTable::next_expiry() const {
  if (list_.empty()) return std::nullopt;
  return list_.back().heard_at + silence_max_;
}

const Sender* SenderTable::find(PeerTag tag) const {
  const auto found = by_tag_.find(tag);
  return found == by_tag_.end() ? nullptr : &*found->second;
}

void SenderTable::drop_oldest() {
  if (list_.empty()) return;
  by_endpoint_.erase(list_.back().from);
  by_tag_.erase(list_.back().tag);
  list_.pop_back();
}

}  // namespace clasp::bridge::osc
