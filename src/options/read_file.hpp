// Whole files, as options name them. An error says which file and why.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "clasp/error.hpp"

namespace clasp::options {

inline constexpr std::size_t file_bytes_max = 67'108'864;  // configuration, rules, mappings: nobody writes more

Result<std::string> read_file(const std::string& path, std::size_t bytes_max = file_bytes_max);
// To its end. `name` says in errors what it is.
Result<std::string> read_descriptor(int descriptor, std::string_view name, std::size_t bytes_max);

}  // namespace clasp::options
