// Writes that the router has yet to answer.
//
// Requests carry no number, so answers are matched by what they say and by their order: the router answers the writes of one session in the
// order of the requests (delivery contract, 26). A bundle with a time is the exception: its answer comes when it has been executed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/time.hpp"

namespace clasp::client {

enum class Ticket : std::uint64_t { none = 0 };  // names one call that waits for an answer

// An answer and the earlier writes that it overtook: those will never be answered.
struct MatchedWrite {
  bool found = false;
  Ticket ticket = Ticket::none;
  std::vector<Ticket> skipped;         // unanswered; none without a caller
  std::vector<Ticket> skipped_silent;  // bundles without a SET, which need no answer
};

class OutstandingWrites {
 public:
  explicit OutstandingWrites(std::size_t writes_max) : writes_max_(writes_max) {}

  std::size_t size() const { return writes_.size() + scheduled_.size(); }

  // Both may push out the oldest write when the table is full (a router that never answers must not stop the sender) and return its ticket.
  Ticket add(std::string_view address, Ticket ticket);
  Ticket add_bundle(std::span<const std::string_view> addresses, bool has_set, std::optional<UnixTime> at, Ticket ticket);

  MatchedWrite answered(std::string_view address);               // ACK or ERROR that names an address
  MatchedWrite answered_bundle();                                // ACK without one: a bundle at once before one with a time
  MatchedWrite refused_bundle_member(std::string_view address);  // ERROR that names an address no single write is waiting for
  std::vector<Ticket> clear();                                   // the connection is gone; returns those with a caller

 private:
  struct Write {
    std::uint64_t hash = 0;  // of the address; 0: a bundle
    Ticket ticket = Ticket::none;
    bool has_set = true;
    std::vector<std::uint64_t> members;  // hashes of the bundle's addresses
    std::optional<UnixTime> at;
  };
  MatchedWrite take(std::size_t index);
  Ticket make_room();

  std::size_t writes_max_;
  std::deque<Write> writes_;
  std::vector<Write> scheduled_;  // in order of their time, equal times in order of request
};

}  // namespace clasp::client
