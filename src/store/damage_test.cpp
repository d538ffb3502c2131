// A damaged file: whatever bit is flipped and wherever it is cut, the state that comes back is right, or it is said what is wrong.
#include <algorithm>

#include "store/opening.hpp"
#include "store/param_text.hpp"
#include "store/store_testing.hpp"

namespace clasp::store {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using State = std::map<std::string, std::string>;

// The states there have been after each entry, oldest first: a file that was cut must come back as one of them.
struct History {
  std::vector<State> states{{}};
};

// A small journal: a snapshot in the middle, entries before and behind it. With `log`, the last entries are in the -wal file only.
class DamageTest : public ::testing::Test {
 protected:
  void write(bool log) {
    auto file = JournalFile::open(made_);
    ASSERT_TRUE(file) << file.error().message;
    for (int i = 1; i <= 6; ++i) {
      if (i == 4 && !log) snapshot(*file);
      const MadeSet set(fmt::format("/mixer/{}", i % 2), i % 3 == 0 ? Value("Grüße") : Value(0.25 * i), static_cast<std::uint64_t>(i));
      State next = history_.states.back();
      next[set.address] = StateSink::line(set.value.view(), set.revision, "desk", set.entry().time, {});
      history_.states.push_back(next);
      ASSERT_TRUE(file->begin());
      ASSERT_TRUE(file->append(set.entry()));
      ASSERT_TRUE(file->commit());
    }
    if (!log) return;
    for (const char* ending : {"", "-wal"}) copies_.emplace_back(ending, read_file(made_ + ending));
  }
  void take_copy() { copies_.emplace_back("", read_file(made_)); }
  void snapshot(JournalFile& file) {
    ASSERT_TRUE(file.begin());
    ASSERT_TRUE(file.begin_snapshot(0, {1}));
    ASSERT_TRUE(file.finish_snapshot());  // an empty one would hide what is before it: so it has to be believed
    file.roll_back();
    StateSink now;
    auto database = Database::open(made_, Access::read);
    static_cast<void>(recover(*database, now));
    ASSERT_TRUE(file.begin());
    ASSERT_TRUE(file.begin_snapshot(0, {1}));
    for (const auto& [address, line] : now.state) {
      const int i = address == "/mixer/0" ? 2 : 3;
      const MadeSet set(address, i % 3 == 0 ? Value("Grüße") : Value(0.25 * i), static_cast<std::uint64_t>(i));
      ASSERT_TRUE(file.add_param({.address = set.address, .value = set.value.view(), .revision = set.revision, .writer = "desk", .time = set.entry().time}));
    }
    ASSERT_TRUE(file.finish_snapshot());
    ASSERT_TRUE(file.commit());
  }

  struct Outcome {
    State state;
    std::vector<std::string> notes;
    std::string refused;
  };
  // Lays the copies down, the `which`-th of them changed, and opens.
  Outcome open_with(std::size_t which, const std::string& changed) {
    ++opened_;
    const TempFolder folder;
    for (std::size_t i = 0; i < copies_.size(); ++i) write_file(folder / ("show.db" + copies_[i].first), i == which ? changed : copies_[i].second);
    StateSink sink;
    auto opened = open_journal(folder / "show.db", sink);
    if (!opened) return {{}, {}, opened.error().message};
    // And it can be written on.
    rebuilt_ += std::ranges::any_of(opened->notes, [](const std::string& note) { return note.find("it was made anew") != std::string::npos; }) ? 1 : 0;
    const Result<void> written = write_one(opened->file);
    if (!written) ADD_FAILURE() << "it cannot be written any more: " << written.error().message;
    return {sink.state, opened->notes, {}};
  }
  static Result<void> write_one(JournalFile& file) {
    const MadeSet later("/later", Value(1), 1);
    if (auto begun = file.begin(); !begun) return begun;
    if (auto appended = file.append(later.entry()); !appended) return appended.error();
    return file.commit();
  }

  TempFolder folder_;
  std::string made_ = folder_ / "made.db";
  std::vector<std::pair<std::string, std::string>> copies_;
  History history_;
  int opened_ = 0;
  int rebuilt_ = 0;
};

TEST_F(DamageTest, EveryFlippedBitIsFoundAndSaidOrChangesNothing) {
  write(false);
  take_copy();
  const std::string good = copies_[0].second;
  ASSERT_EQ(open_with(0, good).state, history_.states.back());
  // Every byte that is not free space; one bit of each, another one from byte to byte.
  std::size_t said = 0;
  for (std::size_t byte = 0; byte < good.size(); ++byte) {
    if (good[byte] == 0 && byte % 64 != 0) continue;
    std::string bad = good;
    bad[byte] = static_cast<char>(bad[byte] ^ (1 << (byte % 8)));
    SCOPED_TRACE(fmt::format("byte {} of {}", byte, good.size()));
    const Outcome outcome = open_with(0, bad);
    ASSERT_THAT(outcome.refused, IsEmpty()) << "byte " << byte;
    if (outcome.notes.empty()) {
      ASSERT_EQ(outcome.state, history_.states.back()) << "byte " << byte << " was changed, and nobody said so";
    } else {
      ++said;
    }
  }
  EXPECT_GT(said, 300U) << "of " << opened_;
  EXPECT_GT(rebuilt_, 0);
}

TEST_F(DamageTest, AFileThatIsCutAnywhereComesBackAsFarAsItGoesAndIsKept) {
  write(false);
  take_copy();
  const std::string good = copies_[0].second;
  for (std::size_t size = 0; size < good.size(); size += size % 4'096 < 64 || size % 4'096 > 4'000 ? 13 : 509) {
    const Outcome outcome = open_with(0, good.substr(0, size));
    ASSERT_THAT(outcome.refused, IsEmpty()) << "cut to " << size;
    if (size == 0) continue;  // an empty file is a new one
    if (outcome.state != history_.states.back()) {
      ASSERT_FALSE(outcome.notes.empty()) << "cut to " << size << " bytes, and nobody said so";
    }
  }
}

TEST_F(DamageTest, ALogThatIsCutAnywhereComesBackToACommitAndSaysSo) {
  write(true);
  const std::string log = copies_[1].second;
  ASSERT_EQ(open_with(1, log).state, history_.states.back());
  ASSERT_THAT(open_with(1, log).notes, IsEmpty());
  std::size_t torn = 0;
  for (std::size_t size = 0; size < log.size(); size += size % 4'120 < 100 ? 7 : 331) {
    const Outcome outcome = open_with(1, log.substr(0, size));
    ASSERT_THAT(outcome.refused, IsEmpty()) << "cut to " << size;
    ASSERT_THAT(history_.states, Contains(outcome.state)) << "cut to " << size;
    torn += std::ranges::any_of(outcome.notes, [](const std::string& note) { return note.find("cut off behind byte") != std::string::npos; }) ? 1 : 0;
  }
  EXPECT_GT(torn, 20U);
}

TEST_F(DamageTest, AFlippedBitInTheLogNeverMakesAValueThatWasNotThere) {
  write(true);
  const std::string log = copies_[1].second;
  for (std::size_t byte = 0; byte < log.size(); byte += log[byte] == 0 ? 241 : 11) {
    std::string bad = log;
    bad[byte] = static_cast<char>(bad[byte] ^ (1 << (byte % 8)));
    const Outcome outcome = open_with(1, bad);
    ASSERT_THAT(outcome.refused, IsEmpty()) << "byte " << byte;
    ASSERT_THAT(history_.states, Contains(outcome.state)) << "byte " << byte;
  }
}

TEST_F(DamageTest, WhatIsNoDatabaseIsSetAsideUnderItsOwnName) {
  const std::string path = folder_ / "show.db";
  for (int n = 1; n <= 2; ++n) {
    write_file(path, std::string(8'192, n == 1 ? '\0' : 'x'));
    StateSink sink;
    const auto opened = open_journal(path, sink);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(opened->set_aside, fmt::format("{}.damaged-{}", path, n)) << "one that is there already is not overwritten";
    EXPECT_THAT(opened->notes, Contains(HasSubstr("is damaged")));
    ASSERT_FALSE(opened->set_aside.empty());
    EXPECT_EQ(std::filesystem::file_size(opened->set_aside), 8'192U);
  }
}

TEST_F(DamageTest, AFolderIsNoJournalAndStaysWhereItIs) {
  const std::string path = folder_ / "journals";
  std::filesystem::create_directory(path);
  StateSink sink;
  const auto opened = open_journal(path, sink);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, fmt::format("cannot open {}: it is a folder", path));
  EXPECT_TRUE(std::filesystem::is_directory(path));
  EXPECT_FALSE(std::filesystem::exists(path + ".lock"));
}

TEST(ParamText, SaysWhichParamIsWrong) {
  const auto visit = [](const ParamImage&) {};
  const auto error_of = [&](std::string_view text) {
    const auto read = read_params_text(text, visit);
    return read ? std::string("none") : read.error().message;
  };
  EXPECT_EQ(error_of("[]"), "none");
  EXPECT_EQ(error_of(R"([{"address":"/a","value":1}])"), "none") << "writer, revision and timestamp may be missing";
  EXPECT_THAT(error_of("{}"), HasSubstr("expected an array"));
  EXPECT_THAT(error_of(R"([{"address":"/a","value":1},{"value":1}])"), HasSubstr("param 2: it has no address"));
  EXPECT_THAT(error_of(R"([{"address":"/a"}])"), HasSubstr("param 1: it has no value"));
  EXPECT_THAT(error_of(R"([{"address":"/a","value":1,"exact":"AAAA"}])"), HasSubstr("param 1: its value cannot be read"));
  EXPECT_THAT(error_of("[1"), HasSubstr("at byte"));
}

}  // namespace
}  // namespace clasp::store
