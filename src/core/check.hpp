// CLASP_CHECK(condition): a promise of our own code. Stays on in release; a broken one stops the process and names the place.
// Never for foreign input: that fails with a value (style guide, errors and bugs).
#pragma once

namespace clasp {
[[noreturn]] void check_failed(const char* condition, const char* file, int line);
}

#define CLASP_CHECK(condition) \
  (__builtin_expect(static_cast<bool>(condition), 1) ? static_cast<void>(0) : ::clasp::check_failed(#condition, __FILE__, __LINE__))
