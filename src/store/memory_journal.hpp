// The last entries, in memory only: a ring of fixed length, gone with the process.
#pragma once

#include <vector>

#include "store/journal.hpp"

namespace clasp::store {

class MemoryJournal final : public Journal {
 public:
  explicit MemoryJournal(std::size_t entries_max);  // 0 behaves as 1

  void committed(std::span<const router::Commit> commits) override;
  void read(Query query, std::function<void(Result<Page>)> done) override { done(read(query)); }
  void last_seq(std::function<void(Result<JournalSeq>)> done) override { done(last_); }
  void snapshot_text(std::function<void(Result<std::string>)> done) override { done(std::string("[]")); }

  Page read(const Query& query) const;
  JournalSeq last_seq() const { return last_; }
  std::size_t size() const;

 private:
  std::vector<ByteBuffer> ring_;  // the record of seq s lies at s % its length; a place keeps its memory
  std::size_t entries_max_;
  JournalSeq last_ = 0;
};

}  // namespace clasp::store
