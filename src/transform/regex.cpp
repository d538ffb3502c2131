#include "transform/regex.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

namespace clasp::transform {

namespace {
constexpr std::size_t pattern_bytes_max = 1'024;
constexpr std::int64_t program_bytes_max = 1 << 20;
re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }
}  // namespace

Result<Regex> Regex::compile(std::string_view pattern) {
  if (pattern.size() > pattern_bytes_max) {
    return Error{
        ErrorCode::invalid_value, fmt::format("a regular expression may have {} bytes, this one has {}", pattern_bytes_max, pattern.size()), {}};
  }
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(program_bytes_max);
  auto machine = std::make_shared<const re2::RE2>(piece(pattern), options);
  if (!machine->ok()) return Error{ErrorCode::invalid_value, fmt::format("bad regular expression: {}", machine->error()), {}};
  return Regex(std::move(machine));
}

bool Regex::found_in(std::string_view text) const { return re2::RE2::PartialMatch(piece(text), *machine_); }
bool Regex::covers(std::string_view text) const { return re2::RE2::FullMatch(piece(text), *machine_); }

std::string Regex::replaced(std::string text, std::string_view replacement) const {
  re2::RE2::GlobalReplace(&text, *machine_, piece(replacement));
  return text;
}

const std::string& Regex::pattern() const { return machine_->pattern(); }

}  // namespace clasp::transform
