// `clasp transform test`: what a transform makes of a value, without a router.
#include <fmt/format.h>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/lens_modules.hpp"
#include "cli/value_text.hpp"
#include "core/json.hpp"
#include "io/io_loop.hpp"
#include "transform/transform.hpp"

namespace clasp::cli {

namespace {

using transform::Outcome;
using transform::Transform;

struct TransformFlags {
  std::optional<std::string> spec;
  std::optional<std::string> input;
  std::string address = "/test";
  lens::ModuleFiles modules;
  std::uint64_t count = 1;
  bool inverse = false;
  bool json = false;
};

options::Apply apply_given(std::optional<std::string>& target) {
  return [&target](std::string_view text) -> Result<void> {
    target = text;
    return {};
  };
}

std::vector<options::Option> transform_rows(TransformFlags& flags) {
  return {
      {.name = "spec", .value = "TRANSFORM", .help = "The transform: JSON, or an expression.", .apply = apply_given(flags.spec), .in_file = false},
      {.name = "input", .value = "VALUE", .help = "The value, as in clasp set.", .apply = apply_given(flags.input), .in_file = false},
      {.name = "count",
       .value = "N",
       .default_text = "1",
       .help = "Sends it through so many times, 10 ms apart.",
       .apply = apply_count(flags.count, 1, 1'000'000),
       .in_file = false},
      {.name = "address",
       .value = "ADDRESS",
       .default_text = "/test",
       .help = "Where the value comes from.",
       .apply = apply_text(flags.address),
       .in_file = false},
      lens_module_row(flags.modules),
      {.name = "inverse", .help = "What undoes the transform instead.", .apply = apply_switch(flags.inverse), .in_file = false},
      {.name = "json", .help = "One JSON object a line, with the steps of a chain.", .apply = apply_switch(flags.json), .in_file = false},
  };
}

// Whatever is JSON is JSON; what is not is an expression.
Result<Transform> load(const TransformFlags& flags) {
  auto lenses = load_lens_modules(flags.modules);
  if (!lenses) return lenses.error();
  auto spec = parse_json(*flags.spec);
  auto made = Transform::compile(spec ? *spec : Value(*flags.spec), {.lenses = *std::move(lenses)});
  if (!made || !flags.inverse) return made;
  return made->inverse();
}

std::string_view name_of(Outcome outcome) {
  constexpr std::string_view names[] = {"keep", "value", "drop"};
  return names[static_cast<std::size_t>(outcome)];
}

}  // namespace

ExitCode run_transform(const Invocation& call) {
  TransformFlags flags;
  const auto arguments = read_arguments(call, transform_rows(flags));
  if (arguments.exit) return *arguments.exit;
  if (arguments.positional[0] != "test") return usage_error(call, fmt::format("expected test, not \"{}\"", arguments.positional[0]));
  if (!flags.spec) return usage_error(call, "--spec is missing: the transform as JSON, or an expression");
  if (!flags.input) return usage_error(call, "--input is missing: a value");
  const auto input = parse_value(*flags.input);
  if (!input) return usage_error(call, input.error().message);
  auto transform = load(flags);
  if (!transform) return fail(call, transform.error().message);
  for (const std::string& note : transform->notes()) call.console.note(note);

  Now now = io::read_clocks();
  bool dropped = false;
  for (std::uint64_t i = 0; i < flags.count && !call.console.closed(); ++i) {
    Value value = *input;
    Array steps;
    const Outcome outcome = transform->trace(value, flags.address, now, [&](const Value& spec, const Value& after, Outcome of) {
      steps.push_back(Map{{"transform", spec}, {"outcome", name_of(of)}, {"value", after}});
    });
    dropped = outcome == Outcome::drop;
    Map line{{"input", *input}, {"outcome", name_of(outcome)}};
    if (!dropped) line.emplace_back("value", value);
    line.emplace_back("steps", std::move(steps));
    call.console.result(flags.json ? to_json(Value(std::move(line))) : dropped ? std::string("dropped") : to_json(value));
    now.steady = now.steady + Micros{10'000};
    now.unix_time.us += 10'000;
  }
  if (transform->faults() > 0) call.console.note(fmt::format("it could not be evaluated, the value stays: {}", transform->last_fault()));
  return dropped ? ExitCode::failed : ExitCode::ok;
}

}  // namespace clasp::cli
