// Options as rows: flag, environment variable, key of the configuration file, help text and parser all come from the same row.
//
// `--name value`, `--name=value`, `-n value`, bundled letters, `--` ends options. Every error is one line that names the option and what was
// expected; unknown names come with the nearest known one. Precedence (flag over environment over file over default) is the order in which the
// caller applies the sources: file, environment, arguments.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clasp/error.hpp"
#include "options/toml_tree.hpp"

namespace clasp::options {

// What a row does with its text. The error says only what was expected; the set adds which option and where it stood.
using Apply = std::function<Result<void>(std::string_view text)>;

struct Option {
  std::string name;          // "max-params": the flag --max-params and the key in a file
  char letter = 0;           // -m, 0: none
  std::string value;         // placeholder in the help, "N"; empty: a switch, applied with "true"
  std::string default_text;  // as shown; empty: nothing shown
  std::string help;          // one sentence
  Apply apply;
  bool repeatable = false;
  bool in_file = true;  // may stand in a configuration file and the environment
  std::string variable{};  // an environment variable of another name, "MQTT_BROKER", whatever in_file says
};

class OptionSet {
 public:
  explicit OptionSet(std::vector<Option> rows);

  // Applies the flags and returns the positional arguments.
  Result<std::vector<std::string>> apply_arguments(std::span<const std::string> arguments) const;
  // Variables CLASP_<NAME> ("CLASP_MAX_PARAMS"), and those rows name; `lookup` is std::getenv in production. Repeatable ones are comma lists.
  Result<void> apply_environment(const std::function<const char*(const char*)>& lookup) const;
  // TOML: top-level keys with the rows' names; strings, numbers, booleans, and arrays of them for repeatable rows. `source` names the file;
  // `elsewhere` are keys that somebody else reads ("mapping", toml_tree.hpp).
  Result<void> apply_toml(std::string_view text, std::string_view source, std::span<const std::string_view> elsewhere = {}) const;
  // The same of a table within such a file, "/bridge/0"; here every row may stand.
  Result<void> apply_table(const TomlTree& tree, const std::string& pointer, std::string_view source, std::span<const std::string_view> elsewhere) const;
  // One row by its name. `as` says in errors where the text stood.
  Result<void> apply_one(std::string_view name, std::string_view text, std::string_view as) const;

  std::string help() const;  // the rows as aligned text
  const std::vector<Option>& rows() const { return rows_; }

 private:
  const Option* find(std::string_view name) const;
  const Option* find(char letter) const;
  Result<void> apply(const Option& option, std::string_view text, std::string_view as) const;
  Result<void> apply_member(std::string_view name, const Value& value, std::string_view where, bool all_rows) const;
  std::string nearest(std::string_view name) const;

  std::vector<Option> rows_;
};

std::string environment_name(std::string_view option);  // "CLASP_MAX_PARAMS"

// The one of `names` that `name` was probably meant to be, empty if none is close.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> names);

// ---- parsers for rows: the error says what was expected ----

template <typename T>
struct Range {
  T min;
  T max;
};
Result<std::uint64_t> parse_count(std::string_view text, Range<std::uint64_t> range);
// "250ms", "5s", "2m", "1h", "1d"; a bare number is seconds; fractions allowed.
Result<std::chrono::milliseconds> parse_duration(std::string_view text, Range<std::chrono::milliseconds> range);
// "4096", "64k", "1M", "2G" (powers of 1024, an ending "B" or "iB" is fine).
Result<std::uint64_t> parse_bytes(std::string_view text, Range<std::uint64_t> range);
Result<bool> parse_switch(std::string_view text);  // true/false, on/off, yes/no, 1/0
Result<std::size_t> parse_choice(std::string_view text, std::span<const std::string_view> choices);  // index

}  // namespace clasp::options
