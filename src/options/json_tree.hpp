// A JSON text as values that know their lines, as toml_tree.hpp has it for TOML.
#pragma once

#include <string_view>

#include "options/toml_tree.hpp"

namespace clasp::options {

// `source` names the file in errors: "rules.json:3: …". Of a member that stands twice in one object nobody knows which is meant: an error.
Result<TomlTree> read_json_tree(std::string_view text, std::string_view source);

}  // namespace clasp::options
