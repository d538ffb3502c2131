#include "core/decode_error.hpp"

#include <fmt/format.h>

#include <array>

namespace clasp {
namespace {

constexpr std::array<std::string_view, 12> names{
    // in the order of DecodeFault
    "short header",      "bad magic", "truncated frame",   "payload too large", "empty payload",         "unknown message type",
    "truncated message", "bad UTF-8", "unknown value tag", "nesting too deep",  "unknown federation op", "bad legacy message"};
static_assert(names.size() == static_cast<std::size_t>(DecodeFault::bad_legacy) + 1);

}  // namespace

std::string_view fault_name(DecodeFault fault) {
  const auto index = static_cast<std::size_t>(fault);
  return index < names.size() ? names[index] : "unknown fault";
}

std::string describe(const DecodeError& error) { return fmt::format("{} at byte {}", fault_name(error.fault), error.offset); }

}  // namespace clasp
