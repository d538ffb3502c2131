#include "lens/lens_spec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/address.hpp"
#include "core/json.hpp"

namespace clasp::lens {

namespace {

constexpr std::array<std::string_view, 3> payload_names{"auto", "wrapped", "bare"};
constexpr std::array<std::string_view, 2> bytes_names{"skip", "base64"};
constexpr std::array<std::string_view, 3> state_names{"address", "shared", "none"};
constexpr std::array<std::string_view, 3> error_names{"pass", "drop", "reject"};
constexpr std::array<std::string_view, 5> signal_names{"param", "event", "stream", "gesture", "timeline"};
constexpr std::array<std::string_view, 3> builtin_names{"lowpass", "hysteresis", "moving-average"};
constexpr std::array<std::string_view, 19> members{"address",   "wasm",    "params", "inverse", "chain",  "lens_file", "builtin",
                                                   "transform", "payload", "format", "bytes",   "state",  "on_error",  "null_ok",
                                                   "signals",   "limits",  "name",   "lenses",  "comment"};
constexpr std::size_t stages_max = 16;
constexpr std::int64_t mega = 1 << 20;

// Reads members; the first mistake counts.
class Reader {
 public:
  Reader(const Value& object, const std::string& where, std::string pointer = "") : object_(object), where_(where), pointer_(std::move(pointer)) {}

  // Absent and null are the same.
  const Value* find(std::string_view member) const {
    const Value* found = object_.find(member);
    return found == nullptr || found->is_null() ? nullptr : found;
  }
  void fail(std::string_view member, std::string_view what) {
    if (!error_) error_ = Error{ErrorCode::invalid_argument, fmt::format("{}: {}/{}: {}", where_, pointer_, member, what), {}};
  }
  void adopt(const Reader& inner) {
    if (!error_) error_ = inner.error_;
  }
  bool flag(std::string_view member) {
    const Value* value = find(member);
    if (value != nullptr && value->boolean() == nullptr) fail(member, "expected true or false");
    return value != nullptr && value->boolean() != nullptr && *value->boolean();
  }
  std::string text(std::string_view member) {
    const Value* value = find(member);
    if (value == nullptr) return {};
    if (value->string() == nullptr || value->string()->empty()) fail(member, "expected a text");
    return value->string() != nullptr ? *value->string() : std::string();
  }
  template <typename Enum>
  void choice(std::string_view member, std::span<const std::string_view> names, Enum& out) {
    const Value* value = find(member);
    if (value == nullptr) return;
    const auto found = value->string() != nullptr ? std::ranges::find(names, *value->string()) : names.end();
    if (found == names.end()) return fail(member, fmt::format("expected one of: {}", fmt::join(names, ", ")));
    out = static_cast<Enum>(found - names.begin());
  }
  template <typename Number>
  void count(std::string_view member, std::int64_t min, std::int64_t max, std::int64_t unit, Number& out) {
    const Value* value = find(member);
    if (value == nullptr) return;
    const std::int64_t* number = value->integer();
    if (number == nullptr || *number < min || *number > max) return fail(member, fmt::format("expected a number from {} to {}", min, max));
    out = static_cast<Number>(*number * unit);
  }

  const Value& object() const { return object_; }
  const std::string& where() const { return where_; }
  std::string at(std::string_view member) const { return fmt::format("{}/{}", pointer_, member); }
  const std::optional<Error>& error() const { return error_; }

 private:
  const Value& object_;
  const std::string& where_;
  std::string pointer_;
  std::optional<Error> error_;
};

void read_limits(Reader& reader, StageSpec& spec) {
  const Value* given = reader.find("limits");
  if (given == nullptr) return;
  if (given->map() == nullptr) return reader.fail("limits", "expected an object");
  Reader limits(*given, reader.where(), reader.at("limits"));
  limits.count("fuel", 100, 100'000'000'000, 1, spec.limits.fuel);
  limits.count("ms", 1, 10'000, 1, spec.limits.milliseconds);
  limits.count("memory_mb", 1, 4'095, mega, spec.limits.memory_bytes);
  limits.count("output_kb", 1, 16'384, 1'024, spec.limits.output_bytes);
  limits.count("instances", 1, 1'000'000, 1, spec.instances_max);
  limits.count("instances_mb", 1, 1'048'576, mega, spec.instances_bytes_max);
  reader.adopt(limits);
}

// What stands beside the stages counts for all of them.
StageSpec read_common(Reader& reader) {
  StageSpec spec;
  reader.choice("format", payload_names, spec.payload);
  reader.choice("payload", payload_names, spec.payload);
  reader.choice("bytes", bytes_names, spec.bytes);
  reader.choice("state", state_names, spec.state);
  read_limits(reader, spec);
  return spec;
}

std::optional<StagePlan> read_stage(Reader& reader, const StageSpec& common) {
  const Value* params = reader.find("params");
  const std::string wasm = reader.text("wasm"), builtin = reader.text("builtin"), file = reader.text("lens_file");
  const Value* transform = reader.find("transform");
  const int kinds = (wasm.empty() ? 0 : 1) + (builtin.empty() ? 0 : 1) + (file.empty() ? 0 : 1) + (transform != nullptr ? 1 : 0);
  if (reader.error()) return std::nullopt;
  if (kinds != 1) {
    reader.fail("wasm", kinds == 0 ? "missing; a module's file, or \"builtin\", \"transform\", \"lens_file\" or \"chain\" instead"
                                   : "one of these only: wasm, builtin, transform, lens_file");
    return std::nullopt;
  }
  if (transform != nullptr) return NativeStage{*transform};
  if (!builtin.empty()) {
    if (std::ranges::find(builtin_names, builtin) == builtin_names.end()) {
      reader.fail("builtin", fmt::format("expected one of: {}", fmt::join(builtin_names, ", ")));
      return std::nullopt;
    }
    Map spec{{"type", "wasm"}, {"module_id", builtin}};
    if (params != nullptr) spec.emplace_back("params", *params);
    return NativeStage{Value(std::move(spec))};
  }
  StageSpec spec = common;
  spec.direction = reader.flag("inverse") ? Direction::inverse : Direction::forward;
  if (params != nullptr) spec.params = to_json(*params);
  if (!file.empty()) return LensFileStage{file, common};
  spec.file = wasm;
  return spec;
}

void read_stages(Reader& reader, LensPlan& plan) {
  const StageSpec common = read_common(reader);
  plan.bytes = common.bytes;
  const Value* chain = reader.find("chain");
  if (chain != nullptr && chain->boolean() != nullptr) plan.goes_on = *chain->boolean();
  if (chain != nullptr && chain->boolean() == nullptr && chain->array() == nullptr)
    return reader.fail("chain", "expected an array of stages, or true to go on with the next lens");
  if (chain == nullptr || chain->array() == nullptr) {
    if (auto stage = read_stage(reader, common)) plan.stages.push_back(*std::move(stage));
    return;
  }
  for (const std::string_view other : {"wasm", "builtin", "transform", "lens_file"}) {
    if (reader.find(other) != nullptr) return reader.fail(other, "either this or an array in \"chain\"");
  }
  if (chain->array()->empty() || chain->array()->size() > stages_max) return reader.fail("chain", fmt::format("expected 1 to {} stages", stages_max));
  for (std::size_t i = 0; i < chain->array()->size() && !reader.error(); ++i) {
    Reader inner((*chain->array())[i], reader.where(), fmt::format("{}/{}", reader.at("chain"), i));
    if (auto stage = read_stage(inner, common)) plan.stages.push_back(*std::move(stage));
    reader.adopt(inner);
  }
}

void read_signals(Reader& reader, TypeMask& mask) {
  const Value* given = reader.find("signals");
  if (given == nullptr) return;
  mask.bits = 0;
  if (given->array() == nullptr || given->array()->empty())
    return reader.fail("signals", fmt::format("expected an array of: {}", fmt::join(signal_names, ", ")));
  for (const Value& item : *given->array()) {
    const auto found = item.string() != nullptr ? std::ranges::find(signal_names, *item.string()) : signal_names.end();
    if (found == signal_names.end()) return reader.fail("signals", fmt::format("expected some of: {}", fmt::join(signal_names, ", ")));
    mask.bits |= static_cast<std::uint8_t>(1U << static_cast<unsigned>(found - signal_names.begin()));
  }
}

std::string base_name(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return std::string(name.empty() ? path : name);
}

std::string made_name(const LensPlan& plan) {
  std::string name;
  for (const StagePlan& stage : plan.stages) {
    if (!name.empty()) name += "+";
    if (const auto* module = std::get_if<StageSpec>(&stage)) name += base_name(module->file);
    if (const auto* file = std::get_if<LensFileStage>(&stage)) name += base_name(file->path);
    if (const auto* native = std::get_if<NativeStage>(&stage)) {
      const Value* module = native->spec.find("module_id");
      const Value* type = module != nullptr ? module : native->spec.find("type");
      name += type != nullptr && type->string() != nullptr ? *type->string() : std::string("expression");
    }
  }
  return name;
}

}  // namespace

Result<LensPlan> read_lens(const LensTable& table) {
  if (table.spec.map() == nullptr) return Error{ErrorCode::invalid_argument, fmt::format("{}: expected an object", table.where), {}};
  Reader reader(table.spec, table.where);
  const std::string address = reader.text("address");
  if (address.empty()) reader.fail("address", "missing; a pattern of addresses is needed");
  const auto pattern = Pattern::parse(address.empty() ? "/**" : address);
  if (!pattern) reader.fail("address", describe_address_fault(pattern.error(), address));
  LensPlan plan{.address = pattern ? *pattern : *Pattern::parse("/**"), .stages = {}, .name = {}, .where = table.where, .notes = {}};
  read_stages(reader, plan);
  read_signals(reader, plan.signals);
  reader.choice("on_error", error_names, plan.on_error);
  plan.null_ok = reader.flag("null_ok");
  plan.name = reader.text("name");
  if (reader.error()) return *reader.error();
  if (plan.name.empty()) plan.name = made_name(plan);
  for (const auto& [name, value] : *table.spec.map()) {
    if (std::ranges::find(members, name) == members.end())
      plan.notes.push_back(fmt::format("{}: /{}: ignored, a lens has no such member", table.where, printable(name, 40)));
  }
  return plan;
}

Result<std::vector<StageSpec>> read_lensvm_stages(const Value& document, const StageSpec& common, const std::string& where) {
  const Value* lenses = document.find("lenses");
  if (lenses == nullptr || lenses->array() == nullptr || lenses->array()->empty() || lenses->array()->size() > stages_max)
    return Error{ErrorCode::invalid_argument, fmt::format("{}: /lenses: expected an array of 1 to {} stages", where, stages_max), {}};
  std::vector<StageSpec> stages;
  for (std::size_t i = 0; i < lenses->array()->size(); ++i) {
    Reader reader((*lenses->array())[i], where, fmt::format("/lenses/{}", i));
    StageSpec spec = common;
    spec.file = reader.text("path");
    spec.direction = reader.flag("inverse") ? Direction::inverse : Direction::forward;
    const Value* arguments = reader.find("arguments");
    if (arguments != nullptr && arguments->map() == nullptr) reader.fail("arguments", "expected an object");
    if (arguments != nullptr && arguments->map() != nullptr && !arguments->map()->empty()) spec.params = to_json(*arguments);
    if (spec.file.empty()) reader.fail("path", "missing; a module's file is needed");
    constexpr std::string_view scheme = "file://";
    if (spec.file.starts_with(scheme)) spec.file.erase(0, scheme.size());
    if (spec.file.find("://") != std::string::npos) reader.fail("path", "modules are read from files only: file:///…, or a path");
    if (reader.error()) return *reader.error();
    stages.push_back(std::move(spec));
  }
  return stages;
}

}  // namespace clasp::lens
