#include "http_api/api_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/address.hpp"
#include "core/base64.hpp"
#include "core/json.hpp"
#include "core/limits.hpp"

namespace clasp::http_api {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string_view without_quotes(std::string_view text) {
  if (text.starts_with("W/")) text.remove_prefix(2);
  if (text.size() >= 2 && text.starts_with('"') && text.ends_with('"')) return text.substr(1, text.size() - 2);
  return text;
}

Checked<std::string> check_address_text(std::string text, std::string field, std::size_t bytes_max) {
  if (const auto fault = check_address(text, {.bytes_max = bytes_max})) {
    return std::unexpected(ApiError{
        .code = ErrorCode::invalid_address, .text = describe_address_fault(*fault, text), .field = std::move(field), .address = printable(text)});
  }
  return text;
}

// To JSON 5.0 is as whole as 5.
std::optional<std::int64_t> whole_number(const Value& value) {
  if (const std::int64_t* integer = value.integer()) return *integer;
  const double* number = value.floating();
  if (number == nullptr || std::trunc(*number) != *number || std::abs(*number) > 9e15) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

Checked<std::optional<Ttl>> parse_ttl(const Value* given) {
  if (given == nullptr || given->is_null()) return std::nullopt;
  const auto seconds = whole_number(*given);
  if (!seconds || *seconds < 1 || *seconds > std::int64_t{wire::ttl_seconds_max})
    return std::unexpected(bad_field("ttl", fmt::format("not a whole number of seconds from 1 to {}", wire::ttl_seconds_max)));
  return Ttl{.mode = Ttl::Mode::absolute, .seconds = static_cast<std::uint32_t>(*seconds)};
}

}  // namespace

Checked<std::string> percent_decode(std::string_view text, bool plus_is_blank, std::string field) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += plus_is_blank && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) return std::unexpected(bad_field(std::move(field), "a % without two hexadecimal digits"));
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (!valid_utf8(out)) return std::unexpected(bad_field(std::move(field), "not UTF-8 once it is decoded"));
  return out;
}

const std::string* ApiRequest::find_query(std::string_view name) const {
  const auto at = std::ranges::find(query, name, &std::pair<std::string, std::string>::first);
  return at == query.end() ? nullptr : &at->second;
}

Checked<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view item = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (item.empty()) continue;
    const std::size_t equals = item.find('=');
    auto name = percent_decode(item.substr(0, equals), true, "query");
    if (!name) return std::unexpected(std::move(name.error()));
    auto value = percent_decode(equals == std::string_view::npos ? std::string_view{} : item.substr(equals + 1), true, *name);
    if (!value) return std::unexpected(std::move(value.error()));
    if (out.size() == query_parameters_max) return std::unexpected(bad_field("query", fmt::format("more than {} parameters", query_parameters_max)));
    if (std::ranges::find(out, *name, &std::pair<std::string, std::string>::first) != out.end())
      return std::unexpected(bad_field(*name, "given more than once"));
    out.emplace_back(std::move(*name), std::move(*value));
  }
  return out;
}

Checked<std::string> address_of(const ApiRequest& request, std::size_t bytes_max) { return check_address_text(request.tail, "address", bytes_max); }

Checked<Pattern> pattern_of(const ApiRequest& request, std::size_t bytes_max) {
  std::string text = request.tail;
  if (const std::string* given = request.find_query("pattern"); given != nullptr && text.empty())
    text = given->starts_with('/') ? *given : '/' + *given;
  if (text.empty()) text = "/**";
  auto pattern = Pattern::parse(text, bytes_max);
  if (pattern) return *std::move(pattern);
  return std::unexpected(ApiError{
      .code = ErrorCode::pattern_error, .text = describe_address_fault(pattern.error(), text), .field = "pattern", .address = printable(text)});
}

Checked<std::optional<std::size_t>> limit_of(const ApiRequest& request) {
  const std::string* given = request.find_query("limit");
  if (given == nullptr) return std::nullopt;
  const auto limit = parse_number<std::size_t>(*given);
  if (!limit || *limit < 1 || *limit > page_entries_max)
    return std::unexpected(bad_field("limit", fmt::format("not a whole number from 1 to {}", page_entries_max)));
  return limit;
}

// Base64 with the alphabet for URLs, so that nobody's encoding changes it.
std::string to_cursor(std::string_view address) {
  std::string text = base64_encode(as_bytes(address));
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

Checked<std::string> cursor_of(const ApiRequest& request) {
  const std::string* given = request.find_query("cursor");
  if (given == nullptr || given->empty()) return std::string{};
  std::string text = *given;
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  const auto bytes = base64_decode(text);
  if (!bytes || !as_text(*bytes).starts_with('/') || !valid_utf8(as_text(*bytes)))
    return std::unexpected(bad_field("cursor", "not one that an answer gave"));
  return std::string(as_text(*bytes));
}

Checked<std::optional<Precondition>> precondition_of(const ApiRequest& request, std::string_view header) {
  const std::string* given = request.find_header(header);
  if (given == nullptr) return std::nullopt;
  const std::string_view text = without_quotes(net::without_blanks(*given));
  if (text == "*") return Precondition{.any = true};
  const auto revision = parse_number<std::uint64_t>(text);
  if (!revision) return std::unexpected(bad_field(std::string(header), "neither a revision in quotes nor *"));
  return Precondition{.revision = *revision};
}

bool names_tag(const std::string* header, std::string_view tag) {
  if (header == nullptr) return false;
  for (std::string_view rest = *header; !rest.empty();) {
    const std::size_t comma = rest.find(',');
    const std::string_view item = net::without_blanks(rest.substr(0, comma));
    if (item == "*" || without_quotes(item) == without_quotes(tag)) return true;
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return false;
}

std::optional<ByteRange> range_of(const ApiRequest& request, std::size_t bytes, std::string_view tag) {
  const std::string* given = request.find_header("Range");
  if (given == nullptr || request.http->method != "GET") return std::nullopt;
  const std::string* only_if = request.find_header("If-Range");
  if (only_if != nullptr && net::without_blanks(*only_if) != tag) return std::nullopt;  // a weak tag, or a date, is never this one
  std::string_view text = net::without_blanks(*given);
  if (text.size() < 6 || !net::same_ignoring_case(text.substr(0, 6), "bytes=")) return std::nullopt;
  text.remove_prefix(6);
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos || text.find(',') != std::string_view::npos) return std::nullopt;
  const auto first = parse_number<std::uint64_t>(net::without_blanks(text.substr(0, dash)));
  const std::string_view end_text = net::without_blanks(text.substr(dash + 1));
  const auto last = parse_number<std::uint64_t>(end_text);
  if (dash == 0) {  // the last so many bytes
    if (!last) return std::nullopt;
    const std::size_t length = static_cast<std::size_t>(std::min<std::uint64_t>(*last, bytes));
    return ByteRange{.first = bytes - length, .length = length};
  }
  if (!first || (!last && !end_text.empty()) || (last && *last < *first)) return std::nullopt;
  if (*first >= bytes) return ByteRange{};
  const auto from = static_cast<std::size_t>(*first);
  const std::size_t most = bytes - from;
  return ByteRange{.first = from, .length = last ? static_cast<std::size_t>(std::min<std::uint64_t>(*last - *first + 1, most)) : most};
}

namespace {

// A value has to fit a frame, where each of its parts takes a byte at least; a bundle is not one frame, but has a bound as well.
constexpr std::size_t values_max = wire::payload_bytes_max;
constexpr std::size_t bundle_values_max = 262'144;

Checked<Value> parse_body(const std::string& body, std::size_t max) {
  auto value = parse_json(body, max);
  if (value) return std::move(*value);
  return std::unexpected(bad_field("body", value.error().message));
}

}  // namespace

namespace {

Checked<std::optional<Ttl>> ttl_of_query(const ApiRequest& request) {
  const std::string* given = request.find_query("ttl");
  if (given == nullptr) return std::nullopt;
  const auto seconds = parse_number<std::int64_t>(*given);
  const Value number = seconds ? Value(*seconds) : Value(false);
  return parse_ttl(&number);
}

}  // namespace

Checked<PatchBody> parse_patch(const ApiRequest& request) {
  const auto ttl = ttl_of_query(request);
  if (!ttl) return std::unexpected(ttl.error());
  auto patch = parse_body(request.http->body, values_max);
  if (!patch) return std::unexpected(std::move(patch.error()));
  return PatchBody{.value = std::move(*patch), .ttl = *ttl};
}

// No deeper than parse_json() lets a patch be.
void merge_patch(Value& target, Value patch) {
  const Map* changes = patch.map();
  if (changes == nullptr) {
    target = std::move(patch);
    return;
  }
  Map merged = target.map() != nullptr ? *target.map() : Map{};
  for (const auto& [name, change] : *changes) {
    const auto at = std::ranges::find(merged, name, &MapEntry::first);
    if (change.is_null()) {
      if (at != merged.end()) merged.erase(at);
    } else if (at != merged.end()) {
      merge_patch(at->second, change);
    } else {
      merge_patch(merged.emplace_back(name, Value()).second, change);
    }
  }
  target = Value(std::move(merged));
}

Checked<WriteBody> parse_write(const ApiRequest& request) {
  const std::string& body = request.http->body;
  WriteBody out;
  const auto from_query = ttl_of_query(request);
  if (!from_query) return std::unexpected(from_query.error());
  out.ttl = *from_query;
  if (body.empty()) return out;
  auto document = parse_body(body, values_max);
  if (!document) return std::unexpected(std::move(document.error()));
  if (document->find("value") == nullptr) {
    out.value = std::move(*document);
    return out;
  }
  for (const auto& [name, member] : *document->map()) {
    if (name == "value" || name == "ttl") continue;
    return std::unexpected(bad_field(printable(name), R"(unknown beside "value"; if the whole object is the value, wrap it: {"value":{…}})"));
  }
  if (const Value* given = document->find("ttl")) {
    auto ttl = parse_ttl(given);
    if (!ttl) return std::unexpected(std::move(ttl.error()));
    out.ttl = *ttl;
  }
  out.value = *document->find("value");
  return out;
}

namespace {

Checked<Operation> parse_operation(const Value& given, const std::string& at, std::size_t address_bytes_max) {
  const Map* members = given.map();
  if (members == nullptr || members->size() != 1 || (members->front().first != "set" && members->front().first != "emit"))
    return std::unexpected(bad_field(at, R"(neither {"set":[address,value]} nor {"emit":[address,value]})"));
  const auto& [kind, pair] = members->front();
  const std::string inside = fmt::format("{}.{}", at, kind);
  const Array* items = pair.array();
  if (items == nullptr || items->empty() || items->size() > 2 || (kind == "set" && items->size() != 2))
    return std::unexpected(bad_field(inside, "not an array of an address and a value"));
  const std::string* address = items->front().string();
  if (address == nullptr) return std::unexpected(bad_field(inside + "[0]", "the address is not a string"));
  auto checked = check_address_text(address->starts_with('/') ? *address : '/' + *address, inside + "[0]", address_bytes_max);
  if (!checked) return std::unexpected(std::move(checked.error()));
  return Operation{.is_set = kind == "set", .address = std::move(*checked), .value = items->size() == 2 ? items->back() : Value()};
}

}  // namespace

Checked<BundleBody> parse_bundle(const ApiRequest& request, std::size_t address_bytes_max) {
  const auto document = parse_body(request.http->body, bundle_values_max);
  if (!document) return std::unexpected(document.error());
  const Value* given = document->find("operations");
  const Array* operations = given == nullptr ? nullptr : given->array();
  if (operations == nullptr) return std::unexpected(bad_field("operations", "missing, or not an array"));
  for (const auto& [name, member] : *document->map()) {
    if (name != "operations" && name != "timestamp") return std::unexpected(bad_field(printable(name), "unknown"));
  }
  BundleBody out;
  for (const Value& operation : *operations) {
    auto parsed = parse_operation(operation, fmt::format("operations[{}]", out.operations.size()), address_bytes_max);
    if (!parsed) return std::unexpected(std::move(parsed.error()));
    out.operations.push_back(std::move(*parsed));
  }
  if (const Value* at = document->find("timestamp"); at != nullptr && !at->is_null()) {
    const auto micros = whole_number(*at);
    if (!micros || *micros < 0) return std::unexpected(bad_field("timestamp", "not a whole number of microseconds since 1970"));
    out.timestamp = UnixTime{static_cast<std::uint64_t>(*micros)};
  }
  return out;
}

}  // namespace clasp::http_api
