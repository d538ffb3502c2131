// What this program was built from and what is in it.
#pragma once

#include <span>
#include <string_view>

namespace clasp::cli {

struct BuildInfo {
  std::string_view version;     // "0.1.0"
  unsigned protocol;            // of HELLO and WELCOME
  std::string_view build_type;  // "Release"
  std::string_view compiler;
  std::string_view platform;  // "linux"
  std::string_view processor;
};
BuildInfo build_info();

struct Feature {
  std::string_view name;
  std::string_view what;
  bool built;
};
std::span<const Feature> features();

}  // namespace clasp::cli
