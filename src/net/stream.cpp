#include "net/stream.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "core/check.hpp"

namespace clasp::net {

namespace {

constexpr std::size_t iovecs_max = 64;

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

Stream::Stream(EventLoop& loop, int socket) : loop_(loop), watch_(loop.io(), socket, *this), opened_at_(loop.now().steady) {}

Stream::~Stream() { out_.clear(loop_.blocks()); }

void Stream::set_reading(bool on) {
  if (reading_ == on || state_ != State::open) return;
  reading_ = on;
  if (!on) return;  // the watch is told when there is something to read: most pauses are over before
  watch_.set_reading(true);
  if (!backlog_.empty()) loop_.mark_ready(*this);
}

void Stream::become(std::unique_ptr<StreamHandler> handler) { next_handler_ = std::move(handler); }

void Stream::handle_input() {
  if (state_ == State::ended) return discard_input();
  if (state_ != State::open || !reading_) return;  // draining: the flush goes on; paused: set_reading() brings it back
  if (!backlog_.empty()) return feed({backlog_.data() + backlog_from_, backlog_.size() - backlog_from_}, true);

  const std::span<std::byte> buffer = loop_.read_buffer();
  const ssize_t n = ::recv(watch_.descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n > 0) {
    loop_.stats().bytes_in += static_cast<std::size_t>(n);
    feed(buffer.first(static_cast<std::size_t>(n)), false);
  } else if (n == 0) {
    peer_ended_ = true;
    handler_->on_end();
  } else if (!would_block(errno)) {
    lose();
  }
}

void Stream::feed(std::span<std::byte> input, bool from_backlog) {
  while (!input.empty() && wants_input()) {
    const std::size_t before = input.size();
    handler_->on_bytes(input);
    if (next_handler_) {
      handler_ = std::move(next_handler_);
    } else if (input.size() == before) {
      CLASP_CHECK(!wants_input());  // otherwise we would turn for ever
    }
  }
  if (state_ != State::open || input.empty()) {
    backlog_.release();
    backlog_from_ = 0;
    return;
  }
  if (from_backlog) {
    backlog_from_ = static_cast<std::uint32_t>(backlog_.size() - input.size());
  } else {
    backlog_.append(input);
  }
  if (reading_) loop_.mark_ready(*this);
}

// The peer still talks although we have ended: read it away, so that our last bytes are not lost to a reset.
void Stream::discard_input() {
  const std::span<std::byte> buffer = loop_.read_buffer();
  const ssize_t n = ::recv(watch_.descriptor(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n == 0 || (n < 0 && !would_block(errno))) abort();
}

void Stream::flush() {
  if (state_ == State::dead || state_ == State::ended || write_blocked_) return;
  if (!out_.empty()) handler_->before_send();
  std::size_t sent = 0;
  while (!out_.empty()) {
    std::size_t offered = 0;
    ssize_t n = 0;
    if (const Bytes only = out_.only_block(); !only.empty()) {  // one block: spare the kernel the reading of a list of one
      offered = only.size();
      n = ::send(watch_.descriptor(), only.data(), only.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    } else {
      std::array<iovec, iovecs_max> pieces;
      msghdr message{};
      message.msg_iov = pieces.data();
      message.msg_iovlen = out_.gather(pieces);
      for (std::size_t i = 0; i < message.msg_iovlen; ++i) offered += pieces[i].iov_len;
      n = ::sendmsg(watch_.descriptor(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && !would_block(errno)) return lose();
    const std::size_t taken = n > 0 ? static_cast<std::size_t>(n) : 0;
    out_.consume(loop_.blocks(), taken);
    sent += taken;
    sent_total_ += taken;
    if (taken < offered) {
      write_blocked_ = true;
      break;
    }
  }
  watch_.set_writing(write_blocked_);
  loop_.stats().bytes_out += sent;
  if (sent > 0 && !closed_told_) handler_->on_sent(sent);
  if (state_ != State::draining || !out_.empty()) return;
  tell_closed();
  if (peer_ended_) return abort();
  ::shutdown(watch_.descriptor(), SHUT_WR);
  state_ = State::ended;
  watch_.set_reading(true);
}

void Stream::close_after_flush() {
  if (state_ != State::open) return;
  state_ = State::draining;
  loop_.lingers().add(*this, now().steady);
  loop_.mark_dirty(*this);
}

void Stream::on_linger_deadline() {
  ++loop_.stats().lingers_timed_out;
  abort();
}

void Stream::lose() {
  ++loop_.stats().connections_lost;
  abort();
}

void Stream::abort() {
  if (state_ == State::dead) return;
  state_ = State::dead;
  cancel_deadline();
  watch_.close();
  out_.clear(loop_.blocks());
  backlog_.release();
  loop_.mark_dead(*this);
  tell_closed();
}

void Stream::tell_closed() {
  if (!std::exchange(closed_told_, true)) handler_->on_closed();
}

}  // namespace clasp::net
