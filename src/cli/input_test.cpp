#include "cli/input.hpp"

#include <gmock/gmock.h>
#include <signal.h>
#include <unistd.h>

#include <array>

namespace clasp::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Clock = Interrupts::Clock;
using Woken = Interrupts::Woken;

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe(ends_.data()), 0); }
  Pipe(const Pipe&) = delete;
  ~Pipe() {
    close_reader();
    close_writer();
  }
  int reader() const { return ends_[0]; }
  int writer() const { return ends_[1]; }
  void write(std::string_view text) { EXPECT_EQ(::write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size())); }
  void close_reader() { close_end(0); }
  void close_writer() { close_end(1); }

 private:
  void close_end(std::size_t which) {
    if (ends_[which] >= 0) close(ends_[which]);
    ends_[which] = -1;
  }
  std::array<int, 2> ends_{};
};

std::vector<std::string> lines_of(std::string_view text) {
  Pipe pipe;
  pipe.write(text);
  pipe.close_writer();
  Interrupts interrupts;
  LineReader reader(pipe.reader(), interrupts);
  std::vector<std::string> lines;
  while (true) {
    const auto line = reader.next();
    EXPECT_TRUE(line);
    if (!line || !*line) return lines;
    lines.push_back(**line);
  }
}

TEST(LineReader, TakesLinesWithEitherEndAndTheLastWithoutOne) {
  EXPECT_THAT(lines_of("1\r\n2\n\n3"), ElementsAre("1", "2", "", "3"));
  EXPECT_THAT(lines_of("1\n"), ElementsAre("1"));
  EXPECT_THAT(lines_of(""), ElementsAre());
}

TEST(LineReader, EndsWhenItIsStoppedWhileNothingComes) {
  Pipe pipe;
  Interrupts interrupts;
  LineReader reader(pipe.reader(), interrupts);
  interrupts.stop();
  EXPECT_EQ(*reader.next(), std::nullopt);
}

TEST(Input, IsReadWholeOrRefusedWithItsName) {
  Pipe pipe;
  pipe.write("two\nlines\n");
  pipe.close_writer();
  EXPECT_EQ(*read_file("-", pipe.reader()), "two\nlines\n");
  EXPECT_THAT(read_file("/nowhere/x.json", -1).error().message, HasSubstr("cannot open /nowhere/x.json: No such file"));
  EXPECT_THAT(read_file("/", -1).error().message, HasSubstr("cannot read /"));
}

TEST(Input, ThatIsTooLongIsRefused) { EXPECT_THAT(read_file("/dev/zero", -1).error().message, HasSubstr("/dev/zero is longer than 4194304 bytes")); }

TEST(Input, ThatIsNoJsonSaysWhere) {
  Pipe pipe;
  pipe.write("[1,\n x]");
  pipe.close_writer();
  const auto value = read_json("-", pipe.reader());
  ASSERT_FALSE(value);
  EXPECT_THAT(value.error().message, testing::AllOf(testing::StartsWith("stdin: "), HasSubstr("line 2")));
}

TEST(Interrupts, AreStoppedOnceAndForAll) {
  Interrupts interrupts;
  EXPECT_EQ(interrupts.wait(Clock::now()), Woken::timeout);
  interrupts.stop();
  EXPECT_EQ(interrupts.wait(), Woken::stopped);
  EXPECT_EQ(interrupts.wait(), Woken::stopped);
}

TEST(Interrupts, NoticeTheFirstSignal) {
  for (const int signal : {SIGINT, SIGTERM}) {
    Interrupts interrupts;
    raise(signal);
    EXPECT_EQ(interrupts.wait(), Woken::stopped);
  }
}

TEST(InterruptsDeathTest, EndTheProcessAtTheSecondSignal) {
  const auto interrupted_twice = [] {
    Interrupts interrupts;
    raise(SIGINT);
    raise(SIGINT);
  };
  EXPECT_EXIT(interrupted_twice(), testing::ExitedWithCode(130), "");
}

TEST(InterruptsDeathTest, EndTheProcessAtOnceInCommandsThatAnswerAndEnd) {
  const auto interrupted = [] {
    exit_on_interrupt();
    raise(SIGINT);
  };
  EXPECT_EXIT(interrupted(), testing::ExitedWithCode(130), "");
}

TEST(Interrupts, WakeWhenThereIsSomethingToRead) {
  Pipe pipe;
  Interrupts interrupts;
  EXPECT_EQ(interrupts.wait(Clock::now(), pipe.reader()), Woken::timeout);
  pipe.write("x");
  EXPECT_EQ(interrupts.wait({}, pipe.reader()), Woken::readable);
}

TEST(Interrupts, StopWhenNobodyReadsTheOutputAnyMore) {
  Pipe pipe;
  Interrupts interrupts;
  interrupts.stop_when_closed(pipe.writer());
  EXPECT_EQ(interrupts.wait(Clock::now()), Woken::timeout);
  pipe.close_reader();
  EXPECT_EQ(interrupts.wait(), Woken::stopped);
}

}  // namespace
}  // namespace clasp::cli
