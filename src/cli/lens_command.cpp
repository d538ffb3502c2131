// `clasp lens`: WASM modules without a router: check them, look into them, try them, measure them.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/input.hpp"
#include "core/address.hpp"
#include "core/json.hpp"
#include "lens/instance.hpp"
#include "lens/module_shelf.hpp"

namespace clasp::cli {

namespace {

using lens::Direction;
using lens::Instance;
using lens::Module;
using Words = std::span<const std::string>;

struct LensFlags {
  std::vector<std::string> inputs;
  std::optional<std::string> params;
  bool inverse = false;
  lens::Limits limits;
  std::uint64_t count = 100'000;
};

std::vector<options::Option> lens_rows(LensFlags& flags) {
  return {
      {.name = "input",
       .value = "JSON",
       .help = "test, bench: what the lens is given, as it stands; repeatable: one after the other, to the same instance.",
       .apply = [&flags](std::string_view text) -> Result<void> {
         flags.inputs.emplace_back(text);
         return {};
       },
       .repeatable = true,
       .in_file = false},
      {.name = "params",
       .value = "JSON",
       .help = "Its parameters.",
       .apply = [&flags](std::string_view text) -> Result<void> {
         flags.params = text;
         return {};
       },
       .in_file = false},
      {.name = "inverse", .help = "Its inverse instead.", .apply = apply_switch(flags.inverse), .in_file = false},
      {.name = "fuel",
       .value = "N",
       .default_text = "10000000",
       .help = "Instructions of one call at most.",
       .apply = apply_count(flags.limits.fuel, 100, 100'000'000'000),
       .in_file = false},
      {.name = "memory",
       .value = "MB",
       .default_text = "16",
       .help = "Memory of an instance at most.",
       .apply = [&flags](std::string_view text) -> Result<void> {
         std::uint64_t megabytes = 0;
         if (auto read = apply_count(megabytes, 1, 4'095)(text); !read) return read;
         flags.limits.memory_bytes = megabytes << 20;
         return {};
       },
       .in_file = false},
      {.name = "count",
       .value = "N",
       .default_text = "100000",
       .help = "bench: so many calls.",
       .apply = apply_count(flags.count, 1, 1'000'000'000),
       .in_file = false},
  };
}

enum class Paint : std::uint8_t { good, label };
std::string painted(const Invocation& call, std::string_view text, Paint paint) {
  if (!call.console.on_terminal() || call.variable("NO_COLOR") != nullptr) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", paint == Paint::good ? "1;32" : "36", text);
}

// What went wrong and why, a line each.
ExitCode chain(const Invocation& call, std::string_view what, std::string_view why) {
  fail(call, what);
  call.console.error(fmt::format("  caused by: {}", why));
  return ExitCode::failed;
}

// Nothing: the mistake is told.
std::shared_ptr<const Module> load(const Invocation& call, const std::string& path) {
  const auto bytes = lens::read_module_file(path);
  if (!bytes) {
    chain(call, fmt::format("Failed to read: {}", path), bytes.error().message);
    return nullptr;
  }
  auto runtime = lens::Runtime::open();
  if (!runtime) {
    fail(call, runtime.error().text());
    return nullptr;
  }
  auto module = Module::compile(*runtime, *bytes);
  if (module) return *std::move(module);
  chain(call, fmt::format("Invalid WASM lens module: {}", path), module.error().text());
  return nullptr;
}

std::optional<ExitCode> bad_json(const Invocation& call, std::string_view flag, const std::string& text) {
  const auto parsed = parse_json(text);
  if (parsed) return std::nullopt;
  return chain(call, fmt::format("Failed to parse {} as JSON", flag), parsed.error().message);
}

std::string_view failed_text(const LensFlags& flags) { return flags.inverse ? "Inverse transform failed" : "Forward transform failed"; }

// An instance with the parameters that were given; nothing: the mistake is told.
std::unique_ptr<Instance> start(const Invocation& call, const std::string& path, const LensFlags& flags) {
  const auto module = load(call, path);
  if (!module || (flags.params && bad_json(call, "--params", *flags.params))) return nullptr;
  auto instance = Instance::create(module, flags.limits, flags.params ? std::optional<std::string_view>(*flags.params) : std::nullopt);
  if (instance) return *std::move(instance);
  chain(call, failed_text(flags), instance.error().text());
  return nullptr;
}

Direction direction(const LensFlags& flags) { return flags.inverse ? Direction::inverse : Direction::forward; }

// Two spaces for each level, as people read it.
void append_pretty(const Value& value, std::size_t depth, std::string& out) {
  const auto items = [&](char open, char close, std::size_t count, const auto& item) {
    out += open;
    for (std::size_t i = 0; i < count; ++i) {
      out += i == 0 ? "\n" : ",\n";
      out.append(2 * (depth + 1), ' ');
      item(i);
    }
    if (count > 0) out.append("\n").append(2 * depth, ' ');
    out += close;
  };
  if (const Array* array = value.array()) {
    items('[', ']', array->size(), [&](std::size_t i) { append_pretty((*array)[i], depth + 1, out); });
  } else if (const Map* map = value.map()) {
    items('{', '}', map->size(), [&](std::size_t i) {
      append_json_string((*map)[i].first, out);
      out += ": ";
      append_pretty((*map)[i].second, depth + 1, out);
    });
  } else {
    append_json(value, JsonBytes::base64, out);
  }
}

ExitCode validate(const Invocation& call, Words words, const LensFlags&) {
  if (!load(call, words[0])) return ExitCode::failed;
  call.console.result(fmt::format("{} {} is a valid lens module", painted(call, "OK", Paint::good), words[0]));
  return ExitCode::ok;
}

ExitCode info(const Invocation& call, Words words, const LensFlags&) {
  const auto module = load(call, words[0]);
  if (!module) return ExitCode::failed;
  const Module::Description& is = module->description();
  const auto line = [&call](std::string_view name, std::string_view text) {
    call.console.result(fmt::format("{} {}", painted(call, fmt::format("{}:", name), Paint::label), text));
  };
  line("File", words[0]);
  line("Size", fmt::format("{} bytes", is.bytes));
  line("Required exports", "alloc, transform");
  line("Has inverse", is.has_inverse ? "yes" : "no");
  line("Takes parameters", is.has_set_param ? "yes" : "no");
  line("alloc takes", is.alloc_takes_i64 ? "i64" : "i32 (as lens_sdk has it)");
  line("Memory", fmt::format("{} pages of 64 KiB{}", is.memory.pages, is.memory.pages_max ? fmt::format(", {} at most", *is.memory.pages_max) : ""));
  for (const Module::Port& port : is.imports) line("Import", fmt::format("{} {}", printable(port.name), port.type));
  for (const Module::Port& port : is.exports) line("Export", fmt::format("{} {}", printable(port.name), port.type));
  return ExitCode::ok;
}

ExitCode test(const Invocation& call, Words words, const LensFlags& flags) {
  if (flags.inputs.empty()) return usage_error(call, "--input is missing: JSON, mostly {\"value\":0.5}");
  const auto instance = start(call, words[0], flags);
  if (!instance) return ExitCode::failed;
  for (const std::string& input : flags.inputs) {
    if (const auto bad = bad_json(call, "--input", input)) return *bad;
    const auto result = instance->run(direction(flags), input);
    if (!result) return chain(call, failed_text(flags), result.error().text());
    const auto value = result->kind == lens::ItemKind::nil ? Result<Value>(Value()) : parse_json(result->payload);
    if (!value) return chain(call, failed_text(flags), lens::LensFault{lens::Fault::json, value.error().message}.text());
    std::string out;
    append_pretty(*value, 0, out);
    call.console.result(out);
  }
  return ExitCode::ok;
}

// A value a line in, a value a line out; the instance remembers. What the lens lets nothing come out of is left out.
ExitCode run(const Invocation& call, Words words, const LensFlags& flags) {
  auto instance = start(call, words[0], flags);
  if (!instance) return ExitCode::failed;
  std::uint64_t number = 0;
  bool failed = false;
  Interrupts interrupts;
  LineReader lines(call.input, interrupts);
  while (!call.console.closed()) {
    const auto read = lines.next();
    if (!read) return fail(call, read.error().message);
    if (!*read) break;
    const std::string& line = **read;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    if (const auto parsed = parse_json(line); !parsed) {
      chain(call, fmt::format("Failed to parse line {} as JSON", number), parsed.error().message);
      failed = true;
      continue;
    }
    const auto result = instance->run(direction(flags), line);
    if (result) {
      call.console.result(result->kind == lens::ItemKind::nil ? std::string_view("null") : result->payload);
    } else if (result.error().fault != lens::Fault::end_of_stream) {
      chain(call, fmt::format("line {}: {}", number, failed_text(flags)), result.error().text());
      failed = true;
      if (instance->broken() && !(instance = start(call, words[0], flags))) return ExitCode::failed;
    }
  }
  return failed ? ExitCode::failed : ExitCode::ok;
}

ExitCode bench(const Invocation& call, Words words, const LensFlags& flags) {
  const auto instance = start(call, words[0], flags);
  if (!instance) return ExitCode::failed;
  const std::string input = flags.inputs.empty() ? R"({"value":0.5})" : flags.inputs.front();
  if (const auto bad = bad_json(call, "--input", input)) return *bad;
  std::uint64_t without_result = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < flags.count; ++i) {
    const auto result = instance->run(direction(flags), input);
    if (!result && result.error().fault != lens::Fault::end_of_stream) return chain(call, failed_text(flags), result.error().text());
    if (!result) ++without_result;
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const auto count = static_cast<double>(flags.count);
  call.console.result(fmt::format("{} calls in {:.3f} s: {:.0f} ns each, {:.0f} a second; {} instructions in the last one, {} KiB of memory",
                                  flags.count, seconds, seconds / count * 1e9, count / seconds, flags.limits.fuel - instance->fuel_left(),
                                  instance->memory_bytes() / 1'024));
  if (without_result > 0) call.console.note(fmt::format("{} calls gave the end of the stream instead of a result", without_result));
  return ExitCode::ok;
}

struct Row {
  std::string_view word;
  ExitCode (*run)(const Invocation&, Words, const LensFlags&);
};
constexpr Row rows[] = {{"validate", validate}, {"info", info}, {"test", test}, {"run", run}, {"bench", bench}};

}  // namespace

ExitCode run_lens(const Invocation& call) {
  LensFlags flags;
  const auto arguments = read_arguments(call, lens_rows(flags));
  if (arguments.exit) return *arguments.exit;
  const Words words(arguments.positional);
  const auto row = std::ranges::find(rows, words[0], &Row::word);
  if (row == std::end(rows))
    return usage_error(call, fmt::format("expected validate, info, test, run or bench, not \"{}\"", printable(words[0], 40)));
  return row->run(call, words.subspan(1), flags);
}

}  // namespace clasp::cli
