// Which of the SETs that come back from the router were this bridge's own.
//
// A router returns a SET to its writer, with the revision it got, and then the ACK with the same revision (delivery contract, 4 and 26). So a
// SET to an address with an own write pending is held until the answer; it is own if the revisions are equal. Values are never compared: a
// transform may have changed them. Other addresses are not held up.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bridge/router_link.hpp"
#include "client/outstanding_writes.hpp"
#include "client/param_cache.hpp"
#include "core/message.hpp"
#include "core/time.hpp"

namespace clasp::bridge {

// A SET from the router, with copies of its bytes.
struct HeldSet {
  std::string address;
  std::string value;  // tag byte and data
  std::uint64_t revision = 0;
  bool snapshot = false;
  bool own = false;
  PeerTag peer = PeerTag::none;
  std::uint64_t arrival = 0;

  ValueView view() const { return {static_cast<ValueTag>(value[0]), as_bytes(std::string_view(value).substr(1))}; }
};

// Every write has a ticket and is settled exactly once, by an answer or by its absence (client/client_session.hpp), so nothing is held for
// longer than a call waits. At most `held_max` SETs are held: beyond, they pass as foreign.
class OwnWrites {
 public:
  explicit OwnWrites(std::size_t held_max = 65'536) : held_max_(held_max) {}

  // ---- what this bridge sends, in the order of sending ----
  void wrote(client::Ticket ticket, std::string_view address, PeerTag peer);
  // `hold_from`: when its echo can come at the earliest (of a bundle with a time: shortly before that time).
  void wrote_bundle(client::Ticket ticket, std::vector<std::string> set_addresses, SteadyTime hold_from, PeerTag peer);

  // ---- what comes back. What may be delivered is appended to `ready`; of one address always in the order of its arrival ----
  void arrived(HeldSet set, SteadyTime now, std::vector<HeldSet>& ready);
  // `revision` is the one the write was given, of a bundle the one of its last SET; none if it was refused or never answered.
  void settled(client::Ticket ticket, std::optional<std::uint64_t> revision, std::vector<HeldSet>& ready);

  std::size_t pending() const { return writes_.size(); }
  std::size_t held() const { return held_count_; }
  std::uint64_t passed_unchecked() const { return passed_unchecked_; }

 private:
  struct Write {
    std::vector<std::string> addresses;  // in the order of the bundle; one if it is none
    bool bundle = false;
    SteadyTime hold_from;
    PeerTag peer = PeerTag::none;
  };
  struct Address {
    std::vector<std::uint64_t> tickets;  // of the writes that touch it, oldest first
    std::deque<HeldSet> held;            // oldest first
  };
  using Addresses = std::unordered_map<std::string, Address, client::TextHash, std::equal_to<>>;

  void add(client::Ticket ticket, Write write);
  bool expects_echo(const Address& address, SteadyTime now) const;
  void mark_own(const Write& write, std::uint64_t revision);
  void mark_own_bundle(const Write& bundle, std::uint64_t revision);

  std::size_t held_max_;
  std::size_t held_count_ = 0;
  std::uint64_t arrivals_ = 0;
  std::uint64_t passed_unchecked_ = 0;
  Addresses addresses_;
  std::unordered_map<std::uint64_t, Write> writes_;  // by ticket
};

}  // namespace clasp::bridge
