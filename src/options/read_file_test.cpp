#include "options/read_file.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>

namespace clasp::options {
namespace {

using ::testing::HasSubstr;

TEST(ReadFile, GivesAllOfIt) {
  char path[] = "/tmp/clasp_read_file_XXXXXX";
  const int descriptor = ::mkstemp(path);
  const std::string text(200'000, 'x');
  ASSERT_EQ(::write(descriptor, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  ::close(descriptor);
  EXPECT_EQ(*read_file(path), text);
  EXPECT_THAT(read_file(path, 199'999).error().message, HasSubstr("is longer than 199999 bytes"));
  ::unlink(path);
}

TEST(ReadFile, SaysWhichFileCannotBeReadAndWhy) {
  EXPECT_EQ(read_file("/nowhere/show.toml").error().message, "cannot open /nowhere/show.toml: No such file or directory");
  EXPECT_EQ(read_file("/").error().message, "cannot read /: Is a directory");  // not an empty file
}

}  // namespace
}  // namespace clasp::options
