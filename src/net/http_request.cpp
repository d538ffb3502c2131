// The only file that knows Boost.Beast: a unit with it takes long to compile.
#include "net/http_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "net/chunked_body.hpp"

namespace clasp::net {

namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::string_view head_end = "\r\n\r\n";

std::string to_string(boost::beast::string_view text) { return {text.data(), text.size()}; }

template <typename Fields>
std::vector<HttpField> copy_fields(const Fields& fields) {
  std::vector<HttpField> copies;
  for (const auto& field : fields) copies.push_back({to_string(field.name_string()), to_string(field.value())});
  return copies;
}

// "http://host/path?query", as proxies are asked, means "/path?query" here (RFC 9112, section 3.2.2).
std::string origin_form(std::string target) {
  const std::size_t scheme_end = target.find("://");
  if (scheme_end == std::string::npos || target.starts_with('/')) return target;
  const std::string_view scheme = std::string_view{target}.substr(0, scheme_end);
  if (!same_ignoring_case(scheme, "http") && !same_ignoring_case(scheme, "https")) return target;
  const std::size_t path = target.find_first_of("/?", scheme_end + 3);
  if (path == std::string::npos) return "/";
  return target[path] == '/' ? target.substr(path) : '/' + target.substr(path);
}

struct FaultRow {
  http::error error;
  HttpFault fault;
};
constexpr HttpFault malformed{400, "malformed HTTP request"};
const FaultRow fault_rows[] = {
    {http::error::header_limit, {431, "request head too large", "head"}},
    {http::error::body_limit, {413, "request body too large", "body"}},
    {http::error::bad_version, {505, "HTTP version is neither 1.0 nor 1.1", "version"}},
    {http::error::bad_method, {400, "malformed request method", "method"}},
    {http::error::bad_target, {400, "malformed request target", "target"}},
    {http::error::bad_field, {400, "malformed header name", "head"}},
    {http::error::bad_value, {400, "malformed header value", "head"}},
    {http::error::bad_content_length, {400, "bad Content-Length", "Content-Length"}},
    {http::error::multiple_content_length, {400, "more than one Content-Length", "Content-Length"}},
    {http::error::bad_transfer_encoding, {400, "bad Transfer-Encoding", "Transfer-Encoding"}},
};

HttpFault fault_of(const error_code& error) {
  for (const FaultRow& row : fault_rows) {
    if (error == row.error) return row.fault;
  }
  return malformed;
}

}  // namespace

struct HttpRequestParser::Body {
  HttpRequest request;
  std::size_t bytes_left = 0;  // by Content-Length
  std::optional<ChunkedBody> chunks;

  bool complete() const { return chunks ? chunks->done() : bytes_left == 0; }
};

HttpRequestParser::HttpRequestParser(HttpLimits limits) : limits_(limits) {}
HttpRequestParser::~HttpRequestParser() = default;

std::nullopt_t HttpRequestParser::fail(HttpFault fault) {
  fault_ = fault;
  head_.release();
  body_.reset();
  return std::nullopt;
}

bool HttpRequestParser::take_expectation() { return std::exchange(expectation_, false); }

std::size_t HttpRequestParser::bytes_held() const {
  return head_.capacity() + (body_ ? sizeof(Body) + body_->request.body.capacity() : 0);
}

// Moves bytes of the head out of `input`; its length once the empty line is there.
std::optional<std::size_t> HttpRequestParser::take_head(std::span<std::byte>& input) {
  if (head_.empty()) {  // empty lines before a request line are tolerated (RFC 9112, section 2.2)
    while (!input.empty() && (input[0] == std::byte{'\r'} || input[0] == std::byte{'\n'})) input = input.subspan(1);
  }
  const std::size_t before = head_.size();
  const std::size_t taken = std::min(input.size(), limits_.head_bytes_max - before);
  head_.append(input.first(taken));
  const std::string_view text = as_text(head_.view());
  const std::size_t from = before < head_end.size() ? 0 : before - (head_end.size() - 1);
  const std::size_t end = text.find(head_end, from);
  if (end != std::string_view::npos) {
    const std::size_t bytes = end + head_end.size();
    input = input.subspan(bytes - before);
    head_.truncate(bytes);
    refuse_bare_line_feed(as_text(head_.view()), before);
    if (fault_) return std::nullopt;
    return bytes;
  }
  input = input.subspan(taken);
  refuse_bare_line_feed(text, before);
  if (!fault_ && head_.size() == limits_.head_bytes_max) fail({431, "request head too large", "head"});
  return std::nullopt;
}

// At once: somebody who ends lines with LF alone would otherwise wait for an answer until the deadline.
void HttpRequestParser::refuse_bare_line_feed(std::string_view head, std::size_t from) {
  for (std::size_t at = head.find('\n', from); at != std::string_view::npos; at = head.find('\n', at + 1)) {
    if (at == 0 || head[at - 1] != '\r') fail({400, "header line does not end with CR LF", "head"});
    if (fault_) return;
  }
}

// Beast sees whole heads only. Bodies are ours: what Beast makes of one depends on where the reads end.
void HttpRequestParser::begin_body(std::string_view head) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(limits_.head_bytes_max));
  parser.body_limit(limits_.body_bytes_max);
  error_code error;
  parser.put(boost::asio::buffer(head.data(), head.size()), error);
  if (error && error != http::error::need_more) {
    fail(fault_of(error));
    return;
  }
  if (!parser.is_header_done()) {
    fail(malformed);
    return;
  }
  const auto& message = parser.get();
  const auto coding = message.find(http::field::transfer_encoding);
  if (coding != message.end() && !same_ignoring_case(to_string(coding->value()), "chunked")) {
    fail({400, "bad Transfer-Encoding", "Transfer-Encoding"});  // a body without an end (RFC 9112, section 6.3)
    return;
  }
  if (message.method() == http::verb::connect) {
    fail({501, "CONNECT is for proxies", "method"});
    return;
  }
  // RFC 9112, section 3.2: whoever is in between might mean another host than we do.
  if (const std::size_t hosts = message.count(http::field::host); hosts > 1 || (hosts == 0 && message.version() == 11)) {
    fail({400, hosts == 0 ? "no Host" : "more than one Host", "Host"});
    return;
  }
  const std::uint64_t length = parser.content_length().value_or(0);
  if (length > limits_.body_bytes_max) {
    fail({413, "request body too large", "body"});
    return;
  }
  body_ = std::make_unique<Body>();
  body_->request = {.method = to_string(message.method_string()),
                    .target = origin_form(to_string(message.target())),
                    .version = message.version(),
                    .fields = copy_fields(message),
                    .body = {},
                    .keep_alive = message.keep_alive()};
  body_->bytes_left = length;
  if (parser.chunked()) body_->chunks.emplace(limits_.body_bytes_max);
  expectation_ = !body_->complete() && same_ignoring_case(to_string(message[http::field::expect]), "100-continue");
}

std::optional<HttpRequest> HttpRequestParser::next(std::span<std::byte>& input) {
  if (fault_) return std::nullopt;
  if (!body_) {
    const std::optional<std::size_t> head_bytes = take_head(input);
    if (!head_bytes) return std::nullopt;
    begin_body(as_text(head_.view()));
    if (fault_) return std::nullopt;
    head_.release();
  }
  if (body_->chunks) {
    if (const auto fault = body_->chunks->take(input, body_->request.body)) return fail(*fault);
  } else {
    const std::size_t bytes = std::min(input.size(), body_->bytes_left);
    body_->request.body += as_text(input.first(bytes));
    body_->bytes_left -= bytes;
    input = input.subspan(bytes);
  }
  if (!body_->complete()) return std::nullopt;
  std::optional<HttpRequest> request = std::move(body_->request);
  body_.reset();
  expectation_ = false;
  return request;
}

Result<HttpResponseHead> parse_response_head(std::string_view head) {
  http::response_parser<http::string_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(head.size() + 1));
  parser.skip(true);
  error_code error;
  parser.put(boost::asio::buffer(head.data(), head.size()), error);
  if ((error && error != http::error::need_more) || !parser.is_header_done()) {
    return Error{.code = ErrorCode::connection_failed, .message = "server's answer is no HTTP response", .address = {}};
  }
  const auto& message = parser.get();
  return HttpResponseHead{.status = message.result_int(), .reason = to_string(message.reason()), .fields = copy_fields(message)};
}

}  // namespace clasp::net
