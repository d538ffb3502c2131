// Who has sent us datagrams lately: OSC has no connections, so whoever speaks is a peer until it has been silent for a while.
#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <unordered_map>

#include "bridge/osc/osc_endpoint.hpp"
#include "bridge/router_link.hpp"
#include "core/time.hpp"

namespace clasp::bridge::osc {

struct Sender {
  PeerTag tag = PeerTag::none;  // never none in the table, and never given to two senders at the same time
  Endpoint from;
  SteadyTime heard_at;
  std::uint64_t received = 0;  // datagrams
};

// Keyed by address and port: two controllers on one host are two senders. Full: the one silent for longest makes room.
class SenderTable {
 public:
  SenderTable(Micros silence_max, std::size_t senders_max) : silence_max_(silence_max), senders_max_(senders_max) {}

  struct Heard {
    PeerTag tag = PeerTag::none;
    bool evicted = false;  // another sender had to go
  };
  Heard heard(const Endpoint& from, SteadyTime now);

  void forget(const Endpoint& from);
  std::size_t expire(SteadyTime now);  // forgets the silent ones, returns how many
  std::optional<SteadyTime> next_expiry() const;

  const Sender* find(PeerTag tag) const;                      // nullptr: never known or forgotten
  const std::list<Sender>& senders() const { return list_; }  // the latest first

 private:
  void drop_oldest();

  Micros silence_max_;
  std::size_t senders_max_;
  std::uint32_t last_tag_ = 0;
  std::list<Sender> list_;
  std::unordered_map<Endpoint, std::list<Sender>::iterator, EndpointHash> by_endpoint_;
  std::unordered_map<PeerTag, std::list<Sender>::iterator> by_tag_;
};

}  // namespace clasp::bridge::osc
