#include "router/outbox.hpp"

#include "core/check.hpp"
#include "core/codec.hpp"

namespace clasp::router {

namespace {

constexpr SteadyTime dead_time{-1};
constexpr std::size_t dead_items_max = 64;  // beyond the living
bool dead(const OutboxItem& item) { return item.queued == dead_time; }
bool undroppable(ItemKind kind) { return kind == ItemKind::kept || kind == ItemKind::reply || kind == ItemKind::get_ready || kind == ItemKind::get; }
bool is_reply(ItemKind kind) { return kind == ItemKind::reply || kind == ItemKind::get_ready || kind == ItemKind::get; }

// The address an answered GET shows, out of its one-entry SNAPSHOT frame.
SharedFrame address_of_answer(const SharedFrame& frame) {
  const auto decoded = decode_frame(frame.view());
  CLASP_CHECK(decoded.has_value() && decoded->payload.size() > 5);
  const auto length = load_be<std::uint16_t>(decoded->payload.data() + 3);  // code, count, then the first entry's address
  return SharedFrame(decoded->payload.subspan(5, length));
}

}  // namespace

SteadyTime Outbox::oldest() const {
  for (const OutboxItem& item : items_) {
    if (!dead(item)) return item.queued;
  }
  return {};
}

void Outbox::account(const OutboxItem& item, bool in) {
  const auto change = [in](std::size_t& total, std::size_t size) { total = in ? total + size : total - size; };
  change(bytes_, item.frame.size());
  if (undroppable(item.kind)) change(kept_bytes_, item.frame.size() + item_bytes);
  if (is_reply(item.kind)) change(reply_bytes_, item.frame.size() + item_bytes);
  if (item.kind == ItemKind::kept && item.key != 0) {
    if (in)
      ++kept_params_[item.key];
    else if (const auto count = kept_params_.find(item.key); --count->second == 0)
      kept_params_.erase(count);
  }
  live_ = in ? live_ + 1 : live_ - 1;
}

void Outbox::add(OutboxItem item) {
  account(item, true);
  items_.push_back(std::move(item));
}

OutboxItem* Outbox::at(std::uint64_t number) { return &items_[static_cast<std::size_t>(number - first_)]; }

void Outbox::forget(OutboxItem& item) {
  account(item, false);
  item = OutboxItem{};
  item.queued = dead_time;
}

void Outbox::push_param(EntryId entry, SharedFrame frame, SteadyTime now, std::uint64_t key) {
  if (!congested_) {
    add({.kind = ItemKind::param, .entry = entry, .key = key, .frame = std::move(frame), .queued = now});
    return;
  }
  const auto [mark, is_new] = marks_.try_emplace(static_cast<std::uint32_t>(entry), first_ + items_.size());
  if (is_new)
    add({.kind = ItemKind::mark, .entry = entry, .frame = {}, .queued = now});
  else
    ++params_conflated_;
}

void Outbox::push_removal(EntryId entry, SharedFrame frame, SteadyTime now, std::uint64_t key) {
  if (replace_mark(entry, frame, key)) return;
  if (!congested_) {  // frames of this entry that wait must not become marks of whoever gets the id next
    keep_frames_if([entry](const OutboxItem& item) { return item.entry == entry; });
  }
  add({.kind = ItemKind::kept, .key = key, .frame = std::move(frame), .queued = now});
}

bool Outbox::replace_mark(EntryId entry, const SharedFrame& frame, std::uint64_t key) {
  const auto mark = marks_.find(static_cast<std::uint32_t>(entry));
  if (mark == marks_.end()) return false;
  OutboxItem& item = *at(mark->second);
  marks_.erase(mark);
  account(item, false);
  item = {.kind = ItemKind::kept, .key = key, .frame = frame, .queued = item.queued};
  account(item, true);
  return true;
}

bool Outbox::entry_removed(EntryId entry, const SharedFrame& frame, std::uint64_t key) {
  if (replace_mark(entry, frame, key)) return true;
  if (!congested_) keep_frames_if([entry](const OutboxItem& item) { return item.entry == entry; });
  return false;
}

void Outbox::forget_older(std::uint64_t key) {
  if (!kept_params_.contains(key)) return;
  for (OutboxItem& item : items_) {
    if (!dead(item) && item.kind == ItemKind::kept && item.key == key) forget(item);
  }
  bury();
}

void Outbox::keep_frames_if(const std::function<bool(const OutboxItem&)>& keep) {
  for (OutboxItem& item : items_) {
    if (dead(item) || item.kind != ItemKind::param || !keep(item)) continue;
    account(item, false);
    item.kind = ItemKind::kept;
    item.entry = no_entry;
    account(item, true);
  }
}

// Dead items cost memory until they come to the front, which on a stuck link is never.
void Outbox::bury() {
  if (items_.size() <= 2 * live_ + dead_items_max) return;
  std::deque<OutboxItem> living;
  for (OutboxItem& item : items_) {
    if (dead(item)) continue;
    const std::uint64_t number = first_ + living.size();
    if (item.kind == ItemKind::mark) marks_[static_cast<std::uint32_t>(item.entry)] = number;
    if (item.kind == ItemKind::stream && congested_) streams_[item.key] = number;
    living.push_back(std::move(item));
  }
  items_ = std::move(living);
}

void Outbox::push_stream(std::uint64_t key, SharedFrame frame, SteadyTime now) {
  bury();
  if (congested_) {
    const auto [place, is_new] = streams_.try_emplace(key, first_ + items_.size());
    if (!is_new) {
      forget(*at(place->second));
      ++streams_dropped_;
      place->second = first_ + items_.size();
    }
  }
  add({.kind = ItemKind::stream, .key = key, .frame = std::move(frame), .queued = now});
}

void Outbox::push_kept(SharedFrame frame, SteadyTime now) { add({.kind = ItemKind::kept, .frame = std::move(frame), .queued = now}); }

void Outbox::push_reply(SharedFrame frame, SteadyTime now) { add({.kind = ItemKind::reply, .frame = std::move(frame), .queued = now}); }

void Outbox::push_get(ItemKind kind, SharedFrame frame, bool missing_is_error, SteadyTime now) {
  add({.kind = kind, .missing_is_error = missing_is_error, .frame = std::move(frame), .queued = now});
}

void Outbox::conflate() {
  if (congested_) return;
  congested_ = true;
  std::deque<OutboxItem> waiting;
  waiting.swap(items_);
  first_ = 0;
  live_ = bytes_ = kept_bytes_ = reply_bytes_ = 0;
  kept_params_.clear();
  for (OutboxItem& item : waiting) {
    if (dead(item)) continue;
    switch (item.kind) {
      case ItemKind::param: push_param(item.entry, {}, item.queued); break;
      case ItemKind::stream: push_stream(item.key, std::move(item.frame), item.queued); break;
      case ItemKind::get_ready: push_get(ItemKind::get, address_of_answer(item.frame), item.missing_is_error, item.queued); break;
      default: add(std::move(item)); break;
    }
  }
}

OutboxItem Outbox::pop() {
  CLASP_CHECK(!empty());
  while (dead(items_.front())) {
    items_.pop_front();
    ++first_;
  }
  OutboxItem item = std::move(items_.front());
  account(item, false);  // the moved-from frame is gone from items_, `item` has it
  const std::uint64_t number = first_;
  items_.pop_front();
  ++first_;
  if (item.kind == ItemKind::mark) {
    marks_.erase(static_cast<std::uint32_t>(item.entry));
  } else if (item.kind == ItemKind::stream && congested_) {
    if (const auto place = streams_.find(item.key); place != streams_.end() && place->second == number) streams_.erase(place);
  }
  if (empty()) {
    items_.clear();
    congested_ = false;
    marks_.clear();
    streams_.clear();
  }
  return item;
}

void Outbox::drop_if(const std::function<bool(const OutboxItem&)>& drop) {
  for (OutboxItem& item : items_) {
    if (dead(item) || !drop(item)) continue;
    if (item.kind == ItemKind::mark) marks_.erase(static_cast<std::uint32_t>(item.entry));
    if (item.kind == ItemKind::stream) streams_.erase(item.key);
    forget(item);
  }
  bury();
  if (empty()) {
    items_.clear();
    congested_ = false;
    marks_.clear();
    streams_.clear();
  }
}

}  // namespace clasp::router
