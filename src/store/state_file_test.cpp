// The state file: whatever happens to it, it is read whole, or the one before is, and nothing that cannot be read is overwritten.
#include "store/state_file.hpp"

#include <sys/stat.h>

#include "store/failing_disk_testing.hpp"
#include "store/store_testing.hpp"

namespace clasp::store {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string text_of(int params) {
  StateText text;
  for (int i = 0; i < params; ++i) {
    const MadeSet set(fmt::format("/state/{}", i), i % 3 == 0 ? Value(Blob{std::byte{7}}) : Value(0.5 * i), static_cast<std::uint64_t>(i + 1));
    text.add({.address = set.address, .value = set.value.view(), .revision = set.revision, .writer = "desk", .time = {5}, .ttl = Ttl{Ttl::Mode::sliding, 60}});
  }
  return text.finish(99, 0, 3);
}

StateRead read(const std::string& path, StateSink& sink) {
  auto read = read_state_file(path, sink);
  if (!read) ADD_FAILURE() << read.error().message;
  return *read;
}

TEST(StateFile, ComesBackAsItWasWritten) {
  const TempFolder folder;
  ASSERT_TRUE(write_state_file(folder / "state.json", text_of(10)));
  StateSink sink;
  const StateRead state = read(folder / "state.json", sink);
  EXPECT_EQ(state.params, 10U);
  EXPECT_THAT(state.notes, IsEmpty());
  EXPECT_EQ(sink.state["/state/1"], "0.5 rev=2 by=desk at=5 ttl=sliding:60");
  EXPECT_EQ(sink.state["/state/3"], "{\"$bytes\":\"Bw==\"} rev=4 by=desk at=5 ttl=sliding:60");
  EXPECT_EQ(sink.removed_max, 99U);
  EXPECT_EQ(state.unclean_starts, 0U);
  EXPECT_EQ(state.raises, 3U) << "a clean end takes nothing back";
}

TEST(StateFile, IsReadAsTheReferenceWritesIt) {
  const TempFolder folder;
  write_file(folder / "state.json", R"({"params":[{"address":"/a","value":1.0,"revision":5,"writer":"s1","timestamp":1000},{"address":"/b","value":null,"revision":1}]})");
  StateSink sink;
  const StateRead state = read(folder / "state.json", sink);
  EXPECT_EQ(state.params, 2U);
  EXPECT_EQ(state.unclean_starts, 1U) << "nobody says that nothing came after it";
  EXPECT_EQ(state.raises, 1U);
  EXPECT_EQ(sink.state["/a"], "1.0 rev=5 by=s1 at=1000");
}

// Field case C32.
TEST(StateFile, ADamagedOneIsKeptAndTheOneBeforeTakesItsPlace) {
  const std::string good = text_of(1'000);
  std::vector<std::pair<std::string, std::string>> variants{
      {"last byte removed", good.substr(0, good.size() - 2)}, {"cut in the middle", good.substr(0, good.size() / 2)}, {"all bytes 00", std::string(good.size(), '\0')},
      {"empty", ""}, {"something behind it", good + "x"}, {"another kind", "[1,2]"}};
  for (const auto& [name, text] : variants) {
    SCOPED_TRACE(name);
    const TempFolder folder;
    const std::string path = folder / "state.json";
    ASSERT_TRUE(write_state_file(path, text_of(7)));
    ASSERT_TRUE(write_state_file(path, good));
    write_file(path, text);
    StateSink sink;
    const StateRead state = read(path, sink);
    EXPECT_EQ(sink.state.size(), 7U) << "the generation before";
    EXPECT_THAT(state.notes, Contains(HasSubstr("is damaged")));
    EXPECT_EQ(read_file(path + ".damaged-1"), text) << "kept as it is";
    ASSERT_TRUE(write_state_file(path, text_of(3)));
    EXPECT_EQ(read_file(path + ".damaged-1"), text);
    StateSink later;
    EXPECT_EQ(read(path, later).params, 3U);
  }
}

TEST(StateFile, AFolderIsNotDamagedAndStaysWhereItIs) {
  const TempFolder folder;
  const std::string path = folder / "state";
  std::filesystem::create_directory(path);
  write_file(path + "/kept", "x");
  StateSink sink;
  const auto refused = read_state_file(path, sink);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, fmt::format("cannot read {}: Is a directory", path));
  EXPECT_TRUE(std::filesystem::exists(path + "/kept"));
}

TEST(StateFile, EveryFlippedBitIsFoundOrChangesNothing) {
  const std::string good = text_of(3);
  StateSink whole;
  {
    const TempFolder folder;
    ASSERT_TRUE(write_state_file(folder / "state.json", good));
    ASSERT_EQ(read(folder / "state.json", whole).params, 3U);
  }
  std::size_t found = 0;
  for (std::size_t bit = 0; bit < good.size() * 8; bit += 3) {
    SCOPED_TRACE(fmt::format("bit {} of byte {}", bit % 8, bit / 8));
    const TempFolder folder;
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    write_file(folder / "state.json", bad);
    StateSink sink;
    const StateRead state = read(folder / "state.json", sink);
    if (state.notes.empty()) {
      ASSERT_EQ(sink.state, whole.state);
    } else {
      ++found;
    }
  }
  EXPECT_GT(found, good.size() * 2);
}

TEST(StateFile, OneThatIsCutAnywhereIsDamaged) {
  const std::string good = text_of(3);
  for (std::size_t size = 0; size + 1 < good.size(); ++size) {  // the last byte is a line's end
    const TempFolder folder;
    write_file(folder / "state.json", good.substr(0, size));
    StateSink sink;
    ASSERT_THAT(read(folder / "state.json", sink).notes, Contains(HasSubstr("is damaged"))) << size;
  }
}

TEST(StateFile, WhoChangesItByHandRemovesTheChecksum) {
  const TempFolder folder;
  const std::string good = text_of(3);
  write_file(folder / "state.json", good.substr(0, good.rfind(",\"checksum\"")) + "}");
  StateSink sink;
  const StateRead state = read(folder / "state.json", sink);
  EXPECT_EQ(state.params, 3U);
  EXPECT_THAT(state.notes, IsEmpty());
}

TEST(StateFile, OneThatIsNotThereIsAnEmptyState) {
  const TempFolder folder;
  StateSink sink;
  const StateRead state = read(folder / "state.json", sink);
  EXPECT_EQ(state.params, 0U);
  EXPECT_THAT(state.notes, IsEmpty());
}

TEST(StateFile, AFailedWriteLeavesTheOldOne) {
  const TempFolder folder;
  const std::string path = folder / "state.json";
  ASSERT_TRUE(write_state_file(path, text_of(5)));
  std::filesystem::create_directory(path + ".tmp");
  const auto written = write_state_file(path, text_of(6));
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("state.json.tmp"));
  StateSink sink;
  EXPECT_EQ(read(path, sink).params, 5U);
}

TEST(StateFile, WhicheverOperationFailsAWholeOneIsThereAndTheNextWriteSucceeds) {
  for (const int error : {ENOSPC, EIO, EPERM}) {
    for (int nth = 0;; ++nth) {
      SCOPED_TRACE(fmt::format("operation {}, errno {}", nth, error));
      const TempFolder folder;
      ASSERT_TRUE(write_state_file(folder / "state.json", text_of(1)));
      ASSERT_TRUE(write_state_file(folder / "state.json", text_of(2)));
      FailingDisk disk(nth, error);
      const auto written = write_state_file(folder / "state.json", text_of(3), disk);
      StateSink sink;
      const std::uint64_t params = read(folder / "state.json", sink).params;
      if (written) {
        EXPECT_EQ(params, 3U);
      } else {
        EXPECT_THAT(params, testing::AnyOf(2U, 3U));
        EXPECT_THAT(written.error().message, HasSubstr(std::strerror(error)));
        EXPECT_FALSE(std::filesystem::exists(folder / "state.json.tmp"));
      }
      ASSERT_TRUE(write_state_file(folder / "state.json", text_of(4)));
      StateSink later;
      EXPECT_EQ(read(folder / "state.json", later).params, 4U);
      if (!disk.failed()) {
        EXPECT_EQ(nth, 8) << "open, write, fsync, unlink, link, rename, open, fsync";
        break;
      }
    }
  }
}

TEST(StateFile, IsKeptWhereThereAreNoHardLinks) {
  struct NoLinks final : Disk {
    int link(const char*, const char*) override { return errno = EPERM, -1; }
  } disk;
  const TempFolder folder;
  for (int params = 1; params <= 3; ++params) ASSERT_TRUE(write_state_file(folder / "state.json", text_of(params), disk));
  StateSink sink;
  EXPECT_EQ(read(folder / "state.json", sink).params, 3U);
  write_file(folder / "state.json", "torn");
  StateSink previous;
  EXPECT_EQ(read(folder / "state.json", previous).params, 2U);
}

}  // namespace
}  // namespace clasp::store
