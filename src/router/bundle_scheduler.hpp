// Bundles waiting for their time (contract 22 and 23). A waiting bundle outlives its sender, so they are bounded by count and bytes per session
// and, because sessions come and go, in all.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>

#include "core/byte_buffer.hpp"
#include "core/message.hpp"
#include "router/rights.hpp"
#include "router/types.hpp"

namespace clasp::router {

struct BundleLimits {
  std::size_t per_session_max = 1'024;
  std::size_t bytes_per_session_max = 4'194'304;
  std::size_t count_max = 65'536;
  std::size_t bytes_max = 268'435'456;
};

struct WaitingBundle {
  SessionId session = nobody;
  Provenance provenance;
  Qos qos = Qos::fire;
  Rights rights;       // of the sender, in case it has left by then
  bool null_removes = false;  // as its session
  ByteBuffer payload;  // the BUNDLE as it came, compact, without frame
};

class BundleScheduler {
 public:
  explicit BundleScheduler(BundleLimits limits) : limits_(limits) {}

  // False if the session has, or all together have, too many waiting already; nothing is kept then.
  bool add(SteadyTime due, WaitingBundle bundle);
  // Forgets the bundles of a session whose rights were revoked; calls `dropped` for each.
  void drop_session(SessionId session, const std::function<void(const WaitingBundle&)>& dropped);
  // The earliest that is due, removed; equal times in order of receipt.
  std::optional<WaitingBundle> pop_due(SteadyTime now);
  std::optional<SteadyTime> next_deadline() const;
  std::size_t size() const { return waiting_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Key {
    SteadyTime due;
    std::uint64_t order = 0;
    auto operator<=>(const Key&) const = default;
  };
  struct Usage {
    std::size_t count = 0;
    std::size_t bytes = 0;
  };
  void release(const WaitingBundle& bundle);  // no longer counts

  BundleLimits limits_;
  std::map<Key, WaitingBundle> waiting_;
  std::unordered_map<SessionId, Usage> usage_;  // of sessions that have one waiting
  std::size_t bytes_ = 0;
  std::uint64_t order_ = 0;
};

}  // namespace clasp::router
