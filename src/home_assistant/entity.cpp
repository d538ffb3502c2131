#include "home_assistant/entity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

namespace clasp::home_assistant {

namespace {

enum class Kind : std::uint8_t { boolean, whole, real, text, other };

// Data types are free text (wire specification, section 8); these are the usual ones. Without one, a range means a number.
Kind kind_of(const SignalDefinition& signal) {
  std::string type;
  for (const char c : signal.datatype.value_or("")) type += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto any_of = [&](std::initializer_list<std::string_view> names) { return std::ranges::find(names, type) != names.end(); };
  if (any_of({"bool", "boolean"})) return Kind::boolean;
  if (any_of({"i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "int", "integer"})) return Kind::whole;
  if (any_of({"f32", "f64", "float", "double", "number"})) return Kind::real;
  if (any_of({"str", "string", "text"})) return Kind::text;
  if (type.empty() && signal.meta && signal.meta->range) return Kind::real;
  return Kind::other;
}

bool readable(const SignalDefinition& signal) { return signal.access.value_or("rw").find('r') != std::string_view::npos; }
bool writable(const SignalDefinition& signal) { return signal.access.value_or("rw").find('w') != std::string_view::npos; }

// A hash that is the same in every run: the id of an entity outlives the router (FNV-1a, 64 bits).
std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 14'695'981'039'346'656'037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211ULL;
  return hash;
}

std::string name_of(const SignalDefinition& signal) {
  if (signal.meta && signal.meta->description && !signal.meta->description->empty()) return std::string(*signal.meta->description);
  const std::string_view device = device_of(signal.address);
  const std::string_view rest = signal.address.substr(std::min(signal.address.size(), device.size() + 2));
  std::string name(rest.empty() ? device : rest);
  std::ranges::replace(name, '/', ' ');
  return name;
}

class ConfigWriter {
 public:
  ConfigWriter(const SignalDefinition& signal, const EntityContext& context) : signal_(signal), context_(context) {}

  Entity make(std::string_view component, Map own) const {
    const std::string object_id = to_id(signal_.address);
    const std::string_view device = device_of(signal_.address);
    Array availability;
    for (const std::string& topic : context_.availability) availability.emplace_back(Map{{"topic", topic}});
    Map config{{"name", name_of(signal_)}, {"unique_id", fmt::format("{}_{}_{}", context_.router_id, component, object_id)}};
    for (auto& [name, value] : own) config.emplace_back(name, std::move(value));
    config.emplace_back("availability", std::move(availability));
    config.emplace_back("availability_mode", "all");
    config.emplace_back("device", Map{{"identifiers", Array{fmt::format("{}_{}", context_.router_id, to_id(device))}}, {"name", std::string(device)}, {"manufacturer", "CLASP"}});
    config.emplace_back("origin", Map{{"name", "CLASP"}});
    return {std::string(component), object_id, std::move(config)};
  }

  Entity sensor() const {
    Map own{{"state_topic", context_.topic}};
    add_unit(own);
    const Kind kind = kind_of(signal_);
    if (kind == Kind::whole || kind == Kind::real) own.emplace_back("state_class", "measurement");
    return make("sensor", std::move(own));
  }

  Entity number() const {
    const bool whole = kind_of(signal_) == Kind::whole;
    const auto range = signal_.meta ? signal_.meta->range : std::nullopt;
    const auto [min, max] = range && range->first < range->second ? *range : std::pair{-1e6, 1e6};
    const double step = whole ? 1 : std::max((max - min) / 1'000, 0.001);  // Home Assistant allows no smaller one
    Map own{{"state_topic", context_.topic}, {"command_topic", context_.topic}, {"retain", true}, {"min", min}, {"max", max}, {"step", step}};
    own.emplace_back("mode", range ? "slider" : "box");
    add_unit(own);
    return make("number", std::move(own));
  }

  // Commands are retained: a retained message is a param, any other an event.
  Entity toggle() const {
    return make("switch", {{"state_topic", context_.topic}, {"command_topic", context_.topic}, {"retain", true}, {"payload_on", "true"}, {"payload_off", "false"}});
  }
  Entity binary_sensor() const { return make("binary_sensor", {{"state_topic", context_.topic}, {"payload_on", "true"}, {"payload_off", "false"}}); }
  Entity text() const { return make("text", {{"state_topic", context_.topic}, {"command_topic", context_.topic}, {"retain", true}}); }
  Entity button() const { return make("button", {{"command_topic", context_.topic}, {"payload_press", "true"}}); }
  Entity event() const {
    return make("event", {{"state_topic", context_.topic},
                          {"event_types", Array{"fired"}},
                          {"value_template", R"({{ {"event_type": "fired", "value": value} | tojson }})"}});
  }

 private:
  void add_unit(Map& own) const {
    if (signal_.meta && signal_.meta->unit && !signal_.meta->unit->empty()) own.emplace_back("unit_of_measurement", std::string(*signal_.meta->unit));
  }
  const SignalDefinition& signal_;
  const EntityContext& context_;
};

}  // namespace

std::string_view device_of(std::string_view address) {
  if (address.starts_with('/')) address.remove_prefix(1);
  return address.substr(0, address.find('/'));
}

std::string to_id(std::string_view text) {
  if (text.starts_with('/')) text.remove_prefix(1);
  std::string id;
  bool plain = true;
  for (const char c : text) {
    const bool kept = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-';
    plain = plain && (kept || c == '/');
    id += kept ? c : '_';
  }
  constexpr std::size_t id_bytes_max = 100;
  if (id.size() > id_bytes_max) plain = false, id.resize(id_bytes_max);
  if (!plain) id += fmt::format("_{:016x}", stable_hash(text));
  return id;
}

std::vector<Entity> entities_of(const SignalDefinition& signal, const EntityContext& context) {
  const ConfigWriter writer(signal, context);
  const Kind kind = kind_of(signal);
  const bool number = kind == Kind::whole || kind == Kind::real;
  std::vector<Entity> out;
  if (signal.address.find('*') != std::string_view::npos) return out;  // a bridge's whole namespace
  if (signal.type == SignalType::event) {
    if (readable(signal)) out.push_back(writer.event());
    if (writable(signal)) out.push_back(writer.button());
  } else if (signal.type == SignalType::stream) {
    if (number && readable(signal)) out.push_back(writer.sensor());
  } else if (signal.type == SignalType::param && kind != Kind::other) {
    const bool both = readable(signal) && writable(signal);
    if (!both && !readable(signal)) return out;  // nothing could be shown of it
    if (kind == Kind::boolean) out.push_back(both ? writer.toggle() : writer.binary_sensor());
    else if (both) out.push_back(number ? writer.number() : writer.text());
    else out.push_back(writer.sensor());
  }
  return out;
}

}  // namespace clasp::home_assistant
