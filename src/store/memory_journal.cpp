#include "store/memory_journal.hpp"

#include <algorithm>

namespace clasp::store {
namespace {

constexpr std::size_t kept_bytes_max = 65'536;  // of a place's memory: one large value does not stay for ever

}  // namespace

MemoryJournal::MemoryJournal(std::size_t entries_max) : entries_max_(std::max<std::size_t>(entries_max, 1)) {}

void MemoryJournal::committed(std::span<const router::Commit> commits) {
  for (const router::Commit& commit : commits) {
    Entry entry = entry_of(commit);
    entry.seq = ++last_;
    if (ring_.size() < entries_max_ && last_ % entries_max_ >= ring_.size()) ring_.resize(static_cast<std::size_t>(last_ % entries_max_) + 1);
    ByteBuffer& place = ring_[last_ % entries_max_];
    if (place.capacity() > kept_bytes_max) place.release();
    place.clear();
    append_record(place, entry);
  }
}

std::size_t MemoryJournal::size() const { return static_cast<std::size_t>(std::min<JournalSeq>(last_, entries_max_)); }

Page MemoryJournal::read(const Query& query) const {
  Page page{.last = query.after};
  const JournalSeq first = last_ - size() + 1;
  for (JournalSeq seq = std::max(query.after + 1, first); seq <= last_ && page.entries < query.limit; ++seq) {
    std::size_t offset = 0;
    const Entry entry = next_record(ring_[seq % entries_max_].view(), offset);
    if (matches(query, entry)) {
      if (page.entries > 0 && page.records.size() + record_bytes(entry) > page_bytes_max) {
        page.more = true;
        return page;
      }
      append_record(page.records, entry);
      ++page.entries;
    }
    page.last = seq;
  }
  return page;
}

}  // namespace clasp::store
