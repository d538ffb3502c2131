// What this binary is.
#pragma once

#include <string_view>

namespace clasp::cli {

struct BuildInfo {
  std::string_view version = "0.1.0";  // as in CMakeLists.txt
  int protocol = 1;
  std::string_view compiler = __VERSION__;
};
inline BuildInfo build_info() { return {}; }

}  // namespace clasp::cli
