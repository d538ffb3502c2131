#include "server/last_words.hpp"

#include <gtest/gtest.h>

#include <new>
#include <stdexcept>

namespace clasp::server {
namespace {

void die_of(void (*cause)()) noexcept {
  name_the_reason_of_death();
  cause();
}

TEST(LastWordsDeathTest, NameWantOfMemoryAndWhatBoundsIt) {
  EXPECT_DEATH(die_of([] { throw std::bad_alloc(); }), "^clasp server: out of memory.*--max-params.*\n$");
}

TEST(LastWordsDeathTest, NameAnyOtherException) {
  EXPECT_DEATH(die_of([] { throw std::runtime_error("the reason"); }), "^clasp server: the reason\n$");
  EXPECT_DEATH(die_of([] { throw 1; }), "^clasp server: ended by something");
}

}  // namespace
}  // namespace clasp::server
