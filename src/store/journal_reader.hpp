// Answers queries from a journal's file through a connection of its own, beside its writer. One thread at a time.
#pragma once

#include <string>

#include "store/database.hpp"
#include "store/query.hpp"

namespace clasp::store {

class JournalReader {
 public:
  static Result<JournalReader> open(const std::string& path, const char* vfs = nullptr);

  Result<Page> read(const Query& query);
  Result<JournalSeq> last_seq();        // the last one given away, 0 if none ever was
  Result<std::string> snapshot_text();  // the newest whole snapshot, a JSON array (journal specification 2.4); "[]" if there is none

 private:
  Database database_;
};

}  // namespace clasp::store
