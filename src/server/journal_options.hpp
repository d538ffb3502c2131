#pragma once

#include <vector>

#include "options/option_set.hpp"
#include "server/server_config.hpp"

namespace clasp::server {

std::vector<options::Option> journal_rows(JournalConfig& config);

// Behind all sources: what no single row sees, and what the router has to know.
Result<void> settle_journal(ServerConfig& config);

}  // namespace clasp::server
