// The lock of a file that one process may use: held or refused with the reason, whatever operation fails.
#include "store/file_lock.hpp"

#include <filesystem>

#include "store/failing_disk_testing.hpp"
#include "store/store_testing.hpp"

namespace clasp::store {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(FileLock, ASecondOneIsRefusedAndToldWhoHoldsIt) {
  const TempFolder folder;
  auto first = FileLock::take(folder / "show.db");
  ASSERT_TRUE(first);
  const auto second = FileLock::take(folder / "show.db");
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr(fmt::format("in use by another process ({})", ::getpid())));
  { const FileLock gone = std::move(*first); }
  EXPECT_TRUE(FileLock::take(folder / "show.db"));
}

TEST(FileLock, WhicheverOperationFailsItIsHeldOrTheReasonIsSaid) {
  for (int nth = 0;; ++nth) {
    SCOPED_TRACE(nth);
    const TempFolder folder;
    FailingDisk disk(nth, ENOLCK);
    {
      const auto lock = FileLock::take(folder / "show.db", disk);
      if (lock) {
        EXPECT_FALSE(FileLock::take(folder / "show.db"));
      } else {
        EXPECT_THAT(lock.error().message, HasSubstr("No locks available"));
        EXPECT_THAT(lock.error().message, Not(HasSubstr("in use")));
      }
    }
    EXPECT_TRUE(FileLock::take(folder / "show.db"));
    if (!disk.failed()) {
      EXPECT_EQ(nth, 4) << "open, flock, ftruncate, write";
      break;
    }
  }
}

}  // namespace
}  // namespace clasp::store
