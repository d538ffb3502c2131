// Files and stdin, with a bound.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "clasp/error.hpp"
#include "clasp/value.hpp"
#include "cli/interrupts.hpp"

namespace clasp::cli {

inline constexpr std::size_t input_bytes_max = 4'194'304;

// All of it. "-" is `input`.
Result<std::string> read_file(const std::string& path, int input);
// The same as a JSON document, a byte order mark before it or not; the error names the file, the line and what is wrong.
Result<Value> read_json(const std::string& path, int input);

// Lines as they come, without their ends. A line longer than a frame can be is an error.
class LineReader {
 public:
  LineReader(int descriptor, Interrupts& interrupts) : descriptor_(descriptor), interrupts_(interrupts) {}
  Result<std::optional<std::string>> next();  // nothing: the end, or stopped

 private:
  int descriptor_;
  Interrupts& interrupts_;
  std::string waiting_;
  bool ended_ = false;
};

}  // namespace clasp::cli
