#include "cli/bundle_file.hpp"

#include <fmt/format.h>
#include <algorithm>

#include <array>
#include <optional>

#include "cli/format.hpp"
#include "core/address.hpp"

namespace clasp::cli {

namespace {

Error bad(std::string message) { return {ErrorCode::invalid_argument, std::move(message), {}}; }

constexpr std::array<std::string_view, 3> kind_names{"set", "emit", "stream"};  // in the order of the enumerators

// What is wrong with an entry, without its number.
Result<BundleEntry> parse_entry(const Value& item) {
  const Map* object = item.map();
  if (object == nullptr || object->size() != 1) return bad(R"(expected an object with one key: "set", "emit" or "stream")");
  const auto& [name, content] = object->front();
  BundleEntry entry;
  const auto* const kind = std::ranges::find(kind_names, name);
  if (kind == kind_names.end()) return bad(fmt::format("unknown key \"{}\", expected \"set\", \"emit\" or \"stream\"", printable(name)));
  entry.kind = static_cast<BundleEntry::Kind>(kind - kind_names.begin());

  const bool needs_value = entry.kind != BundleEntry::Kind::emit;
  const std::string* address = content.string();
  if (const Array* pair = content.array(); pair != nullptr && !pair->empty() && pair->size() <= 2) {
    address = pair->front().string();
    if (pair->size() == 2)
      entry.value = pair->back();
    else if (needs_value)
      address = nullptr;
  } else if (needs_value) {
    address = nullptr;
  }
  if (address == nullptr) return bad(fmt::format("\"{}\" needs [\"ADDRESS\", VALUE]", name));
  if (const auto fault = check_address(*address)) return bad(describe_address_fault(*fault, *address));
  entry.address = *address;
  return entry;
}

// ---- announcements ----

Result<std::string> text_field(const Value& object, std::string_view key) {
  const Value* field = object.find(key);
  if (field == nullptr) return std::string();
  if (field->string() == nullptr) return bad(fmt::format("\"{}\" must be a string", key));
  return *field->string();
}

Result<std::optional<std::pair<double, double>>> range_field(const Value& object) {
  const Value* field = object.find("range");
  if (field == nullptr) return std::optional<std::pair<double, double>>{};
  const Array* pair = field->array();
  if (pair == nullptr || pair->size() != 2) return bad("\"range\" must be [MIN, MAX]");
  const auto min = pair->front().as_number();
  const auto max = pair->back().as_number();
  if (!min || !max || *min > *max) return bad("\"range\" must be two numbers, the smaller first");
  return std::optional(std::pair(*min, *max));
}

Result<SignalInfo> parse_signal(const Value& item) {
  if (item.map() == nullptr) return bad("expected an object with \"address\" and \"type\"");
  SignalInfo signal;
  const Value* meta = item.find("meta");
  if (meta != nullptr && meta->map() == nullptr) return bad("\"meta\" must be an object");

  struct TextRow {
    const char* key;
    std::string SignalInfo::* target;
    bool in_meta;
  };
  static constexpr std::array rows{TextRow{"address", &SignalInfo::address, false}, TextRow{"datatype", &SignalInfo::datatype, false},
                                   TextRow{"access", &SignalInfo::access, false}, TextRow{"unit", &SignalInfo::unit, true},
                                   TextRow{"description", &SignalInfo::description, true}};
  for (const TextRow& row : rows) {
    auto text = text_field(item, row.key);
    if (text && text->empty() && row.in_meta && meta != nullptr) text = text_field(*meta, row.key);
    if (!text) return text.error();
    signal.*row.target = std::move(*text);
  }
  auto range = range_field(item);
  if (range && !*range && meta != nullptr) range = range_field(*meta);
  if (!range) return range.error();
  signal.range = *range;

  if (const auto fault = check_address(signal.address, {.wildcards = true})) return bad(describe_address_fault(*fault, signal.address));
  const auto type = text_field(item, "type");
  if (!type) return type.error();
  const auto known = find_signal(*type);
  if (!known) return bad(fmt::format("\"type\" is \"{}\", expected one of: param, event, stream, gesture, timeline", printable(*type)));
  signal.type = *known;
  return signal;
}

}  // namespace

Result<std::vector<BundleEntry>> parse_bundle(const Value& document) {
  const Array* items = document.array();
  if (items == nullptr) return bad(R"(expected a list: [{"set": ["/a", 1]}, {"emit": ["/b", 2]}])");
  if (items->empty()) return bad("the list is empty");
  std::vector<BundleEntry> entries;
  for (std::size_t i = 0; i < items->size(); ++i) {
    auto entry = parse_entry((*items)[i]);
    if (!entry) return bad(fmt::format("entry {}: {}", i + 1, entry.error().message));
    entries.push_back(std::move(*entry));
  }
  return entries;
}

Result<Announcement> parse_announcement(const Value& document) {
  if (document.map() == nullptr) return bad(R"(expected an object: {"namespace": "/desk", "signals": […]})");
  Announcement announcement;
  auto ns = text_field(document, "namespace");
  if (!ns) return ns.error();
  if (const auto fault = check_address(*ns)) return bad(fmt::format("\"namespace\": {}", describe_address_fault(*fault, *ns)));
  announcement.ns = std::move(*ns);
  const Value* signals = document.find("signals");
  if (signals == nullptr || signals->array() == nullptr) return bad("\"signals\" must be a list");
  for (std::size_t i = 0; i < signals->array()->size(); ++i) {
    auto signal = parse_signal((*signals->array())[i]);
    if (!signal) return bad(fmt::format("signal {}: {}", i + 1, signal.error().message));
    announcement.signals.push_back(std::move(*signal));
  }
  return announcement;
}

}  // namespace clasp::cli
