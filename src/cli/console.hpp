// Where a command's words go: results to stdout, everything else to stderr, one whole line at a time and at once.
#pragma once

#include <atomic>
#include <cstdio>
#include <string_view>

namespace clasp::cli {

// Any thread: a line is never torn apart.
class Console {
 public:
  Console(std::FILE* out, std::FILE* err) : out_(out), err_(err) {}
  Console(const Console&) = delete;

  void result(std::string_view line);  // a newline is added
  void text(std::string_view text);    // as it is
  void note(std::string_view line);    // what is good to know; not with --quiet
  void error(std::string_view line);

  bool on_terminal() const;  // stdout is one: colours are welcome

  // The reader of stdout has gone; nothing more needs to be produced.
  bool closed() const { return closed_; }
  // Why stdout took no more, if it was not that: errno, a full disk for instance. 0: nothing is missing.
  int output_fault() const { return output_fault_; }

  bool json() const { return json_; }
  bool quiet() const { return quiet_; }
  void set_json(bool json) { json_ = json; }
  void set_quiet(bool quiet) { quiet_ = quiet; }

 private:
  std::FILE* out_;
  std::FILE* err_;
  std::atomic<bool> closed_ = false;
  std::atomic<int> output_fault_ = 0;
  bool json_ = false;
  bool quiet_ = false;
};

}  // namespace clasp::cli
