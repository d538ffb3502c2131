#include "net/http_message.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace clasp::net {

namespace {

struct Reason {
  unsigned status;
  std::string_view text;
};
constexpr std::array reasons{
    Reason{100, "Continue"},
    Reason{101, "Switching Protocols"},
    Reason{200, "OK"},
    Reason{201, "Created"},
    Reason{202, "Accepted"},
    Reason{204, "No Content"},
    Reason{206, "Partial Content"},
    Reason{301, "Moved Permanently"},
    Reason{302, "Found"},
    Reason{304, "Not Modified"},
    Reason{307, "Temporary Redirect"},
    Reason{308, "Permanent Redirect"},
    Reason{400, "Bad Request"},
    Reason{401, "Unauthorized"},
    Reason{403, "Forbidden"},
    Reason{404, "Not Found"},
    Reason{405, "Method Not Allowed"},
    Reason{408, "Request Timeout"},
    Reason{409, "Conflict"},
    Reason{410, "Gone"},
    Reason{411, "Length Required"},
    Reason{412, "Precondition Failed"},
    Reason{413, "Content Too Large"},
    Reason{415, "Unsupported Media Type"},
    Reason{416, "Range Not Satisfiable"},
    Reason{422, "Unprocessable Content"},
    Reason{426, "Upgrade Required"},
    Reason{429, "Too Many Requests"},
    Reason{431, "Request Header Fields Too Large"},
    Reason{500, "Internal Server Error"},
    Reason{501, "Not Implemented"},
    Reason{502, "Bad Gateway"},
    Reason{503, "Service Unavailable"},
    Reason{504, "Gateway Timeout"},
    Reason{505, "HTTP Version Not Supported"},
};
static_assert(std::ranges::is_sorted(reasons, {}, &Reason::status));

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

void append_text(ByteBuffer& out, std::string_view text) { out.append(as_bytes(text)); }

void append_number(ByteBuffer& out, std::size_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  append_text(out, {digits.data(), static_cast<std::size_t>(end - digits.data())});
}

// One header line. Bytes that would end the line become blanks.
void append_field(ByteBuffer& out, std::string_view name, std::string_view value) {
  append_text(out, name);
  append_text(out, ": ");
  std::byte* at = out.extend(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    at[i] = static_cast<std::byte>(c == '\r' || c == '\n' || c == '\0' ? ' ' : c);
  }
  append_text(out, "\r\n");
}

void append_status_and_fields(ByteBuffer& out, const HttpResponse& response) {
  append_text(out, "HTTP/1.1 ");
  append_number(out, response.status);
  append_text(out, " ");
  append_text(out, http_reason(response.status));
  append_text(out, "\r\n");
  for (const HttpField& field : response.fields) append_field(out, field.name, field.value);
}

}  // namespace

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view without_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

const std::string* find_field(const std::vector<HttpField>& fields, std::string_view name) {
  const auto at = std::ranges::find_if(fields, [&](const HttpField& field) { return same_ignoring_case(field.name, name); });
  return at == fields.end() ? nullptr : &at->value;
}

bool has_token(const std::vector<HttpField>& fields, std::string_view name, std::string_view token, bool exact) {
  for (const HttpField& field : fields) {
    if (!same_ignoring_case(field.name, name)) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      const std::size_t comma = rest.find(',');
      const std::string_view item = without_blanks(rest.substr(0, comma));
      if (exact ? item == token : same_ignoring_case(item, token)) return true;
      rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    }
  }
  return false;
}

std::string_view HttpRequest::path() const {
  const std::string_view all = target;
  return all.substr(0, all.find('?'));
}

std::string_view HttpRequest::query() const {
  const std::string_view all = target;
  const std::size_t mark = all.find('?');
  return mark == std::string_view::npos ? std::string_view{} : all.substr(mark + 1);
}

HttpResponse text_response(unsigned status, std::string_view body) {
  return {.status = status, .fields = {{"Content-Type", "text/plain; charset=utf-8"}}, .body = std::string{body}};
}

std::string_view http_reason(unsigned status) {
  const auto at = std::ranges::lower_bound(reasons, status, {}, &Reason::status);
  return at != reasons.end() && at->status == status ? at->text : "Unknown";
}

void append_response(ByteBuffer& out, const HttpResponse& response, Persist persist, Body body) {
  append_status_and_fields(out, response);
  // Neither 1xx nor 204 nor 304 may carry a body; of the three only 304 may tell a length, which we don't know.
  const bool bodiless = response.status < 200 || response.status == 204 || response.status == 304;
  if (!bodiless) {
    append_text(out, "Content-Length: ");
    append_number(out, response.body.size());
    append_text(out, "\r\n");
  }
  if (response.status >= 200) append_field(out, "Connection", persist == Persist::yes && !response.close ? "keep-alive" : "close");
  append_text(out, "\r\n");
  if (!bodiless && body == Body::send) append_text(out, response.body);
}

void append_streaming_head(ByteBuffer& out, const HttpResponse& head, bool chunked, Persist persist) {
  append_status_and_fields(out, head);
  if (chunked) append_field(out, "Transfer-Encoding", "chunked");
  append_field(out, "Connection", persist == Persist::yes && !head.close ? "keep-alive" : "close");
  append_text(out, "\r\n");
}

}  // namespace clasp::net
