// Every param: address → value bytes, revision, writer, lock, lifetime (wire format, section 13; delivery contract 19–21 and 30).
//
// Holds state and its rules and nothing else: no sessions to notify, no clock. Memory: ≤ 72 bytes a record, addresses and values in size-classed
// slabs, a sharded hash index and an ordered index of ≤ 10 bytes a param, so that a pattern costs its matches. Growing never stops the world.
// EntryIds are stable until the param is removed and are reused afterwards.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/pattern.hpp"
#include "core/value_view.hpp"
#include "router/types.hpp"

namespace clasp::router {

struct ParamLimits {
  std::size_t params_max = 1'000'000;  // 0: unlimited
  EvictionPolicy eviction = EvictionPolicy::refuse;
  std::int64_t default_ttl_us = 0;     // sliding lifetime of params without a TTL of their own; 0: they never expire
  std::uint64_t hash_seed = 0;
};

struct ParamWrite {
  std::string_view address{};
  ValueView value{};
  std::optional<Revision> expected{};
  std::optional<Ttl> ttl{};
  bool lock = false;
  bool unlock = false;
  SessionId session = nobody;  // who locks and is checked against the lock
  WriterId writer{};
};

enum class Refusal : std::uint8_t { revision_conflict, lock_held, at_capacity };

struct Refused {
  Refusal why{};
  Revision expected = 0;  // of a revision conflict
  Revision actual = 0;
  SessionId holder = nobody;  // of a held lock
};

// Where an address is or would be: found once, so that check() and write() need not look again. Valid until that address is created or removed.
struct Place {
  std::uint64_t hash = 0;
  EntryId entry = no_entry;  // no_entry: the address is new
  bool is_new() const { return entry == no_entry; }
};

// What a write did. `lost`: the conflict strategy preferred the stored value; nothing changed (wire format 13 step 4).
struct Written {
  EntryId entry = no_entry;
  Revision revision = 0;
  bool created = false;
  bool lost = false;
  WriterId replaced{};  // who wrote the value before; 0 if created
};

// A copy of one record for readers; views are valid until the next change of the store.
struct ParamRecord {
  EntryId entry = no_entry;
  std::string_view address{};
  ValueView value{};
  Revision revision = 0;
  Seq last_seq = 0;  // commit that gave it this value
  WriterId writer{};
  UnixTime time{};   // of the last accepted write
  ConflictStrategy strategy = ConflictStrategy::lww;
  SessionId lock_holder = nobody;
  std::optional<Ttl> ttl{};
};

class ParamStore {
 public:
  explicit ParamStore(ParamLimits limits);
  ~ParamStore();
  ParamStore(const ParamStore&) = delete;

  std::size_t size() const;
  std::size_t memory_bytes() const;

  std::optional<EntryId> find(std::string_view address) const;
  Place place(std::string_view address) const;
  ParamRecord record(EntryId entry) const;                // entry exists
  std::optional<ParamRecord> find_record(std::string_view address) const;

  // ---- writing ----
  // The checks of a write in the order of the specification: expected revision, lock, capacity (for a new address). Changes nothing.
  // A new address ignores `expected`. An unlock by somebody else than the holder is refused as lock_held. Nothing: write() may follow.
  std::optional<Refused> check(const ParamWrite& write, Place place) const;
  // For a new address at capacity under lru or oldest_first: the param to remove() before write(). O(1).
  std::optional<EntryId> eviction_victim() const;
  // check() has passed and there is room. Applies strategy, lock flags, value, revision + 1, writer, time, ttl. `strategy` is used if the address is new.
  Written write(const ParamWrite& write, Place place, Seq seq, UnixTime unix_time, SteadyTime now, ConflictStrategy strategy);
  Written write(const ParamWrite& write, Seq seq, UnixTime unix_time, SteadyTime now, ConflictStrategy strategy);  // looks for the place itself
  // Would `value` win against the stored one? (max and min: strictly greater or smaller of the same kind; others: yes.)
  bool strategy_accepts(EntryId entry, const ValueView& value) const;
  void set_strategy(EntryId entry, ConflictStrategy strategy);

  // Removes and remembers the revision: the next write of the address continues above it (contract 20). Returns the revision of the removal
  // itself (last + 1), which is what subscribers are told.
  Revision remove(EntryId entry);
  // Recovery: sets everything as given, creating the param if needed. False at capacity.
  bool restore(std::string_view address, const ValueView& value, Revision revision, WriterId writer, UnixTime time, std::optional<Ttl> ttl, Seq seq,
               SteadyTime now);
  // Recovery: an address without a param had this revision at last; all that have no record had none above `revision`.
  void restore_removal(std::string_view address, Revision last);
  Revision removed_revision(std::string_view address) const;  // of one that is gone: its removal had this one, or a lower one if it is long ago
  Revision removed_revisions_max() const;
  void raise_removed_revisions(Revision floor);
  // From now on new revisions start above floor + n (contract 30): adds n to the next revision of every address, once each.
  void raise_revisions(Revision by);

  // ---- locks ----
  SessionId lock_holder(EntryId entry) const;
  void set_lock(EntryId entry, SessionId holder);  // nobody: free
  // Frees every lock of a session that ended and tells which params it held. Costs its own locks only.
  void release_locks(SessionId holder, const std::function<void(EntryId)>& released);

  // ---- lifetime ----
  // Reading by GET or SUBSCRIBE counts as access: renews a sliding lifetime and the place in lru order.
  void touch(EntryId entry, SteadyTime now);
  // Entries whose lifetime has ended at `now`, at most `max`; the caller remove()s each. Exact to the microsecond, by a heap of due times that
  // a write only updates lazily.
  void expired(SteadyTime now, std::size_t max, std::vector<EntryId>& out);
  std::optional<SteadyTime> next_expiry() const;

  // ---- match cache: two words the subscriptions module owns ----
  struct MatchSlot {
    std::uint32_t generation = 0;
    std::uint32_t set = 0;
  };
  MatchSlot& match_slot(EntryId entry);

  // ---- ordered walks ----
  // The first param after `after` (address order of compare_addresses; empty: from the start) that matches; skips what cannot match, so a walk
  // costs its matches. The cursor is an address, so changes between two calls are harmless.
  std::optional<EntryId> next_match(const Pattern& pattern, std::string_view after) const;
  std::uint64_t visited() const;  // params looked at by all calls of next_match(): what the walks really cost

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace clasp::router
