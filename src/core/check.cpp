#include "core/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace clasp {

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, condition);
  std::fflush(stderr);
  std::abort();
}

}  // namespace clasp
