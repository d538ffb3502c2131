// HTTP/1.x requests out of a byte stream, one after the other, bounded. Also response heads, for the client side of the WebSocket handshake.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "clasp/error.hpp"
#include "core/byte_buffer.hpp"
#include "net/http_message.hpp"

namespace clasp::net {

struct HttpLimits {
  std::size_t head_bytes_max = 16'384;     // request line and headers: above it 431
  std::size_t body_bytes_max = 2'097'152;  // above it 413
};

// Feed it whatever arrives, in pieces of any size; it takes exactly the bytes of one request and leaves what follows (pipelined requests, or the
// frames of a client that did not wait for its 101).
//
// Memory while a request is incomplete: the head so far, later the request with its body so far; nothing between requests.
class HttpRequestParser {
 public:
  explicit HttpRequestParser(HttpLimits limits = {});
  HttpRequestParser(const HttpRequestParser&) = delete;
  ~HttpRequestParser();

  // The next request. Nothing: all of `input` was taken and more is needed, or the peer does not speak HTTP (fault()).
  std::optional<HttpRequest> next(std::span<std::byte>& input);
  std::optional<HttpFault> fault() const { return fault_; }

  bool idle() const { return head_.empty() && !body_; }  // between two requests
  bool reading_body() const { return body_ != nullptr; }
  // True once after the head of a request that waits for "100 Continue" before it sends its body.
  bool take_expectation();
  std::size_t bytes_held() const;

 private:
  struct Body;  // once the head is complete: the request so far

  std::optional<std::size_t> take_head(std::span<std::byte>& input);
  void begin_body(std::string_view head);
  void refuse_bare_line_feed(std::string_view head, std::size_t from);
  std::nullopt_t fail(HttpFault fault);

  HttpLimits limits_;
  std::optional<HttpFault> fault_;
  ByteBuffer head_;
  std::unique_ptr<Body> body_;
  bool expectation_ = false;
};

struct HttpResponseHead {
  unsigned status = 0;
  std::string reason;
  std::vector<HttpField> fields;
};
// `head` reaches to the empty line, including it. Error connection_failed if it is no HTTP/1.x response.
Result<HttpResponseHead> parse_response_head(std::string_view head);

}  // namespace clasp::net
