#include "store/journal_reader.hpp"

#include <fmt/format.h>

#include "store/row.hpp"

namespace clasp::store {

Result<JournalReader> JournalReader::open(const std::string& path, const char* vfs) {
  auto database = Database::open(path, Access::read, vfs);
  if (!database) return database.error();
  JournalReader reader;
  reader.database_ = std::move(*database);
  return reader;
}

Result<Page> JournalReader::read(const Query& query) {
  // One address has an index that is in the order of seq as well; anything else is read in that order and looked at.
  const bool one_address = query.pattern.is_literal();
  std::string where = one_address ? "WHERE address = ?2 AND seq > ?1" : "NOT INDEXED WHERE seq > ?1";
  if (query.from) where += fmt::format(" AND timestamp >= {}", query.from->us);
  if (query.to) where += fmt::format(" AND timestamp <= {}", query.to->us);
  auto rows = database_.prepare(select_entry_sql(where + " ORDER BY seq"));
  if (!rows) return rows.error();
  rows->bind(1, static_cast<std::int64_t>(query.after));
  if (one_address) rows->bind(2, std::string_view(query.pattern.text()));

  Page page{.last = query.after};
  RowReader reader;
  for (std::size_t looked_at = 0;; ++looked_at) {
    if (page.entries >= query.limit) return page;
    const auto row = rows->step();
    if (!row) return row.error();
    if (!*row) return page;
    const auto seq = static_cast<JournalSeq>(rows->integer(0));
    const auto entry = reader.read(*rows);
    if (!entry) {
      ++page.damaged;
    } else if (matches(query, *entry)) {
      if (page.entries > 0 && page.records.size() + record_bytes(*entry) > page_bytes_max) {
        page.more = true;
        return page;
      }
      append_record(page.records, *entry);
      ++page.entries;
    }
    page.last = seq;
    if (looked_at + 1 == page_looked_at_max) {
      page.more = page.entries < query.limit;
      return page;
    }
  }
}

Result<JournalSeq> JournalReader::last_seq() {
  const auto seq = database_.number("SELECT seq FROM sqlite_sequence WHERE name = 'journal_entries'");
  if (!seq) return seq.error();
  return static_cast<JournalSeq>(*seq);
}

Result<std::string> JournalReader::snapshot_text() {
  auto rows = database_.prepare(
      "SELECT data_json FROM snapshots WHERE COALESCE(set_id, id) = (SELECT COALESCE(set_id, id) FROM snapshots WHERE last = 1 OR part IS NULL "
      "ORDER BY id DESC LIMIT 1) ORDER BY id");
  if (!rows) return rows.error();
  std::string out = "[";
  for (;;) {
    const auto row = rows->step();
    if (!row) return row.error();
    if (!*row) break;
    const std::string_view part = rows->text(0);
    if (part.size() < 2 || part.front() != '[' || part.back() != ']') return Error{ErrorCode::invalid_value, "the snapshot is no array", {}};
    if (part.size() == 2) continue;
    if (out.size() > 1) out += ',';
    out += part.substr(1, part.size() - 2);
  }
  return out + "]";
}

}  // namespace clasp::store
