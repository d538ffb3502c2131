// Hand-over and writer with a disk that works: order, bounds, snapshots, what closing leaves behind.
#include "store/journal_writer.hpp"

#include <atomic>
#include <chrono>
#include <thread>

#include "core/allocations_testing.hpp"
#include "store/opening.hpp"
#include "store/store_testing.hpp"

namespace clasp::store {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct MadeCommit {
  explicit MadeCommit(int i, std::size_t bytes = 1) : value(Value(std::string(bytes, 'x'))) {
    commit.seq = static_cast<router::Seq>(i);
    commit.address = "/a";
    commit.value = value.view();
    commit.revision = static_cast<std::uint64_t>(i);
    commit.writer = "desk";
    commit.time = {static_cast<std::uint64_t>(i)};
  }
  EncodedValue value;
  router::Commit commit;
};

TEST(Handover, GivesEverythingOnceAndInOrder) {
  Handover handover(65'536);
  for (int i = 1; i <= 3; ++i) {
    const MadeCommit made(i);
    handover.push({&made.commit, 1}, SteadyTime{i});
  }
  handover.whole();
  Batch batch;
  ASSERT_TRUE(handover.take(batch, {}, Micros{0}));
  EXPECT_EQ(batch.entries, 3U);
  EXPECT_EQ(batch.last, 3U);
  EXPECT_EQ(batch.first_at, SteadyTime{1});
  router::Seq expected = 0;
  for (std::size_t offset = 0; offset < batch.items.size();) EXPECT_EQ(next_item(batch.items.view(), offset).record.seq, ++expected);
  EXPECT_TRUE(handover.take(batch, {}, Micros{0}));
  EXPECT_TRUE(batch.empty());
  handover.close();
  EXPECT_FALSE(handover.take(batch, {}, Micros{0}));
}

TEST(Handover, CountsWhatHasNoRoomAndTakesSnapshotsOnlyWhenThereIsMuch) {
  Handover handover(4'096);
  for (int i = 1; i <= 10; ++i) {
    const MadeCommit made(i, 1'000);
    handover.push({&made.commit, 1}, SteadyTime{0});
  }
  handover.whole();
  EXPECT_EQ(handover.lost(), 7U);
  const EncodedValue value(Value(1));
  EXPECT_FALSE(handover.push_snapshot(ItemKind::snapshot_param, {.address = "/a", .value = value.view()}, 0));
  Batch batch;
  ASSERT_TRUE(handover.take(batch, {}, Micros{0}));
  EXPECT_EQ(batch.lost, 7U);
  EXPECT_EQ(batch.entries, 3U);
  EXPECT_EQ(batch.last, 10U) << "what was lost is behind it as well";
  EXPECT_TRUE(handover.push_snapshot(ItemKind::snapshot_param, {.address = "/a", .value = value.view()}, 0));
}

TEST(Handover, PushingAllocatesNothing) {
  Handover handover(1'048'576);
  Batch batch;
  batch.items.extend(handover.bytes_max());
  batch.items.clear();
  const MadeCommit made(1);
  const std::uint64_t before = allocations_so_far();
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 1'000; ++i) handover.push({&made.commit, 1}, SteadyTime{0});
    handover.whole();
    ASSERT_TRUE(handover.take(batch, {}, Micros{0}));
  }
  EXPECT_EQ(allocations_so_far() - before, 0U);
}

TEST(Handover, GivesWholeTurnsHoweverManyCallsTheyTook) {
  Handover handover(65'536);
  const MadeCommit first(1);
  const MadeCommit second(2);
  Batch batch;
  std::atomic<bool> taken{false};
  handover.push({&first.commit, 1}, SteadyTime{0});
  std::thread writer([&] {
    ASSERT_TRUE(handover.take(batch, {}, Micros{1}));
    taken = true;
  });
  for (int i = 0; i < 50; ++i) {
    std::this_thread::yield();
    EXPECT_FALSE(handover.push_snapshot(ItemKind::snapshot_end, {}, 0) && taken.load());
  }
  EXPECT_FALSE(taken.load()) << "half of something was given away";
  handover.push({&second.commit, 1}, SteadyTime{0});
  handover.whole();
  writer.join();
  EXPECT_EQ(batch.entries, 2U);
  EXPECT_EQ(batch.last, 2U);
}

TEST(Handover, WaitsForAsManyAsAreExpectedAndNoLonger) {
  Handover handover(65'536);
  const MadeCommit made(1);
  const auto push = [&] {
    handover.push({&made.commit, 1}, SteadyTime{std::chrono::duration_cast<Micros>(std::chrono::steady_clock::now().time_since_epoch()).count()});
    handover.whole();
  };
  push();
  Batch batch;
  std::thread writer([&] { ASSERT_TRUE(handover.take(batch, {.time = Micros{3'600'000'000}, .entries = 3, .bytes = 65'536}, Micros{0})); });
  push();
  push();
  writer.join();  // an hour is not over
  EXPECT_EQ(batch.entries, 3U);
}

class WriterTest : public ::testing::Test {
 protected:
  void start(WriterConfig config) {
    config.path = path_;
    StateSink sink;
    auto opened = open_journal(path_, sink);
    ASSERT_TRUE(opened) << opened.error().message;
    clean_ = opened->unclean_starts == 0;
    notes_ = opened->notes;
    state_ = sink.state;
    lock_ = std::move(opened->lock);
    handover_ = std::make_unique<Handover>(16'777'216);
    durable_ = 0;
    writer_ = std::make_unique<JournalWriter>(config, std::move(opened->file), *handover_,
                                              JournalWriter::Events{.durable = [this](router::Seq seq) { durable_ = seq; },
                                                                    .changed = [this](const std::string& fault) { EXPECT_TRUE(fault.empty() || expects_fault_) << fault; },
                                                                    .clock = [this] { return UnixTime{clock_.load()}; }});
  }
  void stop() {
    writer_.reset();
    lock_ = {};
  }
  void push(int from, int to) {
    for (int i = from; i <= to; ++i) {
      const MadeCommit made(i);
      handover_->push({&made.commit, 1}, SteadyTime{0});
      handover_->whole();
    }
  }
  template <typename Condition>
  void wait(Condition condition) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      ASSERT_LT(std::chrono::steady_clock::now(), until);
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
  void take_snapshot() {
    const std::uint64_t before = writer_->counts().snapshots;
    const EncodedValue value(Value("snap"));
    ASSERT_TRUE(handover_->push_snapshot(ItemKind::snapshot_begin, {}, 9));
    ASSERT_TRUE(handover_->push_snapshot(ItemKind::snapshot_param, {.address = "/s", .value = value.view(), .revision = 2, .writer = "w", .time = {3}}, 0));
    ASSERT_TRUE(handover_->push_snapshot(ItemKind::snapshot_end, {}, 0));
    wait([&] { return writer_->counts().snapshots == before + 1; });
  }

  TempFolder folder_;
  std::string path_ = folder_ / "show.db";
  FileLock lock_;
  std::unique_ptr<Handover> handover_;
  std::unique_ptr<JournalWriter> writer_;
  std::atomic<router::Seq> durable_{0};
  std::atomic<std::uint64_t> clock_{1'000'000'000};
  bool clean_ = false;
  bool expects_fault_ = false;
  std::vector<std::string> notes_;
  std::map<std::string, std::string> state_;
};

TEST_F(WriterTest, ClosingWritesWhatWaitsAndTheNextStartIsClean) {
  start({.window = Micros{60'000'000}});
  EXPECT_TRUE(clean_);
  push(1, 100);
  stop();
  EXPECT_EQ(durable_, 100U);
  start({});
  EXPECT_TRUE(clean_);
  EXPECT_THAT(state_["/a"], HasSubstr("rev=100"));
}

// Killed before anything was written: what was promised in memory, or within the window, has been heard of all the same.
TEST_F(WriterTest, ARunThatEndsBeforeItsFirstEntryIsNotClean) {
  for (const bool fresh : {true, false}) {
    SCOPED_TRACE(fresh);
    StateSink sink;
    const auto killed = [&] {
      const auto opened = open_journal(path_, sink);
      EXPECT_TRUE(opened) << opened.error().message;
      return std::pair(opened->unclean_starts, opened->raises);
    };
    const std::uint64_t before = fresh ? 0 : 3;  // the run below began after an unclean end as well
    EXPECT_EQ(killed(), std::pair(std::uint64_t{0}, before)) << "a new file, or one that was closed; what was raised once stays so";
    EXPECT_EQ(killed(), std::pair(std::uint64_t{1}, before + 1));
    EXPECT_EQ(killed(), std::pair(std::uint64_t{2}, before + 2)) << "what both have told is lost: the third one has to be above both";
    start({});
    push(1, 1);
    stop();
  }
}

TEST_F(WriterTest, AFileThatIsOpenIsNotClean) {
  start({});
  push(1, 1);
  wait([&] { return durable_ == 1; });
  std::filesystem::copy_file(path_, folder_ / "copy.db");
  std::filesystem::copy_file(path_ + "-wal", folder_ / "copy.db-wal");
  StateSink sink;
  const auto killed = open_journal(folder_ / "copy.db", sink);
  ASSERT_TRUE(killed);
  EXPECT_EQ(killed->unclean_starts, 1U);
  EXPECT_THAT(sink.state["/a"], HasSubstr("rev=1"));
}

// Nobody reads all of an index at a start: that it is damaged may show only when an entry is to be written.
TEST_F(WriterTest, ADamagedIndexIsMadeAnew) {
  start({});
  push(1, 50);
  stop();
  std::int64_t page = 0;
  {
    auto database = Database::open(path_, Access::read);
    ASSERT_TRUE(database);
    page = *database->number("SELECT rootpage FROM sqlite_master WHERE name = 'idx_entries_address'");
  }
  std::string bytes = read_file(path_);
  const auto last = bytes.find("/a", static_cast<std::size_t>(page - 1) * 4'096 + 200);  // a page fills from its end
  ASSERT_LT(last, static_cast<std::size_t>(page) * 4'096);
  bytes[last - 3] ^= 0x10;  // the length of the key's header: what checks a page's structure does not look at it
  write_file(path_, bytes);
  expects_fault_ = true;
  start({.retry = Micros{500}});
  ASSERT_THAT(notes_, IsEmpty()) << "the start has not come by it";
  push(51, 60);
  wait([&] { return durable_ == 60 && writer_->fault().empty(); });
  EXPECT_GT(writer_->counts().failures, 0U);
  stop();
  start({});
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_THAT(state_["/a"], HasSubstr("rev=60"));
}

TEST_F(WriterTest, RetentionForgetsWhatIsBeyondTheLimitAndNotNeeded) {
  start({.entries_max = 10});
  push(1, 50);
  wait([&] { return durable_ == 50; });
  EXPECT_EQ(writer_->counts().forgotten, 0U) << "no snapshot yet";
  take_snapshot();
  take_snapshot();
  push(51, 60);
  wait([&] { return writer_->counts().first_seq > 50; });
  EXPECT_EQ(writer_->counts().forgotten, 50U);
}

TEST_F(WriterTest, RetentionForgetsWhatIsTooOld) {
  start({.entries_max = 0, .age_max = Micros{1'000'000}});
  push(1, 20);
  wait([&] { return durable_ == 20; });
  take_snapshot();
  take_snapshot();
  clock_ = 1'000'000'000'000;
  wait([&] { return writer_->counts().forgotten == 20; });
}

TEST_F(WriterTest, WhatHadNoRoomIsARecordedGapUntilASnapshotMakesUpForIt) {
  start({.window = Micros{20'000}});
  const MadeCommit large(1, 60'000);
  for (int i = 1; i <= 2'000; ++i) handover_->push({&large.commit, 1}, SteadyTime{0});
  handover_->whole();
  ASSERT_GT(handover_->lost(), 0U);
  wait([&] { return writer_->needs_snapshot(); });
  EXPECT_GT(writer_->counts().lost, 0U);
  take_snapshot();
  EXPECT_FALSE(writer_->needs_snapshot());
  auto database = Database::open(path_, Access::read);
  EXPECT_EQ(static_cast<std::uint64_t>(*database->number("SELECT SUM(lost) FROM clasp_gaps")), handover_->lost());
}

TEST_F(WriterTest, ASnapshotThatBeganBeforeAGapDoesNotMakeUpForIt) {
  start({.window = Micros{20'000}});
  ASSERT_TRUE(handover_->push_snapshot(ItemKind::snapshot_begin, {}, 0));
  push(1, 1);
  wait([&] { return durable_ == 1; });
  const MadeCommit large(2, 60'000);
  for (int i = 1; i <= 2'000; ++i) handover_->push({&large.commit, 1}, SteadyTime{0});
  handover_->whole();
  ASSERT_GT(handover_->lost(), 0U);
  wait([&] { return writer_->needs_snapshot(); });
  ASSERT_TRUE(handover_->push_snapshot(ItemKind::snapshot_end, {}, 0));
  wait([&] { return writer_->counts().snapshots == 1; });
  EXPECT_TRUE(writer_->needs_snapshot());
  take_snapshot();
  EXPECT_FALSE(writer_->needs_snapshot());
}

TEST_F(WriterTest, ALargeBatchIsThinnedWhereAnAckDoesNotMeanOnTheDisk) {
  start({.window = Micros{50'000}, .thin_entries_min = 100});
  // However slow or fast this machine is: what comes without a pause is at some time more than the disk takes.
  int last = 0;
  do {
    push(last + 1, last + 5'000);
    last += 5'000;
    wait([&] { return durable_ == static_cast<router::Seq>(last); });
  } while (writer_->counts().thinned == 0 && last < 1'000'000);
  EXPECT_GT(writer_->counts().thinned, 0U);
  EXPECT_EQ(writer_->counts().thinned + writer_->counts().entries, static_cast<std::uint64_t>(last));
  stop();
  start({});
  EXPECT_THAT(notes_, IsEmpty()) << "numbers go on without a gap";
  EXPECT_THAT(state_["/a"], HasSubstr(fmt::format("rev={}", last)));
}

TEST_F(WriterTest, InSyncModeNothingIsThinned) {
  start({.thin_entries_min = 100});
  push(1, 5'000);
  wait([&] { return durable_ == 5'000; });
  EXPECT_EQ(writer_->counts().thinned, 0U);
  EXPECT_EQ(writer_->counts().entries, 5'000U);
}

}  // namespace
}  // namespace clasp::store
