// The file: what it gives back, what it forgets, and that the reference and we read and write each other's (journal specification, section 5).
#include "store/journal_file.hpp"

#include "core/json.hpp"
#include "store/journal_reader.hpp"
#include "store/opening.hpp"
#include "store/store_testing.hpp"

namespace clasp::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class JournalFileTest : public ::testing::Test {
 protected:
  JournalFile open() {
    auto file = JournalFile::open(path_);
    if (!file) ADD_FAILURE() << file.error().message;
    return std::move(*file);
  }
  void write(JournalFile& file, std::initializer_list<MadeSet> sets) {
    ASSERT_TRUE(file.begin());
    for (const MadeSet& set : sets) ASSERT_TRUE(file.append(set.entry()));
    ASSERT_TRUE(file.commit());
  }
  void snapshot(JournalFile& file, std::initializer_list<MadeSet> sets) {
    ASSERT_TRUE(file.begin());
    ASSERT_TRUE(file.begin_snapshot(77, {1}));
    for (const MadeSet& set : sets) {
      const Entry entry = set.entry();
      ASSERT_TRUE(file.add_param({.address = entry.address, .value = *entry.value, .revision = entry.revision, .writer = entry.author, .time = entry.time}));
    }
    ASSERT_TRUE(file.finish_snapshot());
    ASSERT_TRUE(file.commit());
  }
  Recovered recover_into(StateSink& sink) {
    auto database = Database::open(path_, Access::read);
    if (!database) ADD_FAILURE() << database.error().message;
    return recover(*database, sink);
  }
  void sql(const std::string& text) {
    auto database = Database::open(path_, Access::write);
    ASSERT_TRUE(database);
    const auto done = database->run(text.c_str());
    ASSERT_TRUE(done) << done.error().message;
  }

  TempFolder folder_;
  std::string path_ = folder_ / "show.db";
};

TEST_F(JournalFileTest, TheNewestValueOfEachParamComesBackWithRevisionWriterAndTime) {
  JournalFile file = open();
  write(file, {{"/a", 1, 1}, {"/a", 2, 2}, {"/b", "x", 1}, {"/a", 3, 3}});
  StateSink sink;
  const Recovered recovered = recover_into(sink);
  EXPECT_THAT(recovered.notes, IsEmpty());
  EXPECT_EQ(recovered.entries, 4U);
  EXPECT_EQ(recovered.last_seq, 4U);
  EXPECT_THAT(sink.state, ElementsAre(Pair("/a", "3 rev=3 by=desk at=1700000000000003"), Pair("/b", "\"x\" rev=1 by=desk at=1700000000000001")));
}

TEST_F(JournalFileTest, NumbersGoOnAfterARestartAndAfterEverythingWasForgotten) {
  {
    JournalFile file = open();
    EXPECT_EQ(file.last_seq(), 0U);
    write(file, {{"/a", 1, 1}, {"/a", 2, 2}});
    snapshot(file, {{"/a", 2, 2}});
    snapshot(file, {{"/a", 2, 2}});
    const auto forgotten = file.forget_before(1'000, 1'000);
    ASSERT_TRUE(forgotten) << forgotten.error().message;
    EXPECT_EQ(*forgotten, 2U);
  }
  JournalFile again = open();
  EXPECT_EQ(again.last_seq(), 2U);
  EXPECT_EQ(again.first_seq(), 3U);
  ASSERT_TRUE(again.begin());
  EXPECT_EQ(*again.append(MadeSet("/a", 3, 3).entry()), 3U);
  ASSERT_TRUE(again.commit());
  StateSink sink;
  EXPECT_THAT(recover_into(sink).notes, IsEmpty());
  EXPECT_THAT(sink.state, ElementsAre(Pair("/a", HasSubstr("3 rev=3"))));
  EXPECT_EQ(sink.removed_max, 77U);
}

TEST_F(JournalFileTest, NothingIsForgottenThatTheOlderSnapshotNeeds) {
  JournalFile file = open();
  write(file, {{"/a", 1, 1}, {"/a", 2, 2}});
  EXPECT_EQ(*file.forget_before(100, 100), 0U) << "without a snapshot everything is needed";
  snapshot(file, {{"/a", 2, 2}});
  write(file, {{"/a", 3, 3}});
  EXPECT_EQ(*file.forget_before(100, 100), 0U) << "if the one snapshot is damaged, the entries are all there is";
  snapshot(file, {{"/a", 3, 3}});
  EXPECT_EQ(*file.forget_before(100, 1), 1U) << "a little at a time";
  EXPECT_EQ(*file.forget_before(100, 100), 1U);
  EXPECT_EQ(*file.forget_before(100, 100), 0U);
  EXPECT_EQ(file.first_seq(), 3U);
  snapshot(file, {{"/a", 3, 3}});
  auto database = Database::open(path_, Access::read);
  EXPECT_EQ(*database->number("SELECT COUNT(*) FROM snapshots"), 2) << "two snapshots stay";
}

TEST_F(JournalFileTest, ALargeStateComesInPartsAndBackWhole) {
  JournalFile file = open();
  const std::string text(60'000, 'x');
  ASSERT_TRUE(file.begin());
  ASSERT_TRUE(file.begin_snapshot(0, {1}));
  for (int i = 0; i < 90; ++i) {
    const MadeSet set(fmt::format("/large/{:03}", i), Value(text), 1);
    ASSERT_TRUE(file.add_param({.address = set.address, .value = set.value.view(), .revision = 1, .writer = "desk", .time = {1}}));
  }
  ASSERT_TRUE(file.finish_snapshot());
  ASSERT_TRUE(file.commit());
  auto database = Database::open(path_, Access::read);
  EXPECT_GT(*database->number("SELECT COUNT(*) FROM snapshots"), 1);
  StateSink sink;
  EXPECT_THAT(recover_into(sink).notes, IsEmpty());
  EXPECT_EQ(sink.state.size(), 90U);
  auto reader = JournalReader::open(path_);
  const auto json = reader->snapshot_text();
  ASSERT_TRUE(json);
  const auto parsed = parse_json(*json);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->array()->size(), 90U);
}

TEST_F(JournalFileTest, EntriesWrittenDuringASnapshotComeOnTop) {
  JournalFile file = open();
  write(file, {{"/a", 1, 1}, {"/b", 1, 1}});
  ASSERT_TRUE(file.begin());
  ASSERT_TRUE(file.begin_snapshot(0, {1}));
  const MadeSet early("/a", 1, 1);
  ASSERT_TRUE(file.add_param({.address = "/a", .value = early.value.view(), .revision = 1, .writer = "desk", .time = {1}}));
  ASSERT_TRUE(file.append(MadeSet("/a", 2, 2).entry()));
  ASSERT_TRUE(file.append(MadeSet("/b", 2, 2).entry()));
  ASSERT_TRUE(file.append({.kind = EntryKind::removed, .address = "/b", .value = ValueView{}, .revision = 3}));
  ASSERT_TRUE(file.finish_snapshot());
  ASSERT_TRUE(file.commit());
  StateSink sink;
  EXPECT_EQ(recover_into(sink).snapshot_seq, 2U);
  EXPECT_THAT(sink.state, ElementsAre(Pair("/a", HasSubstr("2 rev=2"))));
}

TEST_F(JournalFileTest, ASnapshotThatWasNeverFinishedDoesNotCount) {
  {
    JournalFile file = open();
    write(file, {{"/a", 1, 1}});
    ASSERT_TRUE(file.begin());
    ASSERT_TRUE(file.begin_snapshot(0, {1}));
    const std::string text(60'000, 'x');
    for (int i = 0; i < 100; ++i) {
      const MadeSet set(fmt::format("/large/{:03}", i), Value(text), 1);
      ASSERT_TRUE(file.add_param({.address = set.address, .value = set.value.view(), .revision = 1, .writer = "desk", .time = {1}}));
    }
    ASSERT_TRUE(file.commit());
  }
  StateSink sink;
  const Recovered recovered = recover_into(sink);
  EXPECT_THAT(recovered.notes, IsEmpty());
  EXPECT_EQ(recovered.snapshot_seq, 0U);
  EXPECT_THAT(sink.state, ElementsAre(Pair("/a", HasSubstr("1 rev=1"))));
}

// ---- the reference's files ----

constexpr const char* reference_file =
    "PRAGMA journal_mode = WAL;"
    "CREATE TABLE journal_entries (seq INTEGER PRIMARY KEY AUTOINCREMENT, timestamp INTEGER NOT NULL, author TEXT NOT NULL, address TEXT NOT NULL,"
    " signal_type TEXT NOT NULL, value_json TEXT NOT NULL, revision INTEGER, msg_type INTEGER NOT NULL);"
    "CREATE INDEX idx_entries_address ON journal_entries(address);"
    "CREATE TABLE snapshots (id INTEGER PRIMARY KEY AUTOINCREMENT, created_at INTEGER NOT NULL, seq_at INTEGER NOT NULL, data_json TEXT NOT NULL);"
    "INSERT INTO journal_entries (timestamp, author, address, signal_type, value_json, revision, msg_type) VALUES"
    " (10, 's1', '/a', 'param', '0.75', 1, 33), (20, 's1', '/a', 'param', '1', 2, 33), (30, 's2', '/e', 'event', 'null', NULL, 32),"
    " (40, 's3', '/b', 'param', '[1,2.0,\"x\"]', 1, 33), (50, 's4', '/a', 'param', '5', 1, 33);";

TEST_F(JournalFileTest, OpensFilesOfTheReferenceAndTakesTheNewestValues) {
  sql(reference_file);
  JournalFile file = open();
  EXPECT_EQ(file.last_seq(), 5U);
  StateSink sink;
  EXPECT_THAT(recover_into(sink).notes, IsEmpty());
  EXPECT_THAT(sink.state, ElementsAre(Pair("/a", "5 rev=1 by=s4 at=50"), Pair("/b", "[1,2.0,\"x\"] rev=1 by=s3 at=40")));
  write(file, {{"/a", 6, 7}});
  StateSink later;
  EXPECT_THAT(recover_into(later).notes, IsEmpty());
  EXPECT_THAT(later.state["/a"], HasSubstr("6 rev=7"));
}

TEST_F(JournalFileTest, TheReferenceFindsItsColumnsAndCanWriteIntoOurFile) {
  {
    JournalFile file = open();
    write(file, {{"/a", 1, 1}});
    snapshot(file, {{"/a", 1, 1}});
  }
  auto database = Database::open(path_, Access::write);
  auto rows = database->prepare("SELECT seq, timestamp, author, address, signal_type, value_json, revision, msg_type, hmac FROM journal_entries");
  ASSERT_TRUE(rows) << rows.error().message;
  ASSERT_TRUE(*rows->step());
  EXPECT_EQ(rows->integer(0), 1);
  EXPECT_EQ(rows->text(2), "desk");
  EXPECT_EQ(rows->text(4), "param");
  EXPECT_EQ(rows->text(5), "1");
  EXPECT_EQ(rows->integer(6), 1);
  EXPECT_EQ(rows->integer(7), 33);
  EXPECT_TRUE(rows->is_null(8));
  auto newest = database->prepare("SELECT data_json, seq_at FROM snapshots ORDER BY id DESC LIMIT 1");
  ASSERT_TRUE(*newest->step());
  EXPECT_EQ(newest->text(0), R"([{"address":"/a","value":1,"revision":1,"writer":"desk","timestamp":1700000000000001}])");
  EXPECT_EQ(newest->integer(1), 1);
  for (const char* index : {"idx_entries_address", "idx_entries_timestamp", "idx_entries_signal_type"}) {
    EXPECT_EQ(*database->number(fmt::format("SELECT COUNT(*) FROM sqlite_master WHERE type = 'index' AND name = '{}'", index).c_str()), 1) << index;
  }
  sql("INSERT INTO journal_entries (timestamp, author, address, signal_type, value_json, revision, msg_type, hmac) VALUES (9, 's9', '/a', 'param', '2', 2, 33, NULL)");
  StateSink sink;
  EXPECT_THAT(recover_into(sink).notes, IsEmpty());
  EXPECT_EQ(sink.state["/a"], "2 rev=2 by=s9 at=9");
}

// ---- queries ----

TEST_F(JournalFileTest, QueriesGiveWhatMatchesOldestFirst) {
  JournalFile file = open();
  ASSERT_TRUE(file.begin());
  const EncodedValue one(Value(1));
  std::uint64_t time = 0;
  for (const char* address : {"/lights/1", "/lights/2", "/Lights/1", "/l_ghts/1", "/lights/deep/1", "/sensors/1"}) {
    ASSERT_TRUE(file.append({.time = {time += 1'000}, .author = "s", .address = address, .value = one.view(), .revision = 1}));
  }
  ASSERT_TRUE(file.append({.kind = EntryKind::publish, .time = {7'000}, .author = "s", .address = "/lights/1", .signal = SignalType::event}));
  ASSERT_TRUE(file.commit());
  auto reader = JournalReader::open(path_);
  ASSERT_TRUE(reader);
  const auto seqs = [&](Query query) {
    std::vector<JournalSeq> out;
    const auto page = reader->read(query);
    if (!page) ADD_FAILURE() << page.error().message;
    for (std::size_t offset = 0; offset < page->records.size();) out.push_back(next_record(page->records.view(), offset).seq);
    return out;
  };
  const auto pattern = [](const char* text) { return *Pattern::parse(text); };
  EXPECT_THAT(seqs({.pattern = pattern("/lights/**")}), ElementsAre(1, 2, 5, 7));
  EXPECT_THAT(seqs({.pattern = pattern("/lights/*")}), ElementsAre(1, 2, 7));
  EXPECT_THAT(seqs({.pattern = pattern("/lights/1")}), ElementsAre(1, 7));
  EXPECT_THAT(seqs({.pattern = pattern("/l_ghts/**")}), ElementsAre(4));
  EXPECT_THAT(seqs({.pattern = pattern("/*/1"), .limit = 2}), ElementsAre(1, 3));
  EXPECT_THAT(seqs({.from = UnixTime{2'000}, .to = UnixTime{4'000}}), ElementsAre(2, 3, 4)) << "both ends are included";
  EXPECT_THAT(seqs({.types = TypeMask::of(SignalType::event)}), ElementsAre(7));
  EXPECT_THAT(seqs({.after = 5}), ElementsAre(6, 7));
  EXPECT_THAT(seqs({.limit = 0}), IsEmpty());
  EXPECT_EQ(*reader->last_seq(), 7U);
  EXPECT_EQ(*reader->snapshot_text(), "[]");
}

TEST_F(JournalFileTest, ASecondProcessIsRefusedByName) {
  StateSink sink;
  const auto first = open_journal(path_, sink);
  ASSERT_TRUE(first) << first.error().message;
  const auto second = open_journal(path_, sink);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr(fmt::format("show.db is in use by another process ({})", ::getpid())));
}

}  // namespace
}  // namespace clasp::store
