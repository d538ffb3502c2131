// Members of what the router's process and its bridges report about themselves: absent or of another kind, they are empty.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "clasp/value.hpp"

namespace clasp::cli {

inline std::string report_text(const Value& report, std::string_view member) {
  const Value* value = report.map() == nullptr ? nullptr : report.find(member);
  return value != nullptr && value->string() != nullptr ? *value->string() : "";
}

inline std::uint64_t report_count(const Value& report, std::string_view member) {
  const Value* value = report.map() == nullptr ? nullptr : report.find(member);
  return value != nullptr && value->integer() != nullptr && *value->integer() > 0 ? static_cast<std::uint64_t>(*value->integer()) : 0;
}

}  // namespace clasp::cli
