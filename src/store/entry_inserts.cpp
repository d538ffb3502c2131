#include "store/entry_inserts.hpp"

namespace clasp::store {

Result<void> EntryInserts::prepare(Database& database) {
  for (std::size_t i = 0; i < rows_of.size(); ++i) {
    auto statement = database.prepare(insert_entries_sql(rows_of[i]));
    if (!statement) return statement.error();
    statements_[i] = std::move(*statement);
  }
  return {};
}

Result<void> EntryInserts::add(const Entry& entry) {
  append_record(records_, entry);
  if (++waiting_ < rows_of.front()) return {};
  return flush();
}

Result<void> EntryInserts::flush() {
  for (std::size_t i = 0; i < rows_of.size(); ++i) {
    while (waiting_ >= rows_of[i]) {
      if (auto written = write(statements_[i], rows_of[i]); !written) return written;
    }
  }
  forget();
  return {};
}

Result<void> EntryInserts::write(Statement& insert, std::size_t rows) {
  for (std::size_t row = 0; row < rows; ++row) writers_[row].bind(insert, row, next_record(records_.view(), offset_));
  waiting_ -= rows;
  return insert.run();
}

void EntryInserts::forget() {
  records_.clear();
  waiting_ = 0;
  offset_ = 0;
}

}  // namespace clasp::store
