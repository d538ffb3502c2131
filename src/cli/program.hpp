// `clasp` itself: finds the command and runs it, lists them, corrects typing mistakes.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "cli/command.hpp"

namespace clasp::cli {

// `arguments` are those behind the program's name. Help that was asked for goes to stdout and is no error; help because nothing was asked is one.
ExitCode run_program(std::span<const Command> commands, std::span<const std::string> arguments, Console& console,
                     std::function<const char*(const char*)> variable, int input);

}  // namespace clasp::cli
