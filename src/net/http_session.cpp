#include "net/http_session.hpp"

#include <fmt/format.h>

#include <memory>

#include "net/stream_link.hpp"
#include "net/websocket_deflate.hpp"
#include "net/websocket_handshake.hpp"

namespace clasp::net {

void HttpSession::on_bytes(std::span<std::byte>& input) {
  while (stream_.wants_input()) {
    if (stream_.bytes_waiting() > answers_bytes_max) return stream_.set_reading(false);  // until on_sent()
    const std::size_t before = input.size();
    const std::optional<HttpRequest> request = parser_.next(input);
    if (request) {
      stream_.restart_deadline();
      body_bytes_ = 0;
      if (wants_websocket(*request)) return upgrade(*request);
      answer(*request);
      continue;
    }
    if (const std::optional<HttpFault> fault = parser_.fault()) return refuse(fault->status, fault->text);
    if (parser_.take_expectation()) send({.status = 100, .fields = {}, .body = {}}, Persist::yes, Body::omit);
    if (parser_.reading_body() && (body_bytes_ += before) >= body_progress_bytes) {
      body_bytes_ = 0;
      stream_.restart_deadline();
    }
    return;
  }
}

void HttpSession::answer(const HttpRequest& request) {
  ++stream_.loop().stats().http_requests;
  const HttpResponse response = handler_.handle(request);
  send(response, request.keep_alive ? Persist::yes : Persist::no, request.method == "HEAD" ? Body::omit : Body::send);
  if (!request.keep_alive || response.close) stream_.close_after_flush();
}

void HttpSession::upgrade(const HttpRequest& request) {
  std::optional<HttpResponse> refusal = handler_.refuse_upgrade(request);
  HttpResponse response = refusal ? *std::move(refusal) : answer_upgrade(request);
  std::optional<DeflateAgreement> deflate;
  if (response.status == 101 && websocket_.deflate)
    deflate = agree_on_deflate(*parse_extensions(request.fields));  // which answer_upgrade() has checked
  if (deflate) response.fields.push_back({"Sec-WebSocket-Extensions", deflate->header()});
  send(response, Persist::no, Body::send);
  if (response.status == 101) return stream_.become(open_stream_link<WebSocketLink>(stream_, engine_, websocket_, deflate));
  ++stream_.loop().stats().upgrades_refused;
  stream_.close_after_flush();
}

void HttpSession::refuse(unsigned status, std::string_view text) {
  ++stream_.loop().stats().http_refused;
  send(text_response(status, fmt::format("{}\n", text)), Persist::no, Body::send);
  stream_.close_after_flush();
}

void HttpSession::send(const HttpResponse& response, Persist persist, Body body) {
  ByteBuffer out;
  append_response(out, response, persist, body);
  stream_.send(out.view());
}

void HttpSession::on_sent(std::size_t) {
  if (stream_.bytes_waiting() > answers_bytes_max / 2) return;
  stream_.set_reading(true);
  if (parser_.idle()) stream_.restart_deadline();
}

void HttpSession::on_setup_deadline() {
  ++stream_.loop().stats().setups_timed_out;
  if (parser_.idle()) return stream_.close_after_flush();
  refuse(408, "the request did not arrive in time");
}

}  // namespace clasp::net
