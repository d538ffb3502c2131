#include "bridge/socketio/http_exchange.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/check.hpp"

namespace clasp::bridge::socketio {

void HttpExchange::ask(std::string_view method, std::string_view path, std::string body, Done done) {
  CLASP_CHECK(!busy());
  done_ = std::move(done);
  head_.clear();
  in_body_ = false;
  answer_ = {};
  body_left_.reset();
  chunks_.reset();
  request_ = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nConnection: keep-alive\r\nAccept: */*\r\n", method, path, dial::place(target_));
  for (const net::HttpField& field : fields_) request_ += fmt::format("{}: {}\r\n", field.name, field.value);
  if (method == "POST") request_ += fmt::format("Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {}\r\n", body.size());
  request_ += "\r\n";
  request_ += body;
  if (connection_ && connection_->is_open()) return connection_opened();
  dial::ConnectionEvents& told = *this;
  connection_ = std::make_unique<dial::Connection>(loop_, target_, told);
  connection_->start();
}

void HttpExchange::connection_opened() {
  if (!connection_->send(as_bytes(request_), dial::Form::stream)) return fail("the request does not fit");
  request_.clear();
}

void HttpExchange::connection_input(Bytes bytes, dial::Form) {
  std::vector<std::byte> input(bytes.begin(), bytes.end());  // what reads it may change it
  take(input);
}

void HttpExchange::take(std::span<std::byte> input) {
  if (!busy()) {  // nobody asked for it
    connection_.reset();
    return;
  }
  if (!in_body_ && !take_head(input)) return;
  if (chunks_) {
    if (const auto fault = chunks_->take(input, answer_.body)) return fail(std::string(fault->text));
    if (chunks_->done()) complete();
    return;
  }
  const std::size_t taken = body_left_ ? std::min(*body_left_, input.size()) : input.size();
  answer_.body.append(as_text(Bytes{input}.first(taken)));
  if (answer_.body.size() > body_bytes_max_) return fail("the answer is too long");
  if (!body_left_) return;
  *body_left_ -= taken;
  if (*body_left_ == 0) complete();
}

// True: the head is complete, and `input` is what follows.
bool HttpExchange::take_head(std::span<std::byte>& input) {
  const std::size_t before = head_.size();
  head_.append(input);
  const std::string_view text = as_text(head_.view());
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    if (head_.size() > head_bytes_max) fail("the answer has no head");
    return false;
  }
  const auto head = net::parse_response_head(text.substr(0, end + 4));
  if (!head) {
    fail(head.error().message);
    return false;
  }
  input = input.subspan(end + 4 - before);
  in_body_ = true;
  answer_.status = head->status;
  keep_ = !net::has_token(head->fields, "Connection", "close");
  if (net::has_token(head->fields, "Transfer-Encoding", "chunked")) {
    chunks_.emplace(body_bytes_max_);
  } else if (const std::string* length = net::find_field(head->fields, "Content-Length")) {
    std::size_t bytes = 0;
    const auto [stop, fault] = std::from_chars(length->data(), length->data() + length->size(), bytes);
    if (fault != std::errc{} || stop != length->data() + length->size() || bytes > body_bytes_max_) {
      fail("the answer is too long");
      return false;
    }
    body_left_ = bytes;
  }
  return true;
}

void HttpExchange::complete() {
  if (!keep_) connection_.reset();
  const HttpAnswer answer = std::move(answer_);
  const Done done = std::exchange(done_, nullptr);
  done(answer);
}

void HttpExchange::fail(std::string why) {
  connection_.reset();
  const Done done = std::exchange(done_, nullptr);
  if (done) done(Error{ErrorCode::connection_failed, fmt::format("{}: {}", dial::place(target_), why), {}});
}

void HttpExchange::connection_closed(std::string_view reason) {
  if (busy() && in_body_ && !body_left_ && !chunks_) {  // that was its end
    keep_ = false;
    return complete();
  }
  const std::string why = reason.empty() ? fmt::format("{}: closed", dial::place(target_)) : std::string(reason);
  connection_.reset();
  const Done done = std::exchange(done_, nullptr);
  if (done) done(Error{ErrorCode::connection_failed, why, {}});
}

}  // namespace clasp::bridge::socketio
