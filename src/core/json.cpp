#include "core/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/base64.hpp"
#include "core/check.hpp"
#include "core/limits.hpp"
#include "core/utf8_walk.hpp"

namespace clasp {
namespace {

constexpr std::string_view bytes_key = "$bytes";

// ---- Value to text ----

void append_string(std::string_view text, std::string& out) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = utf8_bytes_at(text, at);
    const char c = text[at];
    if (bytes == 0)
      out += "\xef\xbf\xbd";  // U+FFFD: only text made by our own process can be ill-formed
    else if (bytes > 1)
      out += text.substr(at, bytes);
    else if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else if (c == '\t')
      out += "\\t";
    else if (static_cast<unsigned char>(c) < 0x20)
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
    at += std::max<std::size_t>(bytes, 1);
  }
  out += '"';
}

void append_floating(double number, std::string& out) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  const std::string text = fmt::format("{}", number);
  out += text;
  if (text.find_first_of(".e") == std::string::npos) out += ".0";
}

void append_blob(const Blob& blob, JsonBytes bytes, std::string& out) {
  if (bytes == JsonBytes::base64) {
    fmt::format_to(std::back_inserter(out), R"({{"{}":"{}"}})", bytes_key, base64_encode(blob));
    return;
  }
  // Digit by digit: the journal writes every value of bytes in this way.
  const std::size_t start = out.size();
  out.resize(start + 4 * blob.size() + 2);
  char* at = out.data() + start;
  const auto digit = [](unsigned number) { return static_cast<char>('0' + number % 10); };
  *at++ = '[';
  for (const std::byte byte : blob) {
    const auto number = std::to_integer<unsigned>(byte);
    if (at[-1] != '[') *at++ = ',';
    if (number >= 100) *at++ = digit(number / 100);
    if (number >= 10) *at++ = digit(number / 10);
    *at++ = digit(number);
  }
  *at++ = ']';
  out.resize(static_cast<std::size_t>(at - out.data()));
}

void append_value(const Value& value, JsonBytes bytes, std::string& out) {
  switch (value.kind()) {
    case ValueKind::null: out += "null"; return;
    case ValueKind::boolean: out += *value.boolean() ? "true" : "false"; return;
    case ValueKind::integer: fmt::format_to(std::back_inserter(out), "{}", *value.integer()); return;
    case ValueKind::floating: append_floating(*value.floating(), out); return;
    case ValueKind::string: append_string(*value.string(), out); return;
    case ValueKind::bytes: append_blob(*value.bytes(), bytes, out); return;
    case ValueKind::array: {
      char separator = '[';
      for (const Value& item : *value.array()) {
        out += std::exchange(separator, ',');
        append_value(item, bytes, out);
      }
      out += separator == '[' ? "[]" : "]";
      return;
    }
    case ValueKind::map: {
      char separator = '{';
      for (const auto& [key, item] : *value.map()) {
        out += std::exchange(separator, ',');
        append_string(key, out);
        out += ':';
        append_value(item, bytes, out);
      }
      out += separator == '{' ? "{}" : "}";
      return;
    }
  }
}

// ---- Text to Value ----

Error json_error(std::size_t offset, std::string_view what) {
  return {.code = ErrorCode::invalid_value, .message = fmt::format("invalid JSON at byte {}: {}", offset, what), .address = {}};
}

// The last of equal keys wins, at the place of the first. Sorting keeps a hostile object of many keys from costing their square.
void drop_duplicates(Map& map) {
  std::vector<std::size_t> order(map.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&map](std::size_t index) -> const std::string& { return map[index].first; });
  std::vector<bool> superseded(map.size(), false);
  std::size_t first = 0;
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (map[order[i]].first != map[order[first]].first) {
      first = i;
      continue;
    }
    map[order[first]].second = std::move(map[order[i]].second);
    superseded[order[i]] = true;
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (superseded[i]) continue;
    if (kept != i) map[kept] = std::move(map[i]);
    ++kept;
  }
  map.erase(map.begin() + static_cast<std::ptrdiff_t>(kept), map.end());
}

// Input of the library's lexer that shows how far it has read: its callbacks do not say.
struct CountingIterator {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  const char* at = nullptr;
  const char** reached = nullptr;

  reference operator*() const { return *at; }
  CountingIterator& operator++() {
    *reached = ++at;
    return *this;
  }
  CountingIterator operator++(int) {
    const CountingIterator old = *this;
    ++*this;
    return old;
  }
  bool operator==(const CountingIterator& other) const { return at == other.at; }
};

// Builds the tree from the library's events. Returning false ends the parse; why() then has the reason.
class Builder {
 public:
  Builder(const char* begin, const char* const& reached, std::size_t values_max) : begin_(begin), reached_(reached), values_left_(values_max) {}

  bool null() { return add(Value()); }
  bool boolean(bool flag) { return add(flag); }
  bool number_integer(std::int64_t number) { return add(number); }
  bool number_unsigned(std::uint64_t number) {
    if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return add(static_cast<double>(number));
    return add(static_cast<std::int64_t>(number));
  }
  bool number_float(double number, const std::string&) { return add(number); }
  bool string(std::string& text) { return add(std::move(text)); }
  bool binary(std::vector<std::uint8_t>&) { return fail("binary is no JSON"); }  // the event exists for other formats
  bool start_object(std::size_t) { return open(Level::object); }
  bool start_array(std::size_t) { return open(Level::array); }
  bool key(std::string& name) {
    levels_.back().key = std::move(name);
    return true;
  }
  bool end_array() {
    return close([](Level& level) { return Value(std::move(level.items)); });
  }
  bool end_object() {
    Map& entries = levels_.back().entries;
    drop_duplicates(entries);
    if (entries.size() != 1 || entries[0].first != bytes_key || !entries[0].second.string()) {
      return close([](Level& level) { return Value(std::move(level.entries)); });
    }
    std::optional<Blob> blob = base64_decode(*entries[0].second.string());
    if (!blob) return fail("\"$bytes\" is not base64");
    return close([&blob](Level&) { return Value(*std::move(blob)); });
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& exception) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while …": the code says nothing to our users.
    std::string_view what = exception.what();
    if (const std::size_t end = what.find("] "); end != std::string_view::npos) what.remove_prefix(end + 2);
    if (constexpr std::string_view lead = "parse error at "; what.starts_with(lead)) what.remove_prefix(lead.size());
    // The library counts from 1, and the end of the input as well.
    error_ = json_error(position > 0 ? position - 1 : 0, printable(what, 200));
    return false;
  }

  const Error& why() const { return error_; }
  Value take() { return std::move(root_); }

 private:
  struct Level {
    enum Kind : bool { array, object } kind;
    Array items;
    Map entries;
    std::string key;
  };

  bool fail(std::string_view what) {
    const std::ptrdiff_t read = reached_ - begin_;
    error_ = json_error(static_cast<std::size_t>(read > 0 ? read - 1 : 0), what);
    return false;
  }
  bool open(Level::Kind kind) {
    if (levels_.size() == wire::value_depth_max) return fail(fmt::format("nested deeper than {} levels", wire::value_depth_max));
    levels_.push_back({.kind = kind, .items = {}, .entries = {}, .key = {}});
    return true;
  }
  template <typename Finish>
  bool close(Finish finish) {
    CLASP_CHECK(!levels_.empty());
    Value value = finish(levels_.back());
    levels_.pop_back();
    return add(std::move(value));
  }
  bool add(Value value) {
    if (values_left_-- == 0) return fail("more values than may be here");
    if (levels_.empty()) {
      root_ = std::move(value);
    } else if (Level& level = levels_.back(); level.kind == Level::array) {
      level.items.push_back(std::move(value));
    } else {
      level.entries.emplace_back(std::move(level.key), std::move(value));
    }
    return true;
  }

  const char* begin_;
  const char* const& reached_;
  std::size_t values_left_;
  std::vector<Level> levels_;
  Value root_;
  Error error_;
};

}  // namespace

inline namespace v0 {

std::string to_json(const Value& value) {
  std::string out;
  append_value(value, JsonBytes::base64, out);
  return out;
}

}  // namespace v0

void append_json(const Value& value, JsonBytes bytes, std::string& out) { append_value(value, bytes, out); }

// Numbers and short things without a tree.
void append_json(const ValueView& value, JsonBytes bytes, std::string& out) {
  if (const auto integer = value.as_integer()) fmt::format_to(std::back_inserter(out), "{}", *integer);
  else if (value.tag == ValueTag::f64) append_floating(*value.as_number(), out);
  else if (const auto text = value.as_string()) append_string(*text, out);
  else append_value(to_value(value), bytes, out);
}

void append_json_string(std::string_view text, std::string& out) { append_string(text, out); }

Result<Value> parse_json(std::string_view text) { return parse_json(text, SIZE_MAX); }

Result<Value> parse_json(std::string_view text, std::size_t values_max) {
  // The library takes both silently: it skips the mark, and a zero byte ends its input.
  if (text.starts_with("\xef\xbb\xbf")) return json_error(0, "byte order mark");
  if (const std::size_t zero = text.find('\0'); zero != std::string_view::npos) return json_error(zero, "zero byte");

  const char* reached = text.data();
  Builder builder(text.data(), reached, values_max);
  const CountingIterator begin{text.data(), &reached};
  const CountingIterator end{text.data() + text.size(), &reached};
  if (!nlohmann::json::sax_parse(begin, end, &builder)) return builder.why();
  return builder.take();
}

}  // namespace clasp
