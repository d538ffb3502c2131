// For tests that promise not to allocate: counts calls of the global operator new, which allocations_testing.cpp replaces in the test program.
#pragma once

#include <cstdint>

namespace clasp {

std::uint64_t allocations_so_far();  // of the calling thread; always 0 under TSan

}  // namespace clasp
