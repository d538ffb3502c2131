// At most so many datagrams a second for each address, the newest value always last (bridges specification, section 2.9).
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bridge/router_link.hpp"
#include "core/bytes.hpp"
#include "core/time.hpp"

namespace clasp::bridge::osc {

struct Outgoing {
  std::vector<std::byte> packet;
  PeerTag cause = PeerTag::none;
};

// The first value of an address goes out at once, later ones wait until the interval has passed; of those waiting only the newest stays. An
// address that has been quiet for an interval is forgotten. Full: values of further addresses are not thinned.
class OutboundRate {
 public:
  OutboundRate(std::uint32_t hz_max, std::size_t addresses_max) : interval_(1'000'000 / hz_max), addresses_max_(addresses_max) {}

  enum class Offered : std::uint8_t { send_now, kept, replaced };
  Offered offer(std::string_view address, Bytes packet, PeerTag cause, SteadyTime now);

  void advance(SteadyTime now, std::vector<Outgoing>& due);  // appends what may go out now
  std::optional<SteadyTime> next_deadline() const;

 private:
  struct Slot {
    SteadyTime due;
    std::optional<Outgoing> waiting;
  };
  using Slots = std::map<std::string, Slot, std::less<>>;

  Micros interval_;
  std::size_t addresses_max_;
  Slots slots_;
  std::multimap<SteadyTime, Slots::iterator> by_due_;
};

}  // namespace clasp::bridge::osc
