#include "store/journal_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/check.hpp"
#include "store/checksum.hpp"
#include "store/param_text.hpp"
#include "store/recovery.hpp"

namespace clasp::store {
namespace {

constexpr const char* settings[] = {
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",             // every commit is synced; the reference's NORMAL is a promise about the file, not about commits
    "PRAGMA wal_autocheckpoint = 4000",      // pages: 16 MiB
    "PRAGMA journal_size_limit = 67108864",  // a log that has grown large shrinks again
    "PRAGMA cache_size = -32000",            // KiB
};

constexpr const char* tables[] = {
    "CREATE INDEX IF NOT EXISTS idx_entries_address ON journal_entries(address)",
    "CREATE INDEX IF NOT EXISTS idx_entries_timestamp ON journal_entries(timestamp)",
    "CREATE INDEX IF NOT EXISTS idx_entries_signal_type ON journal_entries(signal_type)",
    ("CREATE TABLE IF NOT EXISTS snapshots (id INTEGER PRIMARY KEY AUTOINCREMENT, created_at INTEGER NOT NULL, seq_at INTEGER NOT NULL, "
     "data_json TEXT NOT NULL, set_id INTEGER, part INTEGER, last INTEGER, removed_max INTEGER, checksum INTEGER)"),
    "CREATE TABLE IF NOT EXISTS clasp_gaps (after_seq INTEGER NOT NULL, lost INTEGER NOT NULL, thinned INTEGER NOT NULL, timestamp INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS clasp_meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL)",
};

// In files of the reference the columns behind its own are missing.
Result<void> add_missing_columns(Database& database, std::string_view table, std::span<const Column> columns) {
  auto known = database.prepare(fmt::format("SELECT name FROM pragma_table_info('{}')", table));
  if (!known) return known.error();
  std::vector<std::string> names;
  for (;;) {
    const auto row = known->step();
    if (!row) return row.error();
    if (!*row) break;
    names.emplace_back(known->text(0));
  }
  for (const Column& column : columns) {
    if (std::ranges::find(names, column.name) != names.end()) continue;
    if (auto added = database.run(fmt::format("ALTER TABLE {} ADD COLUMN {} {}", table, column.name, column.type).c_str()); !added) return added;
  }
  return {};
}

constexpr Column snapshot_columns[] = {{"set_id", "INTEGER", false}, {"part", "INTEGER", false}, {"last", "INTEGER", false}, {"removed_max", "INTEGER", false},
                                       {"checksum", "INTEGER", false}};

}  // namespace

std::int64_t part_checksum(std::int64_t created, std::int64_t seq_at, std::string_view text, std::int64_t set, std::int64_t part, bool last,
                           std::int64_t removed_max) {
  Checksum sum;
  for (const std::int64_t number : {created, seq_at, set, part, std::int64_t{last}, removed_max}) sum.add(static_cast<std::uint64_t>(number));
  return sum.add(text).value();
}

Result<JournalFile> JournalFile::open(const std::string& path, const char* vfs) {
  auto database = Database::open(path, Access::write, vfs);
  if (!database) return database.error();
  JournalFile file;
  file.database_ = std::move(*database);
  if (auto prepared = file.prepare(); !prepared) return prepared.error();
  if (auto read = file.read_state(); !read) return read.error();
  return file;
}

Result<JournalFile> JournalFile::reopen(const std::string& path, const char* vfs) {
  auto file = open(path, vfs);
  if (!file) return file;
  auto moved = file->database_.prepare("PRAGMA wal_checkpoint(TRUNCATE)");
  if (!moved) return moved.error();
  const auto row = moved->step();
  if (!row) return row.error();
  if (moved->integer(0) != 0) return Error{ErrorCode::unavailable, "somebody reads the journal: its log cannot be emptied yet", {}};
  moved->reset();
  return file;
}

// In one transaction: a crash leaves all of it or nothing.
Result<void> JournalFile::make_tables() {
  if (auto begun = begin(); !begun) return begun;
  if (auto done = database_.run(create_entries_sql().c_str()); !done) return done;
  for (const char* table : tables) {
    if (auto done = database_.run(table); !done) return done;
  }
  std::vector<Column> ours;
  std::ranges::copy_if(entry_columns, std::back_inserter(ours), [](const Column& column) { return !column.reference || column.name == "hmac"; });
  if (auto added = add_missing_columns(database_, "journal_entries", ours); !added) return added;
  if (auto added = add_missing_columns(database_, "snapshots", snapshot_columns); !added) return added;
  return database_.run("COMMIT");
}

Result<void> JournalFile::prepare() {
  for (const char* setting : settings) {
    if (auto done = database_.run(setting); !done) return done;
  }
  if (auto made = make_tables(); !made) return made;
  const auto take = [this](Statement& into, std::string_view sql) -> Result<void> {
    auto statement = database_.prepare(sql);
    if (!statement) return statement.error();
    into = std::move(*statement);
    return {};
  };
  if (auto done = inserts_.prepare(database_); !done) return done;
  if (auto done = take(insert_part_, "INSERT INTO snapshots (created_at, seq_at, data_json, set_id, part, last, removed_max, checksum) "
                                     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"); !done) return done;
  if (auto done = take(insert_gap_, "INSERT INTO clasp_gaps (after_seq, lost, thinned, timestamp) VALUES (?1, ?2, ?3, ?4)"); !done) return done;
  if (auto done = take(set_meta_, "INSERT INTO clasp_meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value"); !done) return done;
  return take(delete_entries_, "DELETE FROM journal_entries WHERE seq >= ?1 AND seq < ?2");
}

Result<void> JournalFile::read_state() {
  const auto given = database_.number("SELECT seq FROM sqlite_sequence WHERE name = 'journal_entries'");  // also counts what was forgotten
  const auto last = database_.number("SELECT MAX(seq) FROM journal_entries");
  const auto first = database_.number("SELECT MIN(seq) FROM journal_entries");
  const auto unclean = database_.number("SELECT COALESCE((SELECT value FROM clasp_meta WHERE key = 'unclean_starts'), -1)");
  const auto raises = database_.number("SELECT COALESCE((SELECT value FROM clasp_meta WHERE key = 'raises'), -1)");
  for (const auto* result : {&given, &last, &first, &unclean, &raises}) {
    if (!*result) return result->error();
  }
  last_seq_ = committed_seq_ = static_cast<JournalSeq>(std::max(*given, *last));
  first_seq_ = *first > 0 ? static_cast<JournalSeq>(*first) : last_seq_ + 1;
  unclean_starts_ = *unclean >= 0 ? static_cast<std::uint64_t>(*unclean) : last_seq_ == 0 ? 0 : 1;  // of the reference's files nobody knows
  raises_ = raises_of(unclean_starts_, *raises >= 0 ? std::optional(static_cast<std::uint64_t>(*raises)) : std::nullopt);
  auto looked = look_for_needed();
  committed_needed_from_ = needed_from_;
  return looked;
}

Result<void> JournalFile::look_for_needed() {
  const auto needed = database_.number("SELECT seq_at FROM snapshots WHERE last = 1 OR part IS NULL ORDER BY id DESC LIMIT 1 OFFSET 1");
  if (!needed) return needed.error();
  needed_from_ = static_cast<JournalSeq>(*needed) + 1;
  return {};
}

Result<void> JournalFile::begin() { return database_.run("BEGIN IMMEDIATE"); }

Result<void> JournalFile::commit() {
  auto done = inserts_.flush();
  if (done) done = database_.run("COMMIT");
  if (!done) return done;
  committed_seq_ = last_seq_;
  committed_needed_from_ = needed_from_;
  return done;
}

void JournalFile::roll_back() {
  inserts_.forget();
  database_.roll_back();
  last_seq_ = committed_seq_;
  needed_from_ = committed_needed_from_;
  snapshot_.reset();
}

Result<JournalSeq> JournalFile::append(Entry entry) {
  entry.seq = last_seq_ + 1;
  if (auto added = inserts_.add(entry); !added) return added.error();
  return ++last_seq_;
}

Result<void> JournalFile::write_out() { return inserts_.flush(); }

Result<void> JournalFile::add_gap(std::uint64_t lost, std::uint64_t thinned, UnixTime now) {
  return insert_gap_.bind(1, static_cast<std::int64_t>(last_seq_))
      .bind(2, static_cast<std::int64_t>(lost))
      .bind(3, static_cast<std::int64_t>(thinned))
      .bind(4, static_cast<std::int64_t>(now.us))
      .run();
}

Result<void> JournalFile::set_unclean_starts(std::uint64_t starts) {
  return set_meta_.bind(1, std::string_view("unclean_starts")).bind(2, static_cast<std::int64_t>(starts)).run();
}

Result<void> JournalFile::set_raises(std::uint64_t raises) {
  return set_meta_.bind(1, std::string_view("raises")).bind(2, static_cast<std::int64_t>(raises)).run();
}

Result<void> JournalFile::continue_after(JournalSeq seq) {
  CLASP_CHECK(last_seq_ == 0);
  if (seq == 0) return {};
  auto done = database_.run(fmt::format("INSERT INTO sqlite_sequence (name, seq) VALUES ('journal_entries', {})", seq).c_str());
  if (!done) return done;
  last_seq_ = committed_seq_ = seq;
  first_seq_ = seq + 1;
  return {};
}

Result<void> JournalFile::begin_snapshot(std::uint64_t removed_revisions_max, UnixTime now) {
  const auto newest = database_.number("SELECT MAX(id) FROM snapshots");
  if (!newest) return newest.error();
  snapshot_ = Snapshot{.set = *newest + 1, .seq_at = last_seq_, .removed_max = removed_revisions_max, .created = now, .text = "["};
  return {};
}

Result<void> JournalFile::add_param(const ParamImage& param) {
  CLASP_CHECK(snapshot_.has_value());
  if (snapshot_->text.size() > 1) snapshot_->text += ',';
  append_param_text(param, snapshot_->text);
  return snapshot_->text.size() < snapshot_part_bytes ? Result<void>{} : write_part(false);
}

Result<void> JournalFile::finish_snapshot() {
  CLASP_CHECK(snapshot_.has_value());
  if (auto done = write_part(true); !done) return done;
  const std::int64_t set = snapshot_->set;
  snapshot_.reset();
  // The newest two complete ones stay. Parts of one that was never finished belong to no complete one.
  const auto second = database_.number("SELECT COALESCE(set_id, id) FROM snapshots WHERE last = 1 OR part IS NULL ORDER BY id DESC LIMIT 1 OFFSET 1");
  if (!second) return second.error();
  if (*second > 0) {
    const auto deleted = database_.run(fmt::format("DELETE FROM snapshots WHERE COALESCE(set_id, id) <> {} AND COALESCE(set_id, id) <> {}", set, *second).c_str());
    if (!deleted) return deleted;
  }
  return look_for_needed();
}

Result<void> JournalFile::write_part(bool last) {
  Snapshot& s = *snapshot_;
  s.text += ']';
  const auto created = static_cast<std::int64_t>(s.created.us);
  const auto seq_at = static_cast<std::int64_t>(s.seq_at);
  const auto removed = static_cast<std::int64_t>(s.removed_max);
  auto done = insert_part_.bind(1, created)
                  .bind(2, seq_at)
                  .bind(3, std::string_view(s.text))
                  .bind(4, s.set)
                  .bind(5, s.part)
                  .bind(6, std::int64_t{last})
                  .bind(7, removed)
                  .bind(8, part_checksum(created, seq_at, s.text, s.set, s.part, last, removed))
                  .run();
  ++s.part;
  s.text = "[";
  return done;
}

Result<std::size_t> JournalFile::forget_before(JournalSeq seq, std::size_t max) {
  const JournalSeq until = std::min({seq, needed_from_, first_seq_ + max});
  if (until <= first_seq_) return std::size_t{0};
  if (auto done = inserts_.flush(); !done) return done.error();
  if (auto done = delete_entries_.bind(1, static_cast<std::int64_t>(first_seq_)).bind(2, static_cast<std::int64_t>(until)).run(); !done) return done.error();
  return static_cast<std::size_t>(until - std::exchange(first_seq_, until));
}

Result<JournalSeq> JournalFile::first_after(UnixTime time) {
  if (auto done = inserts_.flush(); !done) return done.error();
  const auto found = database_.number(fmt::format("SELECT seq FROM journal_entries NOT INDEXED WHERE timestamp > {} ORDER BY seq LIMIT 1", time.us).c_str());
  if (!found) return found.error();
  return *found > 0 ? static_cast<JournalSeq>(*found) : last_seq_ + 1;
}

}  // namespace clasp::store
