#include "cli/arguments.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "core/address.hpp"

namespace clasp::cli {

namespace {

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t blank = text.find(' ');
    if (blank != 0) out.push_back(text.substr(0, blank));
    text.remove_prefix(blank == std::string_view::npos ? text.size() : blank + 1);
  }
  return out;
}

std::string usage_line(const Command& command) {
  return fmt::format("usage: clasp {} [options]{}{}", command.name, command.positional.empty() ? "" : " ", command.positional);
}

std::string help_text(const Command& command, const options::OptionSet& set) {
  std::string text = fmt::format("{}\n\n{}\n", usage_line(command), command.summary);
  if (!command.details.empty()) text += fmt::format("{}\n", command.details);
  return fmt::format("{}\noptions:\n{}", text, set.help());
}

std::optional<std::string> check_count(const Command& command, const std::vector<std::string>& positional) {
  const PositionalCount count = count_positional(command.positional);
  if (positional.size() < count.min) return fmt::format("{} is missing ({})", words(command.positional)[positional.size()], usage_line(command));
  if (count.max && positional.size() > *count.max)
    return fmt::format("unexpected argument \"{}\" ({})", printable(positional[*count.max]), usage_line(command));
  return std::nullopt;
}

}  // namespace

PositionalCount count_positional(std::string_view positional) {
  PositionalCount count{.min = 0, .max = 0};
  for (const std::string_view word : words(positional)) {
    if (!word.starts_with('[')) ++count.min;
    if (word.find("...") != std::string_view::npos) count.max.reset();
    if (count.max) ++*count.max;
  }
  return count;
}

ReadArguments read_arguments(const Invocation& call, std::vector<options::Option> rows) {
  bool help = false;
  rows.push_back({.name = "help", .letter = 'h', .help = "Show this.", .apply = apply_switch(help), .repeatable = true, .in_file = false});
  const options::OptionSet set(std::move(rows));
  const auto environment = set.apply_environment(call.variable);
  auto positional = set.apply_arguments(call.arguments);
  if (help) {
    call.console.text(help_text(call.command, set));
    return {{}, ExitCode::ok};
  }
  if (!environment) return {{}, usage_error(call, environment.error().message)};
  if (!positional) return {{}, usage_error(call, positional.error().message)};
  if (const auto fault = check_count(call.command, *positional)) return {{}, usage_error(call, *fault)};
  return {std::move(*positional), {}};
}

ExitCode usage_error(const Invocation& call, std::string_view message) {
  call.console.error(fmt::format("clasp {}: {}", call.command.name, message));
  return ExitCode::usage;
}

ExitCode fail(const Invocation& call, std::string_view message) {
  call.console.error(fmt::format("clasp {}: {}", call.command.name, message));
  return ExitCode::failed;
}

std::string describe(const Error& error) {
  const auto code = static_cast<unsigned>(error.code);
  std::string text = error.message.empty() ? std::string(error_name(error.code)) : printable(error.message, 500);
  if (!error.address.empty() && text.find(error.address) == std::string::npos) text += fmt::format(": {}", printable(error.address));
  if (code < 900) text += fmt::format(" ({} {})", error_name(error.code), code);  // the 9xx are names of our own
  return text;
}

ExitCode report(const Invocation& call, const Error& error) {
  call.console.error(fmt::format("clasp {}: {}", call.command.name, describe(error)));
  return exit_code_of(error.code);
}

ExitCode report_connecting(const Invocation& call, const Error& error) {
  call.console.error(fmt::format("clasp {}: {}", call.command.name, describe(error)));
  return exit_code_of_connecting(error.code);
}

// ---- for rows ----

std::optional<double> parse_real(std::string_view text) {
  double value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

}  // namespace clasp::cli
