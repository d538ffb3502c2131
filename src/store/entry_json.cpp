#include "store/entry_json.hpp"

#include <fmt/format.h>

#include "core/json.hpp"
#include "store/row.hpp"
#include "store/value_text.hpp"

namespace clasp::store {

void append_entry_json(const Entry& entry, std::string& out) {
  fmt::format_to(std::back_inserter(out), R"({{"seq":{},"timestamp":{},"author":)", entry.seq, entry.time.us);
  append_json_string(entry.author, out);
  out += R"(,"address":)";
  append_json_string(entry.address, out);
  fmt::format_to(std::back_inserter(out), R"(,"signal_type":"{}","value":)", signal_name(entry.signal));
  append_value_text(entry.value.value_or(ValueView{}), out);
  if (entry.kind == EntryKind::publish) out += R"(,"revision":null)";
  else fmt::format_to(std::back_inserter(out), R"(,"revision":{})", entry.revision);
  fmt::format_to(std::back_inserter(out), R"(,"msg_type":{}}})", message_code(entry.kind));
}

}  // namespace clasp::store
