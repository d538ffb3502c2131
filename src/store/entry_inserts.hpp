// Entries on their way into the file's tables: several rows a statement. A statement of many rows keeps its place in each index from row to row and
// counts AUTOINCREMENT up once, which is half of what a row costs.
#pragma once

#include <array>

#include "store/row.hpp"

namespace clasp::store {

class EntryInserts {
 public:
  Result<void> prepare(Database& database);
  // Keeps a copy, and writes once there are enough. An error is that of any row since the last flush(): nothing of the transaction counts then.
  Result<void> add(const Entry& entry);
  Result<void> flush();  // before anything else looks at the table, and before the transaction's end
  void forget();         // what is not written is not to be

 private:
  static constexpr std::array<std::size_t, 3> rows_of{64, 8, 1};  // a statement each
  Result<void> write(Statement& insert, std::size_t rows);

  std::array<Statement, rows_of.size()> statements_;
  std::array<RowWriter, rows_of.front()> writers_;  // what is bound lives there until the statement has run
  ByteBuffer records_;
  std::size_t waiting_ = 0;
  std::size_t offset_ = 0;  // in records_: what is before has been written
};

}  // namespace clasp::store
