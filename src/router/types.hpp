// Ids and small values of the engine. Ids are types of their own, so that the compiler sees a swap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/message.hpp"
#include "core/time.hpp"

namespace clasp::router {

enum class LinkId : std::uint32_t {};     // slot and generation: a stale id finds nothing
enum class SessionId : std::uint64_t {};  // never reused in the life of a process; 0 is nobody
enum class EntryId : std::uint32_t {};    // a param in the store
enum class WriterId : std::uint32_t {};   // interned text of who wrote a value; 0 is ""
enum class Ticket : std::uint64_t {};     // a check whose verdict comes later

inline constexpr SessionId nobody{0};
inline constexpr EntryId no_entry{0xffff'ffff};

// Position in the one order of everything that was committed (contract 1). A position is comparable only within one epoch (one run).
using Seq = std::uint64_t;
using Revision = std::uint64_t;

// Random 128-bit session identity, on the wire as UUID v4 in lower case (router specification, section 4).
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  bool operator==(const Uuid&) const = default;
};
std::string to_text(const Uuid& uuid);
bool parse_uuid(std::string_view text, Uuid& uuid);

// Where a value came from, for as long as it travels inside the process. Writer, session and origin are three things: the wire shows the
// writer; `origin` names the bridge instance, rule or federation peer that caused it (0: an ordinary client); `peer` the device behind it.
struct Provenance {
  WriterId writer{};
  SessionId session = nobody;
  std::uint32_t origin = 0;
  std::uint32_t peer = 0;
  std::uint8_t hops = 0;  // rule effects so far; at most Limits::rule_hops_max
  Seq cause = 0;
};

// What became of a write that was not refused.
struct Accepted {
  Revision revision = 0;  // of a SET
  Seq needs = 0;          // the last commit that belongs to it
};

enum class CommitKind : std::uint8_t { set, publish, remove, lock };
enum class Presence : std::uint8_t { live, snapshot, history };
enum class Echo : bool { no, yes };

// Which steps of the pipeline a write goes through (engine design, section 9).
enum class WriteMode : std::uint8_t { client, rule, remote, restore };

enum class ConflictStrategy : std::uint8_t { lww, max, min, lock, merge };
enum class EvictionPolicy : std::uint8_t { refuse, lru, oldest_first };
enum class AckPolicy : std::uint8_t { by_qos, always };
enum class Durability : std::uint8_t { memory, async, sync };

}  // namespace clasp::router
