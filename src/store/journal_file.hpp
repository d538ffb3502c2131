// The SQLite file of a journal, for its one writer: entries, snapshots, gaps, what is forgotten. Readers have connections of their own
// (journal_reader.hpp, recovery.hpp).
//
// Everything that is written belongs to a transaction: begin(), …, commit(). After an error nothing of it counts; drop the object, wait, and open
// the file anew: what a failed sync has left in the file is then written once more (reopen() says why).
#pragma once

#include <optional>
#include <string>

#include "store/database.hpp"
#include "store/entry_inserts.hpp"

namespace clasp::store {

class JournalFile {
 public:
  // Creates what is missing, also in files of the reference.
  static Result<JournalFile> open(const std::string& path, const char* vfs = nullptr);
  // After a failed commit: the pages of the log may be in memory only, with nobody left to say so. They are moved to the database file and the log is
  // emptied, so that everything the file shows afterwards has been synced anew.
  static Result<JournalFile> reopen(const std::string& path, const char* vfs = nullptr);

  // An index that is damaged keeps everybody from writing, though not from reading: from the entries it can be made anew.
  Result<void> rebuild_indexes() { return database_.run("REINDEX journal_entries"); }

  JournalSeq last_seq() const { return last_seq_; }      // the last one given away, also if it has been forgotten since
  JournalSeq first_seq() const { return first_seq_; }    // of the oldest entry; last_seq() + 1 if there is none
  // Starts in a row whose run did not end as it should; 0: the last one did, or there was none.
  std::uint64_t unclean_starts() const { return unclean_starts_; }
  // How often revisions have to be raised now (contract 30): once for each start ever that followed an unclean end, the one that opened this included. A
  // clean end takes nothing back, as what was told and lost in between may be of an address that nobody has written since.
  std::uint64_t raises() const { return raises_; }

  Result<void> begin();
  Result<void> commit();
  void roll_back();

  Result<JournalSeq> append(Entry entry);  // gives it the next seq. What is wrong may show with a later one, or with commit()
  Result<void> write_out();                // so that it shows now
  // Entries that are missing before the next one: dropped for want of room, or left out because a later one of the same address replaced them.
  Result<void> add_gap(std::uint64_t lost, std::uint64_t thinned, UnixTime now);
  Result<void> set_unclean_starts(std::uint64_t starts);  // before anybody is answered: one more; at the end: 0
  Result<void> set_raises(std::uint64_t raises);          // before anybody is answered
  Result<void> continue_after(JournalSeq seq);  // of a new file that takes the place of one that had given away this seq

  // A snapshot comes in parts, between entries that are written meanwhile: reading one means the entries after its beginning come on top. It counts
  // once it was finished. The newest two are kept.
  Result<void> begin_snapshot(std::uint64_t removed_revisions_max, UnixTime now);
  Result<void> add_param(const ParamImage& param);
  Result<void> finish_snapshot();
  bool in_snapshot() const { return snapshot_.has_value(); }

  // Forgets entries before `seq`, at most `max` of them; how many it were. Never one that the older of the kept snapshots needs.
  Result<std::size_t> forget_before(JournalSeq seq, std::size_t max);
  // Of the first entry after `time`; last_seq() + 1 if there is none. Costs the entries before it.
  Result<JournalSeq> first_after(UnixTime time);
  JournalSeq needed_from() const { return needed_from_; }  // what the older of the kept snapshots needs; 1 without one

 private:
  struct Snapshot {
    std::int64_t set = 0;
    std::int64_t part = 0;
    JournalSeq seq_at = 0;
    std::uint64_t removed_max = 0;
    UnixTime created;
    std::string text;
  };

  Result<void> make_tables();
  Result<void> prepare();
  Result<void> read_state();
  Result<void> write_part(bool last);
  Result<void> look_for_needed();

  Database database_;
  EntryInserts inserts_;
  Statement insert_part_;
  Statement insert_gap_;
  Statement set_meta_;
  Statement delete_entries_;
  JournalSeq last_seq_ = 0;
  JournalSeq committed_seq_ = 0;
  JournalSeq first_seq_ = 1;
  JournalSeq needed_from_ = 1;
  JournalSeq committed_needed_from_ = 1;
  std::uint64_t unclean_starts_ = 0;
  std::uint64_t raises_ = 0;
  std::optional<Snapshot> snapshot_;
};

// Text of a part that is still read and written by programs that know one row a snapshot: what is larger comes in several.
inline constexpr std::size_t snapshot_part_bytes = 4'194'304;

std::int64_t part_checksum(std::int64_t created, std::int64_t seq_at, std::string_view text, std::int64_t set, std::int64_t part, bool last, std::int64_t removed_max);

}  // namespace clasp::store
