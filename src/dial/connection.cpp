#include "dial/connection.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "dial/connection_state.hpp"

namespace clasp::dial {
namespace {

constexpr std::size_t read_bytes = 65'536;
constexpr std::size_t control_bytes_max = 65'536;    // with as much waiting, pings stay unanswered
constexpr std::size_t wire_bytes_kept_max = 65'536;  // of an idle connection
constexpr std::uint16_t close_normal = 1000;
constexpr int discarded_reads_max = 16;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

Connection::Connection(io::IoLoop& loop, Target target, ConnectionEvents& events)
    : state_(std::make_shared<State>(loop, std::move(target), events)) {}
Connection::~Connection() { close(); }
void Connection::start() { state_->start(); }
bool Connection::send(Bytes bytes, Form form) { return state_->send(bytes, form); }
bool Connection::has_room() { return state_->has_room(); }
std::size_t Connection::waiting_bytes() const { return state_->waiting(); }
bool Connection::is_open() const { return state_->phase == State::Phase::open; }
void Connection::set_reading(bool on) { state_->set_reading(on); }
void Connection::finish(Micros linger) { state_->finish(linger); }
const std::string& Connection::subprotocol() const {
  static const std::string none;
  return state_->channel ? state_->channel->subprotocol() : none;
}

void Connection::close() {
  state_->events = nullptr;
  if (state_->phase == State::Phase::open) {
    state_->say_goodbye();
    state_->phase = State::Phase::finishing;
    state_->flush();
    state_->discard_input();
  }
  state_->tear_down();
}

// ---- in ----

void Connection::State::on_readable() {
  readable = true;
  schedule();
}

void Connection::State::on_writable() {
  writable = true;
  schedule();
}

void Connection::State::schedule() {
  if (std::exchange(scheduled, true)) return;
  loop.defer([weak = weak_from_this()] {
    if (const std::shared_ptr<State> self = weak.lock()) self->work();
  });
}

void Connection::State::work() {
  scheduled = false;
  const bool can_write = std::exchange(writable, false);
  const bool can_read = std::exchange(readable, false);
  if (phase == Phase::idle || phase == Phase::looking_up || phase == Phase::closed) return;
  if (phase == Phase::connecting) return look_at_connect();
  if (can_write) watch->set_writing(false);
  if (can_read && may_read()) take_input();
  if (is_alive()) flush();
}

void Connection::State::take_input() {
  if (!backlog.empty()) {
    ByteBuffer before = std::move(backlog);
    take_plain({before.data(), before.size()});
  }
  if (is_alive() && tls) take_tls();
  if (!is_alive() || !may_read()) return;
  std::array<std::byte, read_bytes> buffer;
  const ssize_t n = ::recv(watch->descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n == 0) return peer_ended();
  if (n < 0) return would_block(errno) ? void() : fail(std::strerror(errno));
  heard_at = io::steady_now();
  pinged = false;
  take_wire(std::span(buffer).first(static_cast<std::size_t>(n)));
}

void Connection::State::take_wire(std::span<std::byte> input) {
  if (!tls) return take_plain(input);
  tls->receive(input);
  take_tls();
}

void Connection::State::take_tls() {
  if (phase == Phase::securing) {
    switch (tls->shake()) {
      case TlsSession::Step::failed: return fail("TLS: " + tls->error());
      case TlsSession::Step::more: return;
      case TlsSession::Step::done: secured();
    }
  }
  std::array<std::byte, 16'384> plain;
  while (is_alive() && may_read()) {
    switch (tls->read(plain)) {
      case TlsSession::Step::failed: return fail("TLS: " + tls->error());
      case TlsSession::Step::more: return tls->ended() ? peer_ended() : void();
      case TlsSession::Step::done: take_plain(std::span(plain).first(tls->bytes_read()));
    }
  }
}

void Connection::State::take_plain(std::span<std::byte> plain) {
  if (channel) return take_messages(plain);
  if (!may_read()) return backlog.append(plain);
  if (events != nullptr) events->connection_input(plain, Form::stream);
}

void Connection::State::take_messages(std::span<std::byte> plain) {
  while (is_alive()) {
    if (!may_read()) return backlog.append(plain);
    const WebSocketChannel::Event event = channel->next(plain, staged, waiting() < control_bytes_max);
    switch (event.kind) {
      case WebSocketChannel::Event::Kind::nothing: return;
      case WebSocketChannel::Event::Kind::opened:
        if (phase == Phase::upgrading) opened();
        break;
      case WebSocketChannel::Event::Kind::message:
        if (events != nullptr) events->connection_input(event.payload, event.form);
        break;
      case WebSocketChannel::Event::Kind::ended: return phase == Phase::finishing ? peer_ended() : fail(event.text);
    }
  }
}

// What is unread when a socket is closed makes a reset of the close, and the peer may lose our last words to it.
void Connection::State::discard_input() {
  std::array<std::byte, read_bytes> buffer;
  for (int i = 0; watch && i < discarded_reads_max && ::recv(watch->descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT) > 0; ++i) continue;
}

void Connection::State::set_reading(bool on) {
  if (std::exchange(reading, on) == on || phase < Phase::open || !is_alive()) return;
  watch->set_reading(may_read());
  if (!on) return;
  readable = true;  // there may be something that has been read before
  schedule();
}

// ---- out ----

bool Connection::State::has_room() {
  if (phase != Phase::open) return false;
  const bool room = waiting() < target.out_bytes_max;
  if (!room) refused_send = true;
  return room;
}

bool Connection::State::send(Bytes bytes, Form form) {
  if (!has_room()) return false;
  if (channel) {
    channel->append_message(staged, bytes, form);
  } else {
    staged.append(bytes);
  }
  schedule();
  return true;
}

void Connection::State::seal() {
  if (tls && phase != Phase::securing) tls->write(staged.view());
  if (tls) {
    tls->take(wire);
  } else if (wire.empty()) {
    std::swap(wire, staged);
  } else {
    wire.append(staged.view());
  }
  staged.clear();
}

void Connection::State::flush() {
  seal();
  while (wire_sent < wire.size()) {
    const ssize_t n = ::send(watch->descriptor(), wire.data() + wire_sent, wire.size() - wire_sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) {
      wire_sent += static_cast<std::size_t>(n);
      continue;
    }
    if (errno == EINTR) continue;
    if (would_block(errno)) break;
    const bool may_say_why = (errno == EPIPE || errno == ECONNRESET) && reading && events != nullptr;
    if (!may_say_why) return fail(std::strerror(errno));
    wire_sent = wire.size();  // nobody wants it; what the peer has said before it went is still to be read, and then its end
    readable = true;
    schedule();
  }
  const bool blocked = wire_sent < wire.size();
  if (!blocked) {
    wire.clear();
    if (wire.capacity() > wire_bytes_kept_max) wire.release();
    wire_sent = 0;
  } else if (wire_sent > wire.size() / 2) {
    ByteBuffer rest;
    rest.append(wire.view(wire_sent));
    wire = std::move(rest);
    wire_sent = 0;
  }
  watch->set_writing(blocked);
  if (!blocked && phase == Phase::finishing && !std::exchange(end_sent, true)) ::shutdown(watch->descriptor(), SHUT_WR);
  if (phase == Phase::open && refused_send && waiting() <= target.out_bytes_max / 2) {
    refused_send = false;
    if (events != nullptr) events->connection_writable();
  }
}

// ---- the end ----

void Connection::State::say_goodbye() {
  if (std::exchange(goodbye_said, true)) return;
  if (channel) channel->append_goodbye(staged, close_normal, {});
  if (!tls || phase == Phase::securing) return;
  seal();
  tls->end();
}

void Connection::State::finish(Micros linger) {
  if (phase == Phase::finishing || phase == Phase::closed) return;
  if (phase != Phase::open) {
    phase = Phase::finishing;
    timer.set({});
    return;
  }
  say_goodbye();
  phase = Phase::finishing;
  timer.set(io::steady_now() + linger);
  set_reading(true);
  schedule();
}

void Connection::State::peer_ended() {
  switch (phase) {
    case Phase::securing: return fail("closed the connection during the TLS handshake");
    case Phase::upgrading: return fail("closed the connection during the WebSocket handshake");
    case Phase::finishing: return fail({});
    default: return fail("closed the connection");
  }
}

void Connection::State::fail(std::string_view why) {
  if (phase == Phase::closed) return;
  const bool asked_for = phase == Phase::finishing;
  ConnectionEvents* const told = std::exchange(events, nullptr);
  if (watch && phase != Phase::connecting) {  // what is owed: an alert that says why, a goodbye, the rest
    if (phase == Phase::open) say_goodbye();
    phase = Phase::finishing;
    flush();
  }
  tear_down();
  if (told != nullptr) told->connection_closed(asked_for ? std::string() : fmt::format("{}: {}", place(target), why));
}

void Connection::State::tear_down() {
  phase = Phase::closed;
  lookup.cancel();
  timer.cancel();
  watch.reset();
  staged.release();
  wire.release();
  wire_sent = 0;
  backlog.release();
}

}  // namespace clasp::dial
