#include "cli/console.hpp"

#include <unistd.h>

#include <cerrno>
#include <string>

namespace clasp::cli {

namespace {

std::string with_newline(std::string_view line) {
  std::string whole(line);
  whole += '\n';
  return whole;
}

}  // namespace

void Console::result(std::string_view line) { text(with_newline(line)); }

void Console::text(std::string_view text) {
  if (closed_) return;
  if (std::fwrite(text.data(), 1, text.size(), out_) == text.size() && std::fflush(out_) == 0) return;
  if (errno != EPIPE) output_fault_ = errno;
  closed_ = true;
}

bool Console::on_terminal() const { return isatty(fileno(out_)) != 0; }

void Console::note(std::string_view line) {
  if (!quiet_) error(line);
}

void Console::error(std::string_view line) {
  const std::string whole = with_newline(line);
  // Nobody is left to tell if stderr fails.
  if (std::fwrite(whole.data(), 1, whole.size(), err_) == whole.size()) std::fflush(err_);
}

}  // namespace clasp::cli
