// Specifications, expressions, paths and mapping lines from strangers: what loads must load again from its canonical form, and then take any value.
//
// The first byte chooses: a specification as JSON, an expression, a mapping line, a mapping as JSON, an address pattern with an address.
#include <cstdlib>
#include <string_view>

#include "core/check.hpp"
#include "core/json.hpp"
#include "mapping/mapping_line.hpp"
#include "mapping/mapping_table.hpp"
#include "transform/transform.hpp"

namespace {

using namespace clasp;

const Now now{.steady = {1'000'000}, .unix_time = {1'767'225'600'000'000}, .received = {}};

const std::array<Value, 10>& samples() {
  static const std::array<Value, 10> all{Value(),
                                         Value(true),
                                         Value(7),
                                         Value(std::int64_t{-9'223'372'036'854'775'807}),
                                         Value(0.5),
                                         Value(-1e300),
                                         Value("on"),
                                         Value(Blob(3)),
                                         Value(Array{1, 0.5, Map{{"a", 1}}}),
                                         Value(Map{{"a", Array{1, 2}}, {"b", "x"}})};
  return all;
}

void run(transform::Transform& transform) {
  for (const Value& sample : samples()) {
    Value value = sample;
    transform.apply(value, "/a/b", now);
  }
}

void try_specification(const Value& spec) {
  auto transform = transform::Transform::compile(spec);
  if (!transform) return;
  run(*transform);
  auto again = transform::Transform::compile(transform->to_json());
  CLASP_CHECK(again.has_value());
  CLASP_CHECK(to_json(again->to_json()) == to_json(transform->to_json()));
  if (auto back = transform->inverse()) run(*back);
}

void try_mapping(const Value& spec) {
  mapping::MappingSource source;
  source.entries.push_back({.spec = spec, .source = "fuzz", .number = 1});
  auto table = mapping::MappingTable::compile(source, {.protocol = {}, .ns = "/osc", .transforms = {}});
  if (!table) return;
  for (const std::string_view address : {"/a", "/a/1", "/a/b/c", "/fader/3", "/x/y/z/1"}) {
    for (const Value& sample : samples()) {
      table->in(address, sample, now, [&](const std::string& to, const Value& value, std::optional<SignalType>) {
        CLASP_CHECK(to.starts_with('/'));
        table->out(to, value, {}, now, [](const std::string& device, const Value&) { CLASP_CHECK(device.starts_with('/')); });
      });
    }
  }
  table->advance(now, [](const std::string&, const Value&) {});
}

void try_pattern(std::string_view text) {
  const std::size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return;
  const auto pattern = mapping::AddressPattern::parse(text.substr(0, blank));
  mapping::Captured captured;
  const std::string_view address = text.substr(blank + 1);
  if (!pattern || !pattern->match(address, captured)) return;
  // What a pattern has taken out of an address makes that address again, but for slashes around an empty **.
  std::vector<std::string_view> texts(captured.begin(), captured.end());
  const std::string filled = pattern->fill(texts);
  mapping::Captured again;
  CLASP_CHECK(filled.empty() || pattern->match(filled, again));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      if (const auto spec = parse_json(text)) try_specification(*spec);
      break;
    case 1: try_specification(Value(text)); break;
    case 2:
      if (const auto object = mapping::parse_mapping_line(text)) try_mapping(*object);
      break;
    case 3:
      if (const auto spec = parse_json(text)) try_mapping(*spec);
      break;
    default: try_pattern(text);
  }
  return 0;
}
