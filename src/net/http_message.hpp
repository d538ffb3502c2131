// HTTP/1.x messages as plain values, and the writer of answers. The parser is in http_request.hpp.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/byte_buffer.hpp"

namespace clasp::net {

struct HttpField {
  std::string name;
  std::string value;
  bool operator==(const HttpField&) const = default;
};

// Header names compare without regard to case.
const std::string* find_field(const std::vector<HttpField>& fields, std::string_view name);
// Is `token` in the comma-separated list that all lines named `name` form together? Blanks around tokens don't count; `exact` regards case.
bool has_token(const std::vector<HttpField>& fields, std::string_view name, std::string_view token, bool exact = false);
bool same_ignoring_case(std::string_view a, std::string_view b);
std::string_view without_blanks(std::string_view text);  // spaces and tabs at both ends

struct HttpRequest {
  std::string method;             // as sent: "GET"
  std::string target;             // path and query as sent: "/healthz?verbose"
  unsigned version = 11;          // 10 or 11
  std::vector<HttpField> fields;  // in order
  std::string body;
  bool keep_alive = true;

  std::string_view path() const;
  std::string_view query() const;  // without the '?'
};

struct HttpFault {
  unsigned status = 400;  // to answer with before closing
  std::string_view text;  // static; one line for people
  std::string_view field = {};  // static; the part of the request it is about: "body", a header's name; empty: the request as a whole
};

struct HttpResponse {
  unsigned status = 200;
  std::vector<HttpField> fields;  // Content-Length and Connection are added by the writer
  std::string body;
  bool close = false;  // end the connection after it, whatever the client asked for
};

HttpResponse text_response(unsigned status, std::string_view body);  // text/plain; charset=utf-8

std::string_view http_reason(unsigned status);  // "Not Found"; "Unknown" if it is not in our table

enum class Persist : bool { no, yes };
enum class Body : bool { omit, send };  // omit: the answer to a HEAD; its Content-Length still tells the size

// Appends the whole answer. Line breaks in field values are replaced by blanks, so that no value can forge a header.
void append_response(ByteBuffer& out, const HttpResponse& response, Persist persist, Body body);

// The head of an answer whose length is not known yet: chunked towards HTTP/1.1, towards HTTP/1.0 ended by the close.
void append_streaming_head(ByteBuffer& out, const HttpResponse& head, bool chunked, Persist persist);

}  // namespace clasp::net
