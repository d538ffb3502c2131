#include "bridge/remote/own_writes.hpp"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace clasp::bridge {

void OwnWrites::wrote(client::Ticket ticket, std::string_view address, PeerTag peer) {
  add(ticket, {.addresses = {std::string(address)}, .bundle = false, .hold_from = {std::numeric_limits<std::int64_t>::min()}, .peer = peer});
}

void OwnWrites::wrote_bundle(client::Ticket ticket, std::vector<std::string> set_addresses, SteadyTime hold_from, PeerTag peer) {
  if (set_addresses.empty()) return;  // events are not echoed to their sender
  add(ticket, {.addresses = std::move(set_addresses), .bundle = true, .hold_from = hold_from, .peer = peer});
}

void OwnWrites::add(client::Ticket ticket, Write write) {
  const auto number = static_cast<std::uint64_t>(ticket);
  for (const std::string& address : write.addresses) addresses_[address].tickets.push_back(number);
  writes_.emplace(number, std::move(write));
}

bool OwnWrites::expects_echo(const Address& address, SteadyTime now) const {
  return std::ranges::any_of(address.tickets, [&](std::uint64_t ticket) { return writes_.at(ticket).hold_from <= now; });
}

void OwnWrites::arrived(HeldSet set, SteadyTime now, std::vector<HeldSet>& ready) {
  set.arrival = ++arrivals_;
  const auto place = addresses_.find(set.address);
  // A snapshot shows state that may well be of our making, but it is not the echo of a write.
  const bool wanted = place != addresses_.end() && !set.snapshot && expects_echo(place->second, now);
  if (wanted && held_count_ < held_max_) {
    place->second.held.push_back(std::move(set));
    ++held_count_;
    return;
  }
  if (wanted) ++passed_unchecked_;
  if (place != addresses_.end()) {  // what came before goes before
    held_count_ -= place->second.held.size();
    std::ranges::move(place->second.held, std::back_inserter(ready));
    place->second.held.clear();
  }
  ready.push_back(std::move(set));
}

void OwnWrites::mark_own(const Write& write, std::uint64_t revision) {
  for (HeldSet& set : addresses_.at(write.addresses.front()).held) {
    if (set.revision != revision) continue;
    set.own = true;
    set.peer = write.peer;
  }
}

// The members of a bundle were committed next to each other, and the answer gives the revision of the last one. So that one is found by its
// revision, and the others are, from the last to the first, the latest that arrived before it.
void OwnWrites::mark_own_bundle(const Write& bundle, std::uint64_t revision) {
  std::uint64_t before = std::numeric_limits<std::uint64_t>::max();
  for (const HeldSet& set : addresses_.at(bundle.addresses.back()).held) {
    if (set.revision == revision) before = set.arrival + 1;
  }
  for (auto member = bundle.addresses.rbegin(); member != bundle.addresses.rend(); ++member) {
    auto& held = addresses_.at(*member).held;
    const auto own = std::find_if(held.rbegin(), held.rend(), [before](const HeldSet& set) { return set.arrival < before && !set.own; });
    if (own == held.rend()) continue;
    own->own = true;
    own->peer = bundle.peer;
    before = own->arrival;
  }
}

void OwnWrites::settled(client::Ticket ticket, std::optional<std::uint64_t> revision, std::vector<HeldSet>& ready) {
  const auto found = writes_.find(static_cast<std::uint64_t>(ticket));
  if (found == writes_.end()) return;
  const Write write = std::move(found->second);
  if (revision) write.bundle ? mark_own_bundle(write, *revision) : mark_own(write, *revision);

  std::vector<HeldSet> gone;
  for (const std::string& member : write.addresses) {
    const auto place = addresses_.find(member);
    if (place == addresses_.end()) continue;  // twice in the bundle
    Address& address = place->second;
    std::erase(address.tickets, found->first);
    // While others are pending, only what they can no longer claim goes: answers come in order, so that is what is not newer than this one.
    std::size_t count = address.held.size();
    if (!address.tickets.empty()) {
      count = 0;
      while (revision && !write.bundle && count < address.held.size() && address.held[count].revision <= *revision) ++count;
    }
    std::move(address.held.begin(), address.held.begin() + static_cast<std::ptrdiff_t>(count), std::back_inserter(gone));
    address.held.erase(address.held.begin(), address.held.begin() + static_cast<std::ptrdiff_t>(count));
    held_count_ -= count;
    if (address.tickets.empty()) addresses_.erase(place);
  }
  writes_.erase(found);
  std::ranges::sort(gone, {}, &HeldSet::arrival);
  std::ranges::move(gone, std::back_inserter(ready));
}

}  // namespace clasp::bridge
