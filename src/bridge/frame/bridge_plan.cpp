#include "bridge/frame/bridge_plan.hpp"

#include <fmt/format.h>

#include "core/check.hpp"
#include "options/apply.hpp"

namespace clasp::bridge {

BridgePlan::BridgePlan(std::string_view protocol, std::string_view default_namespace)
    : protocol_(protocol), name_(fmt::format("{}-bridge", protocol)), ns_(NamespaceMap::parse(default_namespace).value()) {}

std::vector<options::Option> BridgePlan::rows(ReadFile read_file) {
  std::vector<options::Option> rows = own_rows();
  rows.push_back({.name = "namespace",
                  .value = "ADDRESS",
                  .default_text = ns_.prefix().empty() ? "/" : ns_.prefix(),
                  .help = "Where the names of the other side appear in the router; /: as they are.",
                  .apply = [this](std::string_view text) -> Result<void> {
                    auto ns = NamespaceMap::parse(text);
                    if (!ns) return ns.error();
                    ns_ = std::move(*ns);
                    return {};
                  },
                  .in_file = false,
                  .variable = "CLASP_BRIDGE_NAMESPACE"});
  rows.push_back({.name = "name",
                  .value = "TEXT",
                  .default_text = name_,
                  .help = "How the bridge calls itself.",
                  .apply = options::apply_text(name_),
                  .in_file = false});
  rows.push_back({.name = "map",
                  .value = "MAPPING",
                  .help = fmt::format("A mapping (\"{}:/fader/* <-> /lights/*\") or a file of them; repeatable (docs/mapping.md). SIGHUP reads files again.", protocol_),
                  .apply = [this, read_file = std::move(read_file)](std::string_view text) -> Result<void> {
                    if (mapping::is_mapping_text(text)) return mapping::read_mapping(text, "map", mappings_);
                    const auto file = read_file(std::string(text));
                    if (!file) return file.error();
                    return mapping::read_mappings(*file, text, mappings_);
                  },
                  .repeatable = true,
                  .in_file = false});
  return rows;
}

}  // namespace clasp::bridge
