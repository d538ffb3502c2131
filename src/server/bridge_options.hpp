// How `clasp server` is told of its bridges: rows of their own for OSC, one for the address of every other kind, --bridge, and [[bridge]] tables.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "options/option_set.hpp"
#include "server/server_config.hpp"

namespace clasp::server {

std::vector<options::Option> osc_rows(ServerConfig& config);
// For kinds whose name no row of `taken` has.
std::vector<options::Option> bridge_rows(ServerConfig& config, std::span<const options::Option> taken, const Environment& environment);

Result<void> read_bridge_tables(const options::TomlTree& tree, std::string_view source, const Environment& environment, ServerConfig& config);

// Behind all sources: the OSC bridges that rows have described become plans, names become unique, and what only the whole shows is checked.
Result<void> settle_bridges(ServerConfig& config);

}  // namespace clasp::server
