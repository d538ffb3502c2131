// From a command's arguments to its options and positional words; --help and mistakes are dealt with here.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.hpp"
#include "options/apply.hpp"

namespace clasp::cli {

struct ReadArguments {
  std::vector<std::string> positional;  // as many as the command's row allows
  std::optional<ExitCode> exit;         // help was printed or a mistake told: return this
};

// Applies the environment to the rows that may stand in it, then the flags.
ReadArguments read_arguments(const Invocation& call, std::vector<options::Option> rows);

// How many positional words "ADDRESS [VALUE...]" stands for.
struct PositionalCount {
  std::size_t min = 0;
  std::optional<std::size_t> max;  // none: any number
};
PositionalCount count_positional(std::string_view positional);

// Tells what is wrong on stderr, prefixed with the command, and returns the exit code of it.
ExitCode usage_error(const Invocation& call, std::string_view message);
ExitCode fail(const Invocation& call, std::string_view message);         // of what is ours, a file for instance
ExitCode report(const Invocation& call, const Error& error);             // of a call on a connection
ExitCode report_connecting(const Invocation& call, const Error& error);  // of connecting
std::string describe(const Error& error);                                // "locked by desk: /a (LockHeld 401)"

// ---- for rows ----
using options::apply_choice;
using options::apply_count;
using options::apply_duration;
using options::apply_switch;
using options::apply_text;
using options::bad_option;
std::optional<double> parse_real(std::string_view text);  // a finite number and nothing behind it

}  // namespace clasp::cli
