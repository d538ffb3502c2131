// An entry as queries show it (journal specification, section 2.2): the reference's keys in its order, and no others.
#pragma once

#include <string>

#include "store/entry.hpp"

namespace clasp::store {

void append_entry_json(const Entry& entry, std::string& out);

}  // namespace clasp::store
