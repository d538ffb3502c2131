// The disk fails at each operation in turn, in each of its ways: what was said to be on the disk is there, and the writer goes on once it can.
#include <sqlite3.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "store/journal_writer.hpp"
#include "store/opening.hpp"
#include "store/store_testing.hpp"

namespace clasp::store {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Fails `count` operations from the nth on. Counts those the writer makes, once armed.
class FailingDisk final : public FileWatch {
 public:
  std::optional<int> before(FileOperation operation) override {
    if (!armed.load() || operation == FileOperation::read) return std::nullopt;
    const int n = seen.fetch_add(1);
    if (n < from || n >= from + count) return std::nullopt;
    ++failed;
    switch (operation) {
      case FileOperation::open: return SQLITE_CANTOPEN;
      case FileOperation::write: return code;
      case FileOperation::truncate: return SQLITE_IOERR_TRUNCATE;
      case FileOperation::sync: return SQLITE_IOERR_FSYNC;
      case FileOperation::remove: return SQLITE_IOERR_DELETE;
      case FileOperation::read: break;
    }
    return std::nullopt;
  }
  int from = 0;
  int count = 1;
  int code = SQLITE_FULL;
  std::atomic<bool> armed{false};
  std::atomic<int> seen{0};
  std::atomic<int> failed{0};
};

constexpr int entries = 12;

router::Commit commit_of(int i, const EncodedValue& value, std::string_view address) {
  router::Commit commit;
  commit.seq = static_cast<router::Seq>(i);
  commit.address = address;
  commit.value = value.view();
  commit.revision = static_cast<std::uint64_t>(i);
  commit.writer = "desk";
  commit.time = {static_cast<std::uint64_t>(i)};
  return commit;
}

template <typename Condition>
bool eventually(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return true;
}

struct Written {
  router::Seq durable = 0;   // the last one that was promised
  bool said = false;         // that something failed
  bool closing_failed = false;
};

// Writes entries and a snapshot while the disk fails; `abandon`: as after kill -9, what was promised until then is all there is.
Written write_through(const std::string& path, FailingDisk& disk) {
  const char* vfs = watched_files(disk);
  StateSink nothing;
  auto opened = open_journal(path, nothing, vfs);
  if (!opened) {
    ADD_FAILURE() << opened.error().message;
    return {};
  }
  std::atomic<router::Seq> durable{0};
  std::atomic<bool> said{false};
  int failed_before_closing = 0;
  Handover handover(1'048'576);
  {
    disk.armed = true;
    JournalWriter writer({.path = path, .vfs = vfs, .entries_max = 6, .retry = Micros{500}}, std::move(opened->file), handover,
                         {.durable = [&](router::Seq seq) { durable = seq; },
                          .changed = [&](const std::string& fault) { said = said || !fault.empty(); },
                          .clock = [] { return UnixTime{1}; }});
    for (int i = 1; i <= entries; ++i) {
      const EncodedValue value{Value(i)};
      const std::string address = fmt::format("/a/{}", i % 3);
      const router::Commit commit = commit_of(i, value, address);
      handover.push({&commit, 1}, SteadyTime{0});
      handover.whole();
      if (i % 4 == 0) {
        handover.push_snapshot(ItemKind::snapshot_begin, {}, 0);
        for (int k = std::max(1, i - 2); k <= i; ++k) {
          const EncodedValue held{Value(k)};
          handover.push_snapshot(ItemKind::snapshot_param, {.address = fmt::format("/a/{}", k % 3), .value = held.view(), .revision = static_cast<std::uint64_t>(k),
                                                            .writer = "desk", .time = {static_cast<std::uint64_t>(k)}}, 0);
        }
        handover.push_snapshot(ItemKind::snapshot_end, {}, 0);
      }
      EXPECT_TRUE(eventually([&] { return durable.load() >= static_cast<router::Seq>(i); })) << "entry " << i << ": " << writer.fault();
    }
    EXPECT_TRUE(eventually([&] { return handover.bytes() == 0 && writer.fault().empty(); })) << writer.fault();
    failed_before_closing = disk.failed;
  }
  disk.armed = false;
  return {.durable = durable, .said = said, .closing_failed = disk.failed > failed_before_closing};
}

std::map<std::string, std::string> expected_state() {
  std::map<std::string, std::string> state;
  for (int i = entries - 2; i <= entries; ++i) state[fmt::format("/a/{}", i % 3)] = fmt::format("{} rev={} by=desk at={}", i, i, i);
  return state;
}

TEST(Faults, NothingThatWasPromisedIsMissingWhicheverOperationFails) {
  for (const auto& [code, count] : {std::pair{SQLITE_FULL, 1}, std::pair{SQLITE_IOERR_WRITE, 7}}) {
    for (int nth = 0;; nth += count) {
      SCOPED_TRACE(fmt::format("operation {}, {} in a row, code {}", nth, count, code));
      const TempFolder folder;
      FailingDisk disk;
      disk.from = nth;
      disk.count = count;
      disk.code = code;
      const Written run = write_through(folder / "show.db", disk);
      ASSERT_EQ(run.durable, static_cast<router::Seq>(entries));
      StateSink sink;
      const auto opened = open_journal(folder / "show.db", sink);
      ASSERT_TRUE(opened) << opened.error().message;
      if (!run.closing_failed) {  // else the mark that it was closed may be what is cut off
        EXPECT_THAT(opened->notes, IsEmpty());
      }
      ASSERT_EQ(sink.state, expected_state());
      if (disk.failed.load() == 0) {
        EXPECT_GT(nth, 30);
        break;
      }
    }
  }
}

TEST(Faults, ADiskThatStaysFullIsSaidAndWhatWaitsIsWrittenOnceThereIsRoom) {
  const TempFolder folder;
  FailingDisk disk;
  const char* vfs = watched_files(disk);
  StateSink nothing;
  auto opened = open_journal(folder / "show.db", nothing, vfs);
  ASSERT_TRUE(opened);
  std::atomic<router::Seq> durable{0};
  Handover handover(1'048'576);
  disk.count = 1'000'000'000;
  disk.armed = true;
  JournalWriter writer({.path = folder / "show.db", .vfs = vfs, .retry = Micros{500}}, std::move(opened->file), handover,
                       {.durable = [&](router::Seq seq) { durable = seq; }, .changed = [](const std::string&) {}, .clock = [] { return UnixTime{1}; }});
  const EncodedValue value(Value(1));
  const router::Commit commit = commit_of(1, value, "/a");
  handover.push({&commit, 1}, SteadyTime{0});
  handover.whole();
  ASSERT_TRUE(eventually([&] { return writer.counts().failures > 3; }));
  EXPECT_EQ(durable.load(), 0U) << "nothing is promised";
  EXPECT_THAT(writer.fault(), testing::Not(IsEmpty()));
  disk.armed = false;
  ASSERT_TRUE(eventually([&] { return durable.load() == 1; })) << writer.fault();
  EXPECT_TRUE(eventually([&] { return writer.fault().empty(); }));
}

}  // namespace
}  // namespace clasp::store
