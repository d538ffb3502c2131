#include "cli/rate_table.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace clasp::cli {

RateTable::Entry* RateTable::entry(const std::string& address) {
  const auto found = entries_.find(address);
  if (found != entries_.end()) return &found->second;
  return entries_.size() < addresses_max_ ? &entries_[address] : nullptr;
}

void RateTable::heard(const std::string& address, const Value& value) {
  ++total_;
  ++recent_;
  Entry* known_entry = entry(address);
  if (known_entry == nullptr) {
    ++untracked_;
    return;
  }
  ++known_entry->total;
  ++known_entry->recent;
  known_entry->heard_as = total_;
  known_entry->value = value;
}

void RateTable::known(const std::string& address, const Value& value) {
  if (Entry* known_entry = entry(address)) known_entry->value = value;
}

RateTable::Summary RateTable::summarize(std::chrono::duration<double> elapsed, std::size_t rows_max, Order order) {
  const double seconds = std::max(elapsed.count(), 1e-3);
  const auto rate = [seconds](std::uint64_t count) { return static_cast<double>(count) / seconds; };
  using Place = const std::pair<const std::string, Entry>*;
  std::vector<Place> places;
  places.reserve(entries_.size());
  for (const auto& place : entries_) places.push_back(&place);
  const std::size_t shown = std::min(rows_max, places.size());
  const auto weight = [order](const Entry& entry) -> std::pair<std::uint64_t, std::uint64_t> {
    switch (order) {
      case Order::rate: return {entry.recent, entry.total};
      case Order::total: return {entry.total, 0};
      case Order::latest: return {entry.heard_as, 0};
      case Order::address: break;
    }
    return {0, 0};
  };
  std::ranges::partial_sort(places, places.begin() + static_cast<std::ptrdiff_t>(shown), [&weight](Place a, Place b) {
    const auto of_a = weight(a->second);
    const auto of_b = weight(b->second);
    return of_a != of_b ? of_a > of_b : a->first < b->first;
  });

  Summary summary{.per_second = rate(recent_), .total = total_, .untracked = untracked_, .addresses = entries_.size(), .busiest = {}};
  for (const Place place : std::span(places).first(shown)) {
    summary.busiest.push_back(
        {.address = place->first, .per_second = rate(place->second.recent), .total = place->second.total, .value = to_json(place->second.value)});
  }
  for (auto& [address, known_entry] : entries_) known_entry.recent = 0;
  recent_ = 0;
  return summary;
}

}  // namespace clasp::cli
