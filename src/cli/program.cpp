#include "cli/program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "cli/build_info.hpp"
#include "options/option_set.hpp"

namespace clasp::cli {

namespace {

std::string overview(std::span<const Command> commands) {
  std::size_t width = 0;
  for (const Command& command : commands) width = std::max(width, command.name.size() + command.positional.size() + 1);
  std::string text = "usage: clasp COMMAND [options]\n\ncommands:\n";
  for (const Command& command : commands) {
    const std::string left = fmt::format("{} {}", command.name, command.positional);
    text += fmt::format("  {:<{}}  {}", left, width, command.summary);
    if (!command.alias.empty()) text += fmt::format(" (also: {})", command.alias);
    text += '\n';
  }
  text +=
      "\n`clasp help COMMAND` shows the options of one. The router is taken from --server, CLASP_URL, else ws://localhost:7330; a token from --token "
      "or "
      "CLASP_TOKEN.\n"
      "exit codes: 0 ok, 1 failed, 2 usage, 3 no connection, 4 refused, 5 no answer in time, 130 interrupted\n";
  return text;
}

const Command* find(std::span<const Command> commands, std::string_view name) {
  const auto row =
      std::ranges::find_if(commands, [&](const Command& command) { return command.name == name || (!name.empty() && command.alias == name); });
  return row == commands.end() ? nullptr : &*row;
}

std::string unknown(std::span<const Command> commands, std::string_view name) {
  if (name.starts_with('-')) return fmt::format("clasp: unknown option {}; options follow the command: clasp COMMAND [options]", name);
  std::vector<std::string_view> names;
  for (const Command& command : commands) {
    names.push_back(command.name);
    if (!command.alias.empty()) names.push_back(command.alias);
  }
  const std::string_view nearest = options::nearest_name(name, names);
  return fmt::format("clasp: unknown command {}{}", name, nearest.empty() ? "; clasp help lists them" : fmt::format(", did you mean {}?", nearest));
}

// A result that could not be written is a failure, whatever the command made of it.
ExitCode written(Console& console, std::string_view who, ExitCode exit) {
  if (console.output_fault() == 0) return exit;
  console.error(fmt::format("{}: cannot write the result: {}", who, std::strerror(console.output_fault())));
  return exit == ExitCode::ok ? ExitCode::failed : exit;
}

}  // namespace

ExitCode run_program(std::span<const Command> commands, std::span<const std::string> arguments, Console& console,
                     std::function<const char*(const char*)> variable, int input) {
  if (arguments.empty()) {
    const std::string text = overview(commands);
    console.error(std::string_view(text).substr(0, text.size() - 1));  // error() ends the line itself
    return ExitCode::usage;
  }
  std::string_view name = arguments.front();
  std::span<const std::string> rest = arguments.subspan(1);
  if (name == "--version" || name == "-V") {
    console.result(fmt::format("clasp {}", build_info().version));
    return written(console, "clasp", ExitCode::ok);
  }
  static const std::vector<std::string> ask_for_help{"--help"};
  if (name == "help" || name == "--help" || name == "-h") {
    if (rest.empty() || rest.front() == "--help" || rest.front() == "-h") {
      console.text(overview(commands));
      return written(console, "clasp", ExitCode::ok);
    }
    name = rest.front();
    rest = ask_for_help;
  }
  const Command* command = find(commands, name);
  if (command == nullptr) {
    console.error(unknown(commands, name));
    return ExitCode::usage;
  }
  const ExitCode exit = command->run({*command, rest, console, std::move(variable), input});
  return written(console, fmt::format("clasp {}", command->name), exit);
}

}  // namespace clasp::cli
