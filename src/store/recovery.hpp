// What a journal's file still knows, in the order that makes the router's state: a snapshot, then the entries behind it.
//
// Nothing is believed that does not match its checksum. What is missing or damaged is told in `notes`, one line each, and the rest is recovered.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/database.hpp"
#include "store/entry.hpp"

namespace clasp::store {

// How often revisions have to be raised at a start that is the `unclean_starts`th in a row after an unclean end: once more than before if there was one.
// `before`: nothing in files that do not say.
constexpr std::uint64_t raises_of(std::uint64_t unclean_starts, std::optional<std::uint64_t> before) {
  return before ? *before + (unclean_starts != 0 ? 1 : 0) : unclean_starts;
}

class RecoverySink {
 public:
  virtual ~RecoverySink() = default;
  virtual void param(const ParamImage& param) = 0;
  virtual void entry(const Entry& entry) = 0;                        // sets and removals only, ascending
  virtual void removed_revisions_max(std::uint64_t revision) = 0;    // of params that are gone and have no entry any more
};

struct Recovered {
  std::uint64_t params = 0;        // of the snapshot
  std::uint64_t entries = 0;       // read behind it
  JournalSeq snapshot_seq = 0;
  JournalSeq last_seq = 0;
  std::vector<std::string> notes;  // what is missing or damaged
  bool damaged() const { return !notes.empty(); }
};

Recovered recover(Database& database, RecoverySink& sink);

// Whether the pages are sound: nothing, or the first thing that is wrong.
std::optional<std::string> check_pages(Database& database);

// What a crash has left behind the last commit of an SQLite log ("<file>-wal"): opening the file cuts it off. Nothing if there is none.
std::optional<std::string> torn_tail(const std::string& path);

}  // namespace clasp::store
