#include "store/recovery.hpp"

#include <fmt/format.h>

#include "store/journal_file.hpp"
#include "store/param_text.hpp"
#include "store/row.hpp"

namespace clasp::store {
namespace {

constexpr std::size_t notes_max = 20;

void note(Recovered& recovered, std::string text) {
  if (recovered.notes.size() < notes_max) recovered.notes.push_back(std::move(text));
  else if (recovered.notes.size() == notes_max) recovered.notes.emplace_back("and more of the same");
}

struct SnapshotSet {
  std::int64_t id = 0;
  std::int64_t seq_at = 0;
};

// Newest first. What can't be read any more is left out.
std::vector<SnapshotSet> snapshot_sets(Database& database, Recovered& recovered) {
  std::vector<SnapshotSet> sets;
  auto rows = database.prepare("SELECT COALESCE(set_id, id), seq_at FROM snapshots WHERE last = 1 OR part IS NULL ORDER BY id DESC");
  if (!rows) {
    note(recovered, fmt::format("the snapshots cannot be read: {}", rows.error().message));
    return sets;
  }
  for (;;) {
    const auto row = rows->step();
    if (!row) note(recovered, fmt::format("not all snapshots can be read: {}", row.error().message));
    if (!row || !*row) return sets;
    sets.push_back({rows->integer(0), rows->integer(1)});
  }
}

// Shows the texts of a set's parts in order. An error: it is not whole.
Result<std::uint64_t> visit_parts(Database& database, const SnapshotSet& set, const std::function<Result<void>(std::string_view text)>& visit) {
  auto rows = database.prepare(
      "SELECT created_at, seq_at, data_json, set_id, part, last, removed_max, checksum FROM snapshots WHERE COALESCE(set_id, id) = ?1 ORDER BY id");
  if (!rows) return rows.error();
  rows->bind(1, set.id);
  std::int64_t part = 0;
  bool last = false;
  std::int64_t removed_max = 0;
  for (;; ++part) {
    const auto row = rows->step();
    if (!row) return row.error();
    if (!*row) break;
    const auto bad = [&](std::string_view why) { return Error{ErrorCode::invalid_value, fmt::format("part {}: {}", part + 1, why), {}}; };
    const bool foreign = rows->is_null(3) && rows->is_null(4) && rows->is_null(7);
    const std::string_view text = rows->text(2);
    if (!foreign) {
      if (rows->integer(4) != part || rows->integer(1) != set.seq_at || last) return bad("it does not follow the one before");
      last = rows->integer(5) == 1;
      removed_max = rows->integer(6);
      if (rows->integer(7) != part_checksum(rows->integer(0), rows->integer(1), text, rows->integer(3), rows->integer(4), last, removed_max))
        return bad("its checksum does not match what it contains");
    } else {
      last = true;
    }
    if (auto visited = visit(text); !visited) return bad(visited.error().message);
  }
  if (!last) return Error{ErrorCode::invalid_value, "its end is missing", {}};
  return static_cast<std::uint64_t>(removed_max);
}

// The newest whole snapshot; 0: there is none, everything comes from entries.
JournalSeq recover_snapshot(Database& database, RecoverySink& sink, Recovered& recovered) {
  for (const SnapshotSet& set : snapshot_sets(database, recovered)) {
    // First all parts are looked at, so that nothing of a broken one is taken.
    const auto whole = visit_parts(database, set, [](std::string_view) { return Result<void>{}; });
    if (!whole) {
      note(recovered, fmt::format("snapshot {} is damaged and was left out: {}", set.id, whole.error().message));
      continue;
    }
    const auto read = visit_parts(database, set, [&](std::string_view text) {
      return read_params_text(text, [&](const ParamImage& param) {
        ++recovered.params;
        sink.param(param);
      });
    });
    if (!read) {  // of another program, or a bug of ours: the checksum was right
      note(recovered, fmt::format("snapshot {} is no list of params: {}", set.id, read.error().message));
      continue;
    }
    sink.removed_revisions_max(*whole);
    return static_cast<JournalSeq>(set.seq_at);
  }
  return 0;
}

class EntryWalk {
 public:
  EntryWalk(RecoverySink& sink, Recovered& recovered, JournalSeq snapshot_seq) : sink_(sink), recovered_(recovered), expected_(snapshot_seq + 1) {}

  void take(const Entry& entry) {
    if (entry.seq > expected_ && !entry.foreign) missing(entry.seq - 1);
    expected_ = entry.seq + 1;
    ++recovered_.entries;
    if (entry.kind == EntryKind::set || entry.kind == EntryKind::removed) sink_.entry(entry);
  }
  void take_bad(JournalSeq seq, const Error& error) {
    if (seq > expected_) missing(seq - 1);
    if (seq >= expected_) expected_ = seq + 1;
    note(recovered_, fmt::format("{}; it was left out", error.message));
  }
  void missing(JournalSeq last) {
    note(recovered_, expected_ == last ? fmt::format("entry {} is missing", last) : fmt::format("entries {} to {} are missing", expected_, last));
    expected_ = last + 1;
  }
  JournalSeq expected() const { return expected_; }

 private:
  RecoverySink& sink_;
  Recovered& recovered_;
  JournalSeq expected_;
};

// What is behind a place that cannot be read: from the end towards it.
void recover_from_the_end(Database& database, EntryWalk& walk, Recovered& recovered) {
  auto rows = database.prepare(select_entry_sql("WHERE seq >= ?1 ORDER BY seq DESC"));
  if (!rows) return;
  rows->bind(1, static_cast<std::int64_t>(walk.expected()));
  RowReader reader;
  ByteBuffer records;
  std::vector<std::size_t> starts;
  for (auto row = rows->step(); row && *row; row = rows->step()) {
    const auto entry = reader.read(*rows);
    if (!entry) {
      note(recovered, fmt::format("{}; it was left out", entry.error().message));
      continue;
    }
    starts.push_back(records.size());
    append_record(records, *entry);
  }
  for (auto start = starts.rbegin(); start != starts.rend(); ++start) {
    std::size_t offset = *start;
    const Entry entry = next_record(records.view(), offset);
    if (entry.seq >= walk.expected()) walk.take(entry);
  }
}

}  // namespace

Recovered recover(Database& database, RecoverySink& sink) {
  Recovered recovered;
  recovered.snapshot_seq = recover_snapshot(database, sink, recovered);

  EntryWalk walk(sink, recovered, recovered.snapshot_seq);
  auto rows = database.prepare(select_entry_sql("WHERE seq > ?1 ORDER BY seq"));
  if (!rows) {
    note(recovered, fmt::format("the entries cannot be read: {}", rows.error().message));
    return recovered;
  }
  rows->bind(1, static_cast<std::int64_t>(recovered.snapshot_seq));
  RowReader reader;
  for (;;) {
    const auto row = rows->step();
    if (!row) {
      note(recovered, fmt::format("behind entry {} something cannot be read: {}", walk.expected() - 1, row.error().message));
      recover_from_the_end(database, walk, recovered);
      break;
    }
    if (!*row) break;
    const auto entry = reader.read(*rows);
    if (entry) walk.take(*entry);
    else walk.take_bad(static_cast<JournalSeq>(rows->integer(0)), entry.error());
  }
  const auto given = database.number("SELECT seq FROM sqlite_sequence WHERE name = 'journal_entries'");
  if (given && static_cast<JournalSeq>(*given) >= walk.expected()) walk.missing(static_cast<JournalSeq>(*given));
  recovered.last_seq = walk.expected() - 1;
  return recovered;
}

std::optional<std::string> check_pages(Database& database) {
  auto check = database.prepare("PRAGMA quick_check(1)");
  if (!check) return check.error().message;
  const auto row = check->step();
  if (!row) return row.error().message;
  const std::string_view answer = *row ? check->text(0) : "no answer";
  if (answer == "ok") return std::nullopt;
  return std::string(answer);
}

}  // namespace clasp::store
