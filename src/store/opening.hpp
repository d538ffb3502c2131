// Opening a journal's file at the start of a run: lock, recovery, and what becomes of a file that is damaged.
#pragma once

#include <string>
#include <vector>

#include "store/file_lock.hpp"
#include "store/journal_file.hpp"
#include "store/recovery.hpp"

namespace clasp::store {

struct Opened {
  FileLock lock;
  JournalFile file;
  Recovered recovered;
  std::uint64_t unclean_starts = 0;  // in a row, this one included; 0: the last run ended as it should, nothing that was committed is missing
  std::uint64_t raises = 0;          // for Router::raise_revisions()
  std::string set_aside;           // where a file went that can't be written any more; empty: it is the same file
  std::vector<std::string> notes;  // for the operator: what was cut, damaged, missing
};

// Shows `sink` what the file knows. A file whose pages are damaged is read as far as it goes, kept under another name and replaced by a new one: write a
// snapshot before anything else then (needs_snapshot()). Error: the file is in use, or can't be had at all.
Result<Opened> open_journal(const std::string& path, RecoverySink& sink, const char* vfs = nullptr);

inline bool needs_snapshot(const Opened& opened) { return opened.recovered.damaged() || !opened.set_aside.empty(); }

// Moves a file and what belongs to it to the first free "<path>.damaged-N", and returns that.
Result<std::string> set_aside(const std::string& path, std::span<const std::string_view> endings);

}  // namespace clasp::store
