// One row of journal_entries: the reference's columns, ours behind them, and the checksum over all (journal specification, section 5).
//
// Ours are nullable and behind the nine of the reference, so that each opens the other's files. A row without checksum was written by somebody else.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "store/database.hpp"
#include "store/entry.hpp"

namespace clasp::store {

struct Column {
  std::string_view name;
  std::string_view type;
  bool reference;  // one of the reference's
};
inline constexpr Column entry_columns[] = {
    {"seq", "INTEGER PRIMARY KEY AUTOINCREMENT", true}, {"timestamp", "INTEGER NOT NULL", true}, {"author", "TEXT NOT NULL", true},
    {"address", "TEXT NOT NULL", true}, {"signal_type", "TEXT NOT NULL", true}, {"value_json", "TEXT NOT NULL", true}, {"revision", "INTEGER", true},
    {"msg_type", "INTEGER NOT NULL", true}, {"hmac", "TEXT", true},
    {"flags", "INTEGER", false},        // RowFlags
    {"ttl", "INTEGER", false},          // seconds, 0: never
    {"sent_time", "INTEGER", false},    // as the sender gave it, µs
    {"gesture_id", "INTEGER", false}, {"rate", "INTEGER", false}, {"samples", "BLOB", false}, {"bundle", "INTEGER", false}, {"origin", "INTEGER", false},
    {"value_exact", "BLOB", false},     // the encoded value, if value_json does not give it back
    {"checksum", "INTEGER", false},     // CRC-32 of everything else
};

std::int64_t message_code(EntryKind kind);  // msg_type: that of SET or PUBLISH, or 0 for what is neither
std::string create_entries_sql();
std::string insert_entries_sql(std::size_t rows);
std::string select_entry_sql(std::string_view where_and_order);  // the columns in the order above, without hmac

// Binds an entry to a prepared insert_entries_sql(). What it binds lives until the next bind(), or as long as the entry's own views.
class RowWriter {
 public:
  void bind(Statement& insert, std::size_t row, const Entry& entry);

 private:
  std::string json_;
  ByteBuffer exact_;
};

// A row of select_entry_sql(). The views of the entry live until the statement steps or the next read().
class RowReader {
 public:
  // An error says what is wrong with the row: it is to be left out, and told.
  Result<Entry> read(Statement& row);

 private:
  ByteBuffer value_;
};

}  // namespace clasp::store
