#include "cli/input.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/json.hpp"
#include "core/limits.hpp"
#include "options/read_file.hpp"

namespace clasp::cli {

namespace {

Error failed(std::string message) { return {ErrorCode::invalid_argument, std::move(message), {}}; }

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
constexpr std::size_t line_bytes_max = 4 * wire::payload_bytes_max;  // text may be longer than what it says

}  // namespace

Result<std::string> read_file(const std::string& path, int input) {
  return path == "-" ? options::read_descriptor(input, "stdin", input_bytes_max) : options::read_file(path, input_bytes_max);
}

Result<Value> read_json(const std::string& path, int input) {
  const auto text = read_file(path, input);
  if (!text) return text.error();
  std::string_view document = *text;
  if (document.starts_with(byte_order_mark)) document.remove_prefix(byte_order_mark.size());  // some editors put it there
  auto value = parse_json(document);
  if (!value) return failed(fmt::format("{}: {}", path == "-" ? "stdin" : path, value.error().message));
  return value;
}

Result<std::optional<std::string>> LineReader::next() {
  while (true) {
    if (const std::size_t end = waiting_.find('\n'); end != std::string::npos) {
      std::string line = waiting_.substr(0, end);
      waiting_.erase(0, end + 1);
      if (line.ends_with('\r')) line.pop_back();
      return std::optional(std::move(line));
    }
    if (waiting_.size() > line_bytes_max) return failed(fmt::format("a line is longer than {} bytes", line_bytes_max));
    if (ended_) {
      if (waiting_.empty()) return std::optional<std::string>{};
      return std::optional(std::exchange(waiting_, {}));
    }
    if (interrupts_.wait({}, descriptor_) != Interrupts::Woken::readable) return std::optional<std::string>{};
    std::array<char, 65'536> buffer;
    const ssize_t got = read(descriptor_, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(fmt::format("cannot read stdin: {}", std::strerror(errno)));
    ended_ = got == 0;
    waiting_.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace clasp::cli
