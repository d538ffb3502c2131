#include "server/transform_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/address.hpp"

namespace clasp::server {

namespace {

constexpr std::array<std::string_view, 8> members{"address", "transform", "events", "chain", "state", "on_error", "id", "comment"};
constexpr std::array<std::string_view, 2> state_names{"address", "shared"};
constexpr std::array<std::string_view, 3> error_names{"pass", "drop", "reject"};

// Reads members; the first mistake counts.
struct Reader {
  const TransformEntry& entry;
  Error error;

  bool failed() const { return error.code != ErrorCode::none; }
  void fail(std::string_view member, std::string_view what) {
    if (!failed()) error = {ErrorCode::invalid_argument, fmt::format("{}: /{}: {}", entry.where, member, what), {}};
  }
  bool flag(std::string_view member) {
    const Value* value = entry.spec.find(member);
    if (value == nullptr) return false;
    if (value->boolean() == nullptr) fail(member, "expected true or false");
    return value->boolean() != nullptr && *value->boolean();
  }
  std::size_t choice(std::string_view member, std::span<const std::string_view> names) {
    const Value* value = entry.spec.find(member);
    if (value == nullptr) return 0;
    const auto found = value->string() != nullptr ? std::ranges::find(names, *value->string()) : names.end();
    if (found == names.end()) fail(member, fmt::format("expected one of: {}", fmt::join(names, ", ")));
    return found == names.end() ? 0 : static_cast<std::size_t>(found - names.begin());
  }
};

}  // namespace

Result<TransformRules> TransformRules::compile(std::span<const TransformEntry> entries, const transform::LensLoader& lenses) {
  TransformRules rules;
  for (const TransformEntry& entry : entries) {
    auto rule = compile(entry, lenses);
    if (!rule) return rule.error();
    rules.rules_.push_back(std::move(*rule));
  }
  return rules;
}

Result<TransformRules::Rule> TransformRules::compile(const TransformEntry& entry, const transform::LensLoader& lenses) {
  Reader reader{.entry = entry, .error = {}};
  if (entry.spec.map() == nullptr) return Error{ErrorCode::invalid_argument, fmt::format("{}: expected a table", entry.where), {}};
  for (const auto& [name, value] : *entry.spec.map()) {
    if (std::ranges::find(members, name) == members.end()) reader.fail(name, "a transform of the router has no such member");
  }
  const Value* address = entry.spec.find("address");
  const Value* transform = entry.spec.find("transform");
  if (address == nullptr || address->string() == nullptr) reader.fail("address", "missing; a pattern of addresses is needed");
  if (transform == nullptr) reader.fail("transform", "missing; a transform is needed");
  const bool events = reader.flag("events");
  const bool chain = reader.flag("chain");
  const bool shared = reader.choice("state", state_names) == 1;
  const auto on_error = static_cast<OnError>(reader.choice("on_error", error_names));
  if (reader.failed()) return reader.error;
  const auto pattern = Pattern::parse(*address->string());
  if (!pattern) {
    reader.fail("address", describe_address_fault(pattern.error(), *address->string()));
    return reader.error;
  }
  auto compiled = transform::Transform::compile(*transform, {.lenses = lenses}, "/transform");
  if (!compiled) return Error{ErrorCode::invalid_argument, fmt::format("{}: {}", entry.where, compiled.error().message), {}};
  return Rule{.address = *pattern,
              .transform = std::move(*compiled),
              .events = events,
              .chain = chain,
              .shared = shared,
              .on_error = on_error,
              .where = entry.where};
}

router::Transformed TransformRules::transform(std::string_view address, SignalType signal, const ValueView& value, const Now& now) {
  std::optional<Value> current;
  for (Rule& rule : rules_) {
    if ((signal != SignalType::param && !rule.events) || !rule.address.matches(address)) continue;
    if (!current) current = to_value(value);
    const std::uint64_t faults = rule.transform.faults();
    const transform::Outcome outcome = rule.transform.apply(*current, rule.shared ? std::string_view() : address, now);
    if (outcome == transform::Outcome::drop) return router::Drop{};
    if (rule.transform.faults() != faults && rule.on_error != OnError::pass) {
      if (rule.on_error == OnError::drop) return router::Drop{};
      return router::Reject{fmt::format("{}: {}", printable(address), rule.transform.last_fault())};
    }
    if (!rule.chain) break;
  }
  if (!current) return router::Keep{};
  return *std::move(current);
}

std::vector<std::string> TransformRules::notes() const {
  std::vector<std::string> out;
  for (const Rule& rule : rules_) {
    for (const std::string& note : rule.transform.notes()) out.push_back(fmt::format("{}: {}", rule.where, note));
  }
  return out;
}

}  // namespace clasp::server
