#include "core/allocations_testing.hpp"

#include <cstdlib>
#include <new>

namespace {

thread_local std::uint64_t allocations = 0;

[[maybe_unused]] void* counted(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}

}  // namespace

namespace clasp {
std::uint64_t allocations_so_far() { return allocations; }
}  // namespace clasp

// TSan has operators of its own.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CLASP_THREAD_SANITIZER
#endif
#elif defined(__SANITIZE_THREAD__)
#define CLASP_THREAD_SANITIZER
#endif
#ifndef CLASP_THREAD_SANITIZER
void* operator new(std::size_t bytes) { return counted(bytes); }
void* operator new[](std::size_t bytes) { return counted(bytes); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes == 0 ? 1 : bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return operator new(bytes, std::nothrow); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
#endif
