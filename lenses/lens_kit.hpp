// What a lens in freestanding C++ needs: the host's protocol (docs/lenses.md), and just enough JSON for numbers in objects. No library and no heap:
// what the host allocates lies in an arena that is free again with every call. One source file includes it.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "decimal.hpp"

#define LENS_EXPORT(name) extern "C" __attribute__((export_name(#name)))

extern "C" __attribute__((import_module("lens"), import_name("next"))) const uint8_t* lens_next();

namespace lens {

enum class Kind : int8_t { error = -1, nil = 0, json = 1, end = 127 };

struct Text {
  const char* begin = nullptr;
  const char* end = nullptr;
};

// ---- memory ----

inline constexpr size_t arena_bytes = 64 * 1024;
inline uint8_t arena[arena_bytes];
inline size_t arena_used = 0;

// Of a new part of memory; null if there is no more to be had. Never given back.
inline void* more_memory(uint64_t bytes) {
  const uint64_t pages = (bytes + 65'535) / 65'536;
  if (pages > 65'536) return nullptr;
  const size_t before = __builtin_wasm_memory_grow(0, static_cast<size_t>(pages));
  return before == static_cast<size_t>(-1) ? nullptr : reinterpret_cast<void*>(before * 65'536);
}

LENS_EXPORT(alloc) inline void* alloc(int64_t bytes) {
  if (bytes < 0) return nullptr;
  if (static_cast<uint64_t>(bytes) > arena_bytes - arena_used) return more_memory(static_cast<uint64_t>(bytes));
  void* const given = arena + arena_used;
  arena_used += static_cast<size_t>(bytes);
  return given;
}

// ---- what comes in ----

// The next input; nothing at the end of the stream. Whatever alloc has given before is free again.
inline bool next_input(Text& out) {
  arena_used = 0;
  const uint8_t* item = lens_next();
  if (item == nullptr || static_cast<Kind>(*item) != Kind::json) return false;
  const size_t bytes = item[1] | (size_t{item[2]} << 8) | (size_t{item[3]} << 16) | (size_t{item[4]} << 24);
  out.begin = reinterpret_cast<const char*>(item + 5);
  out.end = out.begin + bytes;
  return true;
}
inline bool parameters(const uint8_t* item, Text& out) {
  if (static_cast<Kind>(*item) != Kind::json) return false;
  const size_t bytes = item[1] | (size_t{item[2]} << 8) | (size_t{item[3]} << 16) | (size_t{item[4]} << 24);
  out.begin = reinterpret_cast<const char*>(item + 5);
  out.end = out.begin + bytes;
  return true;
}

// ---- what goes out ----

inline uint8_t result[128];

inline const uint8_t* bare(Kind kind) {
  result[0] = static_cast<uint8_t>(kind);
  return result;
}
inline const uint8_t* finish(Kind kind, const char* end) {
  const size_t bytes = static_cast<size_t>(reinterpret_cast<const uint8_t*>(end) - result) - 5;
  result[0] = static_cast<uint8_t>(kind);
  for (int i = 0; i < 4; ++i) result[1 + i] = static_cast<uint8_t>(bytes >> (8 * i));
  return result;
}
inline char* append(char* to, const char* text) {
  while (*text != '\0') *to++ = *text++;
  return to;
}
inline const uint8_t* failure(const char* message) { return finish(Kind::error, append(reinterpret_cast<char*>(result + 5), message)); }
inline const uint8_t* value(double number) {
  char* out = append(reinterpret_cast<char*>(result + 5), "{\"value\":");
  out = number - number == 0 ? decimal::write(number, out) : append(out, "null");  // JSON has no infinity
  return finish(Kind::json, append(out, "}"));
}

// ---- JSON: numbers in an object ----

inline const char* space(const char* p, const char* end) {
  while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) ++p;
  return p;
}

// Behind the value that begins at p, null if there is none. The host has checked that it is JSON: brackets are only counted.
inline const char* behind(const char* p, const char* end) {
  int depth = 0;
  for (; p < end; ++p) {
    if (*p == '"') {
      for (++p; p < end && *p != '"'; ++p) {
        if (*p == '\\') ++p;
      }
    } else if (*p == '[' || *p == '{') {
      ++depth;
    } else if (*p == ']' || *p == '}') {
      if (depth == 0) return p;
      --depth;
    } else if (*p == ',' && depth == 0) {
      return p;
    }
  }
  return nullptr;
}

// The number of that name in an object; bytes is 0 if it is missing, no number, or this is no object.
inline decimal::Read member(const Text& text, const char* name) {
  const char* p = space(text.begin, text.end);
  if (p == text.end || *p != '{') return {};
  for (p = space(p + 1, text.end); p < text.end && *p == '"'; p = space(p + 1, text.end)) {
    const char* n = name;
    for (++p; p < text.end && *p != '"'; ++p) {
      n = n != nullptr && *n == *p ? n + 1 : nullptr;
      if (*p == '\\') ++p;
    }
    const bool found = n != nullptr && *n == '\0';
    p = space(p + 1, text.end);
    if (p >= text.end || *p != ':') return {};
    p = space(p + 1, text.end);
    const char* const after = behind(p, text.end);
    if (after == nullptr) return {};
    if (found) {
      const decimal::Read number = decimal::read(p, after);
      return space(p + number.bytes, after) == after ? number : decimal::Read{};
    }
    p = after;
    if (*p != ',') return {};
  }
  return {};
}

// {"value":x}, or the only item of an array.
inline decimal::Read input_number(const Text& text) {
  const char* p = space(text.begin, text.end);
  if (p == text.end || *p != '[') return member(text, "value");
  p = space(p + 1, text.end);
  const decimal::Read number = decimal::read(p, text.end);
  p = space(p + number.bytes, text.end);
  return number.bytes != 0 && p < text.end && *p == ']' ? number : decimal::Read{};
}

}  // namespace lens
