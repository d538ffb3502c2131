// A TOML text as values, for what is no option: tables of mappings, of transforms …
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "clasp/error.hpp"
#include "clasp/value.hpp"

namespace clasp::options {

struct TomlTree {
  Value root;                             // a map; dates and times are texts
  std::map<std::string, unsigned> lines;  // of each value by its JSON pointer: "/mapping/0/from"

  const Value* at(std::string_view pointer) const;  // nullptr: there is none
  unsigned line(const std::string& pointer) const;  // of it, or of what it would be in; 0 if nothing is known
};

// `source` names the file in errors: "show.toml:3: …".
Result<TomlTree> read_toml(std::string_view text, std::string_view source);

}  // namespace clasp::options
