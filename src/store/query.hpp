// Questions to a journal and their answers (journal specification, section 4).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "clasp/error.hpp"
#include "core/pattern.hpp"
#include "store/entry.hpp"

namespace clasp::store {

struct Query {
  Pattern pattern = *Pattern::parse("/**");
  JournalSeq after = 0;              // entries behind this one
  std::optional<UnixTime> from;      // both ends included
  std::optional<UnixTime> to;
  TypeMask types = TypeMask::all();
  std::size_t limit = 1'000;
};

// Oldest first. A page holds what fits; `more`: ask again from `last`. Damaged entries are left out and counted.
struct Page {
  ByteBuffer records;     // next_record()
  std::size_t entries = 0;
  JournalSeq last = 0;    // everything up to here has been looked at
  bool more = false;
  std::size_t damaged = 0;
};

inline constexpr std::size_t page_bytes_max = 1'048'576;   // of records, and always room for one
inline constexpr std::size_t page_looked_at_max = 100'000;  // entries, whether they match or not: others wait no longer than that

inline bool matches(const Query& query, const Entry& entry) {
  return (!query.from || entry.time >= *query.from) && (!query.to || entry.time <= *query.to) && query.types.has(entry.signal) &&
         query.pattern.matches(entry.address);
}

}  // namespace clasp::store
