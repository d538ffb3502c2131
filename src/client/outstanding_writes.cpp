#include "client/outstanding_writes.hpp"

#include <algorithm>
#include <functional>

namespace clasp::client {

namespace {
std::uint64_t hash_of(std::string_view address) { return std::hash<std::string_view>{}(address) | 1U; }  // 0 means: bundle
}  // namespace

Ticket OutstandingWrites::make_room() {
  if (size() < writes_max_ || size() == 0) return Ticket::none;
  Ticket pushed_out = Ticket::none;
  if (!writes_.empty()) {
    pushed_out = writes_.front().ticket;
    writes_.pop_front();
  } else {
    pushed_out = scheduled_.front().ticket;
    scheduled_.erase(scheduled_.begin());
  }
  return pushed_out;
}

Ticket OutstandingWrites::add(std::string_view address, Ticket ticket) {
  const Ticket pushed_out = make_room();
  writes_.push_back({.hash = hash_of(address), .ticket = ticket, .members = {}, .at = {}});
  return pushed_out;
}

Ticket OutstandingWrites::add_bundle(std::span<const std::string_view> addresses, bool has_set, std::optional<UnixTime> at, Ticket ticket) {
  const Ticket pushed_out = make_room();
  Write write{.ticket = ticket, .has_set = has_set, .members = {}, .at = at};
  write.members.reserve(addresses.size());
  for (const std::string_view address : addresses) write.members.push_back(hash_of(address));
  if (!at) {
    writes_.push_back(std::move(write));
    return pushed_out;
  }
  const auto place = std::upper_bound(scheduled_.begin(), scheduled_.end(), *at, [](UnixTime time, const Write& other) { return time < *other.at; });
  scheduled_.insert(place, std::move(write));
  return pushed_out;
}

MatchedWrite OutstandingWrites::take(std::size_t index) {
  MatchedWrite match;
  for (std::size_t i = 0; i < index; ++i) {
    const Write& passed = writes_[i];
    if (passed.ticket != Ticket::none) (passed.has_set ? match.skipped : match.skipped_silent).push_back(passed.ticket);
  }
  match.found = true;
  match.ticket = writes_[index].ticket;
  writes_.erase(writes_.begin(), writes_.begin() + static_cast<std::ptrdiff_t>(index) + 1);
  return match;
}

MatchedWrite OutstandingWrites::answered(std::string_view address) {
  const std::uint64_t hash = hash_of(address);
  for (std::size_t i = 0; i < writes_.size(); ++i) {
    if (writes_[i].hash == hash) return take(i);
  }
  return {};
}

MatchedWrite OutstandingWrites::answered_bundle() {
  for (std::size_t i = 0; i < writes_.size(); ++i) {
    if (writes_[i].hash == 0) return take(i);
  }
  if (scheduled_.empty()) return {};
  MatchedWrite match{.found = true, .ticket = scheduled_.front().ticket, .skipped = {}, .skipped_silent = {}};
  scheduled_.erase(scheduled_.begin());
  return match;
}

MatchedWrite OutstandingWrites::refused_bundle_member(std::string_view address) {
  const std::uint64_t hash = hash_of(address);
  const auto has_member = [hash](const Write& write) { return std::ranges::find(write.members, hash) != write.members.end(); };
  for (std::size_t i = 0; i < writes_.size(); ++i) {
    if (writes_[i].hash == 0 && has_member(writes_[i])) return take(i);
  }
  const auto scheduled = std::ranges::find_if(scheduled_, has_member);
  if (scheduled == scheduled_.end()) return {};
  MatchedWrite match{.found = true, .ticket = scheduled->ticket, .skipped = {}, .skipped_silent = {}};
  scheduled_.erase(scheduled);
  return match;
}

std::vector<Ticket> OutstandingWrites::clear() {
  std::vector<Ticket> tickets;
  for (const Write& write : writes_) {
    if (write.ticket != Ticket::none) tickets.push_back(write.ticket);
  }
  for (const Write& write : scheduled_) {
    if (write.ticket != Ticket::none) tickets.push_back(write.ticket);
  }
  writes_.clear();
  scheduled_.clear();
  return tickets;
}

}  // namespace clasp::client
