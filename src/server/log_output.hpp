// Lines to a descriptor that must never hold the router: a pipe whose reader has stopped, a disk that is full.
//
// What the descriptor does not take at once is missed. A line that was cut short is ended before the next one begins.
#pragma once

#include <string_view>

namespace clasp::server {

class LogOutput {
 public:
  explicit LogOutput(int descriptor) : descriptor_(descriptor) {}  // borrowed

  // The line with its end. 0, or why it was not taken whole (errno; EAGAIN: whoever reads is behind).
  int write(std::string_view line);

 private:
  int write_piece(std::string_view& rest);

  int descriptor_;
  bool torn_ = false;
};

}  // namespace clasp::server
