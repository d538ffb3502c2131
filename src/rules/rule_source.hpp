// Rules as they are written in files: JSON in any dialect, or the [[rule]] tables of a TOML file.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clasp/error.hpp"
#include "options/toml_tree.hpp"
#include "rules/rule.hpp"

namespace clasp::rules {

// One rule's text, and where it stands.
struct RuleEntry {
  Value spec;
  std::string source;                                    // "rules.json"
  std::string pointer;                                   // of it in there, "/rules/3"
  std::shared_ptr<const options::TomlTree> tree;         // which knows the lines
  std::size_t number = 0;                                // from 1
  std::string describe(std::string_view message) const;  // "rules.json:12: rule "hot": /trigger/above: …"; the message begins with a pointer
};

struct RuleSource {
  std::vector<RuleEntry> entries;
  transform::LensLoader lenses{};  // of the modules their transforms name; none: those built in
};

// Appends what a file holds. A name that ends in .toml: its [[rule]] tables, whatever else is in there. Otherwise JSON: an array, an object with
// "rules", or one rule. A member that stands twice in an object is an error.
Result<void> read_rules(std::string_view text, std::string_view source, RuleSource& out);

struct CompiledRules {
  std::vector<Rule> rules;         // in their order; of two with one id the later one, in the place of the first
  std::vector<std::string> notes;  // what their author should know, with its place
};
// All or nothing; the error names file, line, rule and member.
Result<CompiledRules> compile_rules(const RuleSource& source);

}  // namespace clasp::rules
