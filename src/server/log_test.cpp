#include "server/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "server/pipe_testing.hpp"

namespace clasp::server {
namespace {

using ::testing::MatchesRegex;

// stderr is a pipe for the length of a test.
class LogTest : public ::testing::Test {
 protected:
  LogTest() { CLASP_CHECK(::dup2(pipe_.in(), STDERR_FILENO) == STDERR_FILENO); }
  ~LogTest() override {
    ::dup2(stderr_, STDERR_FILENO);
    ::close(stderr_);
  }
  Pipe pipe_;
  int stderr_ = ::dup(STDERR_FILENO);
};

TEST_F(LogTest, WritesLinesOfItsLevelAndAbove) {
  Log log(LogLevel::warn, false);
  log.info("not this");
  log.warn("this");
  log.error("and this");
  EXPECT_THAT(pipe_.drain(), MatchesRegex("[0-9: .-]+ warning this\n[0-9: .-]+ error and this\n"));
}

TEST_F(LogTest, SaysHowManyLinesAreMissingAsSoonAsItCan) {
  Log log(LogLevel::info, false);
  log.info("before");
  pipe_.fill();
  for (int i = 0; i < 3; ++i) log.info("missed");
  pipe_.drain();
  log.info("after");
  log.info("and on");
  EXPECT_THAT(pipe_.drain(), MatchesRegex("[0-9: .-]+ error 3 log lines are missing here: whoever reads this did not keep up\n"
                                          "[0-9: .-]+ info after\n[0-9: .-]+ info and on\n"));
}

TEST_F(LogTest, SaysSoAsJsonWhereLinesAreJson) {
  Log log(LogLevel::info, true);
  pipe_.fill();
  log.info("missed");
  pipe_.drain();
  log.info("\"after\"");
  EXPECT_THAT(pipe_.drain(), MatchesRegex("\\{\"time\":\"[^\"]+\",\"level\":\"error\",\"message\":\"1 log lines are missing here: [a-z ]+\"\\}\n"
                                          "\\{\"time\":\"[^\"]+\",\"level\":\"info\",\"message\":\"\\\\\"after\\\\\"\"\\}\n"));
}

}  // namespace
}  // namespace clasp::server
