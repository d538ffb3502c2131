// One HTTP request after another on one connection, for a client that polls.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/byte_buffer.hpp"
#include "dial/connection.hpp"
#include "net/chunked_body.hpp"
#include "net/http_message.hpp"
#include "net/http_request.hpp"

namespace clasp::bridge::socketio {

struct HttpAnswer {
  unsigned status = 0;
  std::string body;
};

class HttpExchange final : private dial::ConnectionEvents {
 public:
  static constexpr std::size_t head_bytes_max = 16'384;

  // `target` has no WebSocket.
  HttpExchange(io::IoLoop& loop, dial::Target target, std::vector<net::HttpField> fields, std::size_t body_bytes_max)
      : loop_(loop), target_(std::move(target)), fields_(std::move(fields)), body_bytes_max_(body_bytes_max) {}

  // `done` is called once, later: an answer, or why there is none. It may ask again, or destroy this.
  using Done = std::function<void(const Result<HttpAnswer>& answer)>;
  void ask(std::string_view method, std::string_view path, std::string body, Done done);  // call only when !busy()
  bool busy() const { return done_ != nullptr; }

 private:
  void connection_opened() override;
  void connection_input(Bytes bytes, dial::Form form) override;
  void connection_writable() override {}
  void connection_closed(std::string_view reason) override;
  void take(std::span<std::byte> input);
  bool take_head(std::span<std::byte>& input);
  void complete();
  void fail(std::string why);

  io::IoLoop& loop_;
  dial::Target target_;
  std::vector<net::HttpField> fields_;
  std::size_t body_bytes_max_;
  std::unique_ptr<dial::Connection> connection_;
  std::string request_;
  Done done_;
  ByteBuffer head_;
  bool in_body_ = false;
  bool keep_ = false;
  HttpAnswer answer_;
  std::optional<std::size_t> body_left_;
  std::optional<net::ChunkedBody> chunks_;  // neither: until the end of the connection
};

}  // namespace clasp::bridge::socketio
