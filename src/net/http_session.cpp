#include "net/http_session.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <utility>

#include "core/check.hpp"
#include "net/stream_link.hpp"
#include "net/websocket_deflate.hpp"
#include "net/websocket_handshake.hpp"

namespace clasp::net {

void HttpSession::on_bytes(std::span<std::byte>& input) {
  while (stream_.wants_input()) {
    // Until answered() or on_sent(). Not before something comes: so the end of the peer is noticed.
    if (owed_ != Owed::nothing || stream_.bytes_waiting() > answers_bytes_max) return stream_.set_reading(false);
    const std::size_t before = input.size();
    const std::optional<HttpRequest> request = parser_.next(input);
    if (request) {
      stream_.restart_deadline();
      body_bytes_ = 0;
      if (wants_websocket(*request)) return upgrade(*request);
      handle(*request);
      if (input.empty()) return;
      continue;
    }
    if (const std::optional<HttpFault> fault = parser_.fault()) return refuse(*fault);
    if (parser_.take_expectation()) send_response({.status = 100, .fields = {}, .body = {}}, Persist::yes, Body::omit);
    if (parser_.reading_body() && (body_bytes_ += before) >= body_progress_bytes) {
      body_bytes_ = 0;
      stream_.restart_deadline();
    }
    return;
  }
}

void HttpSession::handle(const HttpRequest& request) {
  ++stream_.loop().stats().http_requests;
  owed_ = Owed::answer;
  head_only_ = request.method == "HEAD";
  keep_alive_ = request.keep_alive;
  http_1_0_ = request.version == 10;
  handling_ = true;
  handler_.handle(request, *this);
  handling_ = false;
  if (owed_ == Owed::answer) stream_.cancel_deadline();  // the handler's time now, not the peer's
}

void HttpSession::answer(const HttpResponse& response) {
  CLASP_CHECK(owed_ == Owed::answer);
  keep_alive_ = keep_alive_ && !response.close;
  send_response(response, keep_alive_ ? Persist::yes : Persist::no, head_only_ ? Body::omit : Body::send);
  answered();
}

void HttpSession::begin(const HttpResponse& head, Flow flow) {
  CLASP_CHECK(owed_ == Owed::answer);
  owed_ = Owed::body;
  finite_ = flow == Flow::finite;
  chunked_ = !http_1_0_;
  keep_alive_ = keep_alive_ && chunked_ && !head.close;
  ByteBuffer out;
  append_streaming_head(out, head, chunked_, keep_alive_ ? Persist::yes : Persist::no);
  stream_.send(out.view());
  if (finite_) return stream_.restart_deadline();
  stream_.cancel_deadline();
}

std::size_t HttpSession::send(std::string_view piece) {
  CLASP_CHECK(owed_ == Owed::body);
  if (head_only_ || piece.empty() || !stream_.is_open()) return 0;  // an empty chunk would be the last
  if (!chunked_) {
    stream_.send(as_bytes(piece));
    return piece.size();
  }
  std::array<char, 20> size;
  char* end = std::to_chars(size.data(), size.data() + 16, piece.size(), 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  const std::string_view line{size.data(), static_cast<std::size_t>(end - size.data())};
  stream_.send(as_bytes(line));
  stream_.send(as_bytes(piece));
  stream_.send(as_bytes("\r\n"));
  return line.size() + piece.size() + 2;
}

void HttpSession::finish() {
  CLASP_CHECK(owed_ == Owed::body);
  if (chunked_ && !head_only_) stream_.send(as_bytes("0\r\n\r\n"));
  answered();
}

// The next request may come, or be read if it is here already.
void HttpSession::answered() {
  owed_ = Owed::nothing;
  if (!keep_alive_) return end();
  if (handling_) return;  // on_bytes() goes on
  stream_.restart_deadline();
  if (stream_.bytes_waiting() <= answers_bytes_max) stream_.set_reading(true);
}

// Closing gives the peer a short time only; an answer it may take as slowly as it likes, as long as it takes something.
void HttpSession::end() {
  if (stream_.bytes_waiting() == 0) return stream_.close_after_flush();
  owed_ = Owed::rest;
  stream_.restart_deadline();
}

void HttpSession::release_peer() {
  if (const std::unique_ptr<HttpPeer> peer = std::move(peer_)) peer->on_closed();
}

void HttpSession::upgrade(const HttpRequest& request) {
  std::optional<HttpResponse> refusal = handler_.refuse_upgrade(request);
  const Upgrade own = refusal ? Upgrade{} : handler_.find_upgrade(request);
  const SubProtocol* other = own.make ? nullptr : find_other(request);
  HttpResponse response = refusal ? *std::move(refusal) : answer_to_upgrade(request, own, other);
  std::optional<DeflateAgreement> deflate;
  if (response.status == 101 && websocket_.deflate && other == nullptr && !own.make)
    deflate = agree_on_deflate(*parse_extensions(request.fields));  // which answer_upgrade() has checked
  if (deflate) response.fields.push_back({"Sec-WebSocket-Extensions", deflate->header()});
  send_response(response, Persist::no, Body::send);
  if (response.status == 101) {
    release_peer();
    if (own.make) return stream_.become(own.make(stream_));
    return stream_.become(other != nullptr ? other->make(stream_) : open_stream_link<WebSocketLink>(stream_, *engine_, websocket_, deflate));
  }
  ++stream_.loop().stats().upgrades_refused;
  stream_.close_after_flush();
}

HttpResponse HttpSession::answer_to_upgrade(const HttpRequest& request, const Upgrade& own, const SubProtocol* other) const {
  if (own.make) return answer_upgrade(request, own.subprotocol);
  if (other != nullptr) return answer_upgrade(request, other->name);
  if (engine_ == nullptr) return text_response(404, "No WebSocket is spoken at this path.\n");
  return answer_upgrade(request, websocket_subprotocol);
}

const SubProtocol* HttpSession::find_other(const HttpRequest& request) const {
  static constexpr std::string_view field = "Sec-WebSocket-Protocol";
  if (!websocket_.others || has_token(request.fields, field, websocket_subprotocol, true)) return nullptr;
  const auto at = std::ranges::find_if(*websocket_.others, [&request](const SubProtocol& other) { return has_token(request.fields, field, other.name, true); });
  return at == websocket_.others->end() ? nullptr : &*at;
}

void HttpSession::refuse(const HttpFault& fault) {
  ++stream_.loop().stats().http_refused;
  send_response(handler_.refusal(fault), Persist::no, Body::send);
  stream_.close_after_flush();
}

void HttpSession::send_response(const HttpResponse& response, Persist persist, Body body) {
  ByteBuffer out;
  append_response(out, response, persist, body);
  stream_.send(out.view());
}

void HttpSession::on_sent(std::size_t bytes) {
  if (owed_ == Owed::rest) return stream_.bytes_waiting() == 0 ? stream_.close_after_flush() : stream_.restart_deadline();
  if (owed_ != Owed::nothing) {
    if (owed_ == Owed::body && finite_) stream_.restart_deadline();
    if (peer_) peer_->on_sent(bytes);
    return;
  }
  if (stream_.bytes_waiting() > answers_bytes_max / 2) return;
  stream_.set_reading(true);
  if (parser_.idle()) stream_.restart_deadline();
}

// Who closes its side after a request may still read: what it asked for is answered.
void HttpSession::on_end() {
  keep_alive_ = false;
  if (owed_ == Owed::nothing) return stream_.close_after_flush();
  stream_.set_reading(false);  // or the end would be told again and again
  if (peer_ && owed_ != Owed::rest) peer_->on_end();
}

// What was asked for is answered; those who can't be will be closed with the loop.
void HttpSession::on_shutdown() {
  keep_alive_ = false;
  if (owed_ == Owed::nothing || owed_ == Owed::rest) stream_.close_after_flush();
}

void HttpSession::on_setup_deadline() {
  ++stream_.loop().stats().setups_timed_out;
  if (owed_ == Owed::body || owed_ == Owed::rest) return stream_.abort();  // it takes nothing of what cannot be ended properly
  if (parser_.idle()) return stream_.close_after_flush();
  refuse({408, "the request did not arrive in time", parser_.reading_body() ? "body" : "head"});
}

}  // namespace clasp::net
