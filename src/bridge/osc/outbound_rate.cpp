#include "bridge/osc/outbound_rate.hpp"

namespace clasp::bridge::osc {

OutboundRate::Offered OutboundRate::offer(std::string_view address, Bytes packet, PeerTag cause, SteadyTime now) {
  const auto found = slots_.find(address);
  if (found == slots_.end()) {
    if (slots_.size() < addresses_max_) {
      const auto slot = slots_.emplace(address, Slot{.due = now + interval_, .waiting = std::nullopt}).first;
      by_due_.emplace(slot->second.due, slot);
    }
    return Offered::send_now;
  }
  std::optional<Outgoing>& waiting = found->second.waiting;
  const bool replaced = waiting.has_value();
  if (!replaced) waiting.emplace();
  waiting->packet.assign(packet.begin(), packet.end());
  waiting->cause = cause;
  return replaced ? Offered::replaced : Offered::kept;
}

void OutboundRate::advance(SteadyTime now, std::vector<Outgoing>& due) {
  while (!by_due_.empty() && by_due_.begin()->first <= now) {
    const Slots::iterator slot = by_due_.begin()->second;
    by_due_.erase(by_due_.begin());
    if (!slot->second.waiting) {
      slots_.erase(slot);
      continue;
    }
    due.push_back(std::move(*slot->second.waiting));
    slot->second.waiting.reset();
    slot->second.due = now + interval_;
    by_due_.emplace(slot->second.due, slot);
  }
}

std::optional<SteadyTime> OutboundRate::next_deadline() const {
  if (by_due_.empty()) return std::nullopt;
  return by_due_.begin()->first;
}

}  // namespace clasp::bridge::osc
