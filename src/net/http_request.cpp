// The only file that knows Boost.Beast: a unit with it takes long to compile.
#include "net/http_request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace clasp::net {

namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::size_t chunk_line_bytes_max = 4'096;

std::string to_string(boost::beast::string_view text) { return {text.data(), text.size()}; }

template <typename Fields>
std::vector<HttpField> copy_fields(const Fields& fields) {
  std::vector<HttpField> copies;
  for (const auto& field : fields) copies.push_back({to_string(field.name_string()), to_string(field.value())});
  return copies;
}

struct FaultRow {
  http::error error;
  HttpFault fault;
};
constexpr HttpFault malformed{400, "malformed HTTP request"};
const FaultRow fault_rows[] = {
    {http::error::header_limit, {431, "request head too large"}},
    {http::error::body_limit, {413, "request body too large"}},
    {http::error::bad_version, {505, "HTTP version is neither 1.0 nor 1.1"}},
    {http::error::bad_method, {400, "malformed request method"}},
    {http::error::bad_target, {400, "malformed request target"}},
    {http::error::bad_field, {400, "malformed header name"}},
    {http::error::bad_value, {400, "malformed header value"}},
    {http::error::bad_content_length, {400, "bad Content-Length"}},
    {http::error::multiple_content_length, {400, "more than one Content-Length"}},
    {http::error::bad_transfer_encoding, {400, "bad Transfer-Encoding"}},
    {http::error::bad_chunk, {400, "malformed chunk"}},
    {http::error::bad_chunk_extension, {400, "malformed chunk extension"}},
};

HttpFault fault_of(const error_code& error) {
  for (const FaultRow& row : fault_rows) {
    if (error == row.error) return row.fault;
  }
  return malformed;
}

}  // namespace

struct HttpRequestParser::BodyReader {
  http::request_parser<http::string_body> parser;
  ByteBuffer carry;  // the beginning of a chunk line that is not complete yet
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
  return head_.capacity() + (body_ ? sizeof(BodyReader) + body_->carry.capacity() + body_->parser.get().body().capacity() : 0);
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
    return bytes;
  }
  input = input.subspan(taken);
  // Somebody who ends lines with LF alone would otherwise wait for an answer until the deadline.
  for (std::size_t at = text.find('\n', before); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    if (at > 0 && text[at - 1] == '\r') continue;
    fail({400, "header line does not end with CR LF"});
    return std::nullopt;
  }
  if (head_.size() == limits_.head_bytes_max) {
    fail({431, "request head too large"});
  }
  return std::nullopt;
}

void HttpRequestParser::begin_body(std::string_view head) {
  body_ = std::make_unique<BodyReader>();
  auto& parser = body_->parser;
  parser.eager(true);
  parser.header_limit(static_cast<std::uint32_t>(limits_.head_bytes_max));
  parser.body_limit(limits_.body_bytes_max);
  error_code error;
  parser.put(boost::asio::buffer(head.data(), head.size()), error);
  if (error && error != http::error::need_more) {
    fail(fault_of(error));
  } else if (!parser.is_header_done()) {
    fail(malformed);
  } else if (const auto coding = parser.get()[http::field::transfer_encoding]; !coding.empty() && !same_ignoring_case(to_string(coding), "chunked")) {
    fail({400, "bad Transfer-Encoding"});  // else Beast would read a body without an end (RFC 9112, section 6.3)
  } else {
    expectation_ = !parser.is_done() && same_ignoring_case(to_string(parser.get()[http::field::expect]), "100-continue");
  }
}

std::optional<HttpRequest> HttpRequestParser::next(std::span<std::byte>& input) {
  if (fault_) return std::nullopt;
  if (!body_) {
    const std::optional<std::size_t> head_bytes = take_head(input);
    if (!head_bytes) return std::nullopt;
    begin_body(as_text(head_.view()));
    if (fault_) return std::nullopt;
  }
  auto& parser = body_->parser;
  ByteBuffer& carry = body_->carry;
  while (!parser.is_done() && !input.empty()) {
    const std::size_t carried = carry.size();
    Bytes source = input;
    if (carried > 0) {  // look at as much as completes the line, not at all that came
      carry.append(input.first(std::min(input.size(), chunk_line_bytes_max)));
      source = carry.view();
    }
    error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(source.data(), source.size()), error);
    if (error && error != http::error::need_more) return fail(fault_of(error));
    if (carried > 0) {
      if (used >= carried) {
        input = input.subspan(used - carried);
        carry.release();
        continue;
      }
      input = input.subspan(carry.size() - carried);
      if (used > 0) return fail(malformed);  // Beast consumes whole lines only
    } else {
      input = input.subspan(used);
      if (used == 0) {
        carry.append(input.first(std::min(input.size(), chunk_line_bytes_max)));
        input = input.subspan(carry.size());
      }
    }
    if (carry.size() >= chunk_line_bytes_max) return fail({400, "chunk line too long"});
  }
  if (!parser.is_done()) return std::nullopt;

  auto message = parser.release();
  HttpRequest request{.method = to_string(message.method_string()),
                      .target = to_string(message.target()),
                      .version = message.version(),
                      .fields = copy_fields(message),
                      .body = std::move(message.body()),
                      .keep_alive = message.keep_alive()};
  body_.reset();
  head_.release();
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
