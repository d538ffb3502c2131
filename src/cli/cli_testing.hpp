// A console whose output can be read, and commands run against it.
#pragma once

#include <cstdio>
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "cli/command.hpp"
#include "core/check.hpp"

namespace clasp::cli {

class CapturedConsole {
 public:
  CapturedConsole() : out_(std::tmpfile()), err_(std::tmpfile()), console_(out_, err_) { CLASP_CHECK(out_ != nullptr && err_ != nullptr); }
  CapturedConsole(const CapturedConsole&) = delete;
  ~CapturedConsole() {
    std::fclose(out_);
    std::fclose(err_);
  }
  Console& console() { return console_; }
  std::string out() const { return contents(out_); }
  std::string err() const { return contents(err_); }

 private:
  static std::string contents(std::FILE* file) {
    std::fflush(file);
    const long size = std::ftell(file);
    std::rewind(file);
    std::string text(static_cast<std::size_t>(size), '\0');
    CLASP_CHECK(std::fread(text.data(), 1, text.size(), file) == text.size());
    return text;
  }
  std::FILE* out_;
  std::FILE* err_;
  Console console_;
};

// What a command sees: its row, arguments and an environment of our choice.
struct TestCall {
  TestCall(Command row, std::vector<std::string> given, std::map<std::string, std::string> variables = {})
      : command(row), arguments(std::move(given)), environment(std::move(variables)) {}

  Invocation invocation() {
    return {command, arguments, captured.console(),
            [this](const char* name) {
              const auto found = environment.find(name);
              return found == environment.end() ? nullptr : found->second.c_str();
            },
            -1};
  }

  Command command;
  std::vector<std::string> arguments;
  std::map<std::string, std::string> environment;
  CapturedConsole captured;
};

}  // namespace clasp::cli
