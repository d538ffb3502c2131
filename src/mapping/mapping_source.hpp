// Mappings as they are written: a file of lines, JSON, or the [[mapping]] tables of a TOML file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clasp/error.hpp"
#include "clasp/value.hpp"
#include "transform/transform.hpp"

namespace clasp::mapping {

// One mapping in its object form, and where it stands.
struct MappingEntry {
  Value spec;
  std::string source;                                     // "show.toml"
  std::size_t number = 0;                                 // from 1
  unsigned line = 0;                                      // 0: unknown
  std::vector<std::pair<std::string, unsigned>> lines{};  // of its members, by JSON pointer

  std::string where() const;                             // "show.toml:12: mapping 3"
  std::string describe(std::string_view message) const;  // where it is, the member's own line if the message begins with its pointer
};

struct MappingSource {
  std::vector<MappingEntry> entries;
  bool pass_unmatched = true;  // what no mapping has goes on as it is, else nowhere
  transform::LensLoader lenses{};  // of the modules their transforms name; none: those built in
};
inline constexpr std::size_t mappings_max = 10'000;

// Appends what a text holds. By the name of the source: .toml (keys "mapping" and "mapping-default", others are left alone), .json (an array, or an
// object with "mappings" and "default"); anything else is lines in the terse form, with # for comments.
Result<void> read_mappings(std::string_view text, std::string_view source, MappingSource& out);

// Whether a text is a mapping itself rather than the name of a file.
bool is_mapping_text(std::string_view text);

// One in the terse form, or the older FROM=TO, which leads both ways.
Result<void> read_mapping(std::string_view text, std::string_view source, MappingSource& out);

}  // namespace clasp::mapping
