// A command as a row, and what it is given when it runs.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "cli/console.hpp"
#include "cli/exit_code.hpp"

namespace clasp::cli {

struct Command;

struct Invocation {
  const Command& command;
  std::span<const std::string> arguments;  // behind the command's name
  Console& console;
  std::function<const char*(const char*)> variable;  // std::getenv
  int input = 0;                                     // descriptor of stdin
};

struct Command {
  std::string_view name;
  std::string_view alias;       // another name, empty if none
  std::string_view positional;  // "ADDRESS [VALUE...]": in brackets may be left out, with dots may be repeated
  std::string_view summary;     // one line
  std::string_view details;     // paragraphs below it in `clasp help NAME`, empty if none
  ExitCode (*run)(const Invocation&);
};

}  // namespace clasp::cli
