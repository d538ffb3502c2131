// A request as the routes see it: percent-decoded, its parameters and its body checked and turned into values that need no second look.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clasp/value.hpp"
#include "core/message.hpp"
#include "core/pattern.hpp"
#include "http_api/api_error.hpp"
#include "net/http_message.hpp"

namespace clasp::http_api {

template <typename T>
using Checked = std::expected<T, ApiError>;

// Error 400 if a % is not followed by two hexadecimal digits or the result is not UTF-8. `plus_is_blank`: as in queries.
Checked<std::string> percent_decode(std::string_view text, bool plus_is_blank, std::string field);

struct ApiRequest {
  const net::HttpRequest* http = nullptr;
  std::string tail;  // what the route's {parameter} stands for, decoded and with a '/' before it
  std::vector<std::pair<std::string, std::string>> query;

  const std::string* find_query(std::string_view name) const;
  const std::string* find_header(std::string_view name) const { return net::find_field(http->fields, name); }
};

inline constexpr std::size_t query_parameters_max = 64;
// No name twice: of two patterns one would be left out without a word.
Checked<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view text);

// ---- parameters, each error names its field ----
Checked<std::string> address_of(const ApiRequest& request, std::size_t bytes_max);  // the tail, without wildcards
Checked<Pattern> pattern_of(const ApiRequest& request, std::size_t bytes_max);      // the tail, or ?pattern=, or everything
Checked<std::optional<std::size_t>> limit_of(const ApiRequest& request);            // 1 to page_entries_max
Checked<std::string> cursor_of(const ApiRequest& request);                          // an address; empty: from the start
std::string to_cursor(std::string_view address);
// "5", '"5"' and W/"5" mean revision 5, "*" whatever there is.
struct Precondition {
  bool any = false;
  std::uint64_t revision = 0;
};
Checked<std::optional<Precondition>> precondition_of(const ApiRequest& request, std::string_view header);
bool names_tag(const std::string* header, std::string_view tag);  // If-None-Match against an entity tag: weak comparison, lists, "*"

// ---- ranges (RFC 9110, section 14) ----
struct ByteRange {
  std::size_t first = 0;
  std::size_t length = 0;  // 0: it begins behind the end
};
// Of a document of so many bytes. Nothing: none is asked for, or several, or what cannot be read: then the whole document is the answer.
std::optional<ByteRange> range_of(const ApiRequest& request, std::size_t bytes, std::string_view tag);

// ---- bodies ----
inline constexpr std::size_t page_entries_max = 10'000;

// {"value":v,"ttl"?:seconds}, or any other document, which is the value itself.
struct WriteBody {
  std::optional<Value> value;  // absent: no body
  std::optional<Ttl> ttl;
};
Checked<WriteBody> parse_write(const ApiRequest& request);

struct PatchBody {
  Value value;
  std::optional<Ttl> ttl;  // from the query
};
Checked<PatchBody> parse_patch(const ApiRequest& request);
void merge_patch(Value& target, Value patch);  // RFC 7396

struct Operation {
  bool is_set = true;
  std::string address;
  Value value;
};
struct BundleBody {
  std::vector<Operation> operations;
  std::optional<UnixTime> timestamp;
};
// {"operations":[{"set":[address,value]},{"emit":[address,value]}],"timestamp"?: µs since 1970}
Checked<BundleBody> parse_bundle(const ApiRequest& request, std::size_t address_bytes_max);

}  // namespace clasp::http_api
