#include "server/log_output.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "server/pipe_testing.hpp"

namespace clasp::server {
namespace {

TEST(LogOutput, WritesWholeLines) {
  Pipe pipe;
  LogOutput output(pipe.in());
  EXPECT_EQ(output.write("one\n"), 0);
  EXPECT_EQ(output.write("two\n"), 0);
  EXPECT_EQ(pipe.drain(), "one\ntwo\n");
}

TEST(LogOutput, DoesNotWaitForAReaderThatHasStopped) {
  Pipe pipe;
  LogOutput output(pipe.in());
  pipe.fill();
  EXPECT_EQ(output.write("missed\n"), EAGAIN);
  pipe.drain();
  EXPECT_EQ(output.write("heard\n"), 0);
  EXPECT_EQ(pipe.drain(), "heard\n");
}

TEST(LogOutput, EndsALineThatWasCutShortBeforeTheNextOne) {
  Pipe pipe;
  LogOutput output(pipe.in());
  EXPECT_EQ(output.write(std::string(3 * pipe.bytes(), 'x') + "\n"), EAGAIN) << "longer than what the pipe holds";
  const std::string begun = pipe.drain();
  EXPECT_FALSE(begun.empty());
  EXPECT_EQ(begun, std::string(begun.size(), 'x'));
  EXPECT_EQ(output.write("next\n"), 0);
  EXPECT_EQ(pipe.drain(), "\nnext\n");
}

TEST(LogOutput, SaysWhyADeviceTakesNothing) {
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  LogOutput output(full);
  EXPECT_EQ(output.write("line\n"), ENOSPC);
  ::close(full);
}

TEST(LogOutput, SurvivesAReaderThatHasGone) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  LogOutput output(pipe.in());
  pipe.close_reader();
  EXPECT_EQ(output.write("line\n"), EPIPE);
  std::signal(SIGPIPE, before);
}

}  // namespace
}  // namespace clasp::server
