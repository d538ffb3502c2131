// Rules from strangers, in whichever dialect: what is read must be the same when it is read again as it is shown, and run within its bounds.
//
// The first byte chooses: JSON or TOML, and what is set then.
#include <string_view>

#include "core/check.hpp"
#include "core/json.hpp"
#include "rules/local_time.hpp"
#include "rules/rule_reader.hpp"
#include "rules/rule_source.hpp"
#include "rules/trial.hpp"

namespace {

using namespace clasp;

const Now now{.steady = {1'000'000}, .unix_time = {1'767'225'600'000'000}, .received = {}};

const std::array<Value, 8>& samples() {
  static const std::array<Value, 8> all{
      Value(), Value(true), Value(31), Value(0.5), Value(1e308), Value("on"), Value(Array{1, 0.5}), Value(Map{{"/a", 1}, {"/b/c", "x"}})};
  return all;
}

void check_round_trip(const rules::Rule& rule) {
  const Value shown = rules::to_json(rule);
  auto again = rules::read_rule(shown, "other");
  CLASP_CHECK(again.has_value());
  CLASP_CHECK(to_json(rules::to_json(again->rule)) == to_json(shown));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  rules::RuleSource source;
  if (!rules::read_rules(text, (data[0] & 1) != 0 ? "fuzz.toml" : "fuzz.json", source)) return 0;
  auto compiled = rules::compile_rules(source);
  if (!compiled) return 0;
  for (const rules::Rule& rule : compiled->rules) check_round_trip(rule);
  if (compiled->rules.size() > 8) compiled->rules.erase(compiled->rules.begin() + 8, compiled->rules.end());
  rules::TrialInput input{.state = {{"/x", Value(5)}, {"/r/t", Value(20)}},
                          .address = (data[0] & 2) != 0 ? "/x" : "/r/t",
                          .value = samples()[(data[0] >> 2) & 7],
                          .event = (data[0] & 32) != 0,
                          .length = Micros{2'000'000},
                          .begin = now,
                          .local_time = rules::machine_zone};
  std::size_t lines = 0;
  const auto fired = rules::try_rules(std::move(compiled->rules), input, [&](std::string_view line) { lines += line.empty() ? 0 : 1; });
  CLASP_CHECK(!fired || lines > 0 || !*fired);
  return 0;
}
