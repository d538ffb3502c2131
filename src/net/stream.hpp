// One connected socket: reads into the loop's shared buffer, keeps what its handler could not take yet, sends what it was given, ends politely.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "core/byte_buffer.hpp"
#include "core/time.hpp"
#include "io/watch.hpp"
#include "net/deadline_queue.hpp"
#include "net/event_loop.hpp"
#include "net/out_buffer.hpp"

namespace clasp::net {

class Stream;

// Speaks a protocol on a stream. Owned by its stream, and replaced when the protocol changes (recognised, upgraded).
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;

  // Bytes came; take them from the front of `input`. All of them, unless the stream no longer wants_input() or another handler takes over:
  // what is left then comes again. They may be changed, and are gone when the call returns.
  virtual void on_bytes(std::span<std::byte>& input) = 0;
  virtual void on_end() = 0;  // the peer will send no more; close the stream, at once or after an answer
  virtual void on_sent(std::size_t bytes) { static_cast<void>(bytes); }
  virtual void before_send() {}
  virtual void on_setup_deadline() = 0;  // Stream::has_deadline(), and it has come
  virtual void on_closed() {}            // the stream is closed, or will be as soon as the peer has taken the rest. Once, and the last call
  virtual void on_shutdown() {}          // the server ends: close, unless somebody else will
};

class Stream final : public DeadlineNode, private io::WatchHandler {
 public:
  Stream(EventLoop& loop, int socket);  // by EventLoop::adopt()
  ~Stream();

  EventLoop& loop() { return loop_; }
  const Now& now() const { return loop_.now(); }
  SteadyTime opened_at() const { return opened_at_; }

  // ---- for handlers; all of them only note what is to be done, none calls back ----
  // Appends to what is to be sent. Ignored once the stream is closing.
  void send(Bytes bytes) {
    if (state_ != State::open) return;
    out_.append(loop_.blocks(), bytes);
    loop_.count_output(bytes.size());
    if (!write_blocked_) loop_.mark_dirty(*this);
  }
  // As send(), to be filled by the caller at once; nullptr if these bytes have no room in one piece or the stream is closing: send() them then.
  std::byte* send_in_place(std::size_t bytes) {
    if (state_ != State::open) return nullptr;
    std::byte* at = out_.extend(loop_.blocks(), bytes);
    if (at == nullptr) return nullptr;
    loop_.count_output(bytes);
    if (!write_blocked_) loop_.mark_dirty(*this);
    return at;
  }
  // What sending and flush() will touch: when a message goes to a thousand, nothing of it is in the cache.
  void prefetch() const {
    for (std::size_t at = 0; at < sizeof *this; at += 64) __builtin_prefetch(reinterpret_cast<const std::byte*>(this) + at);
  }
  bool is_open() const { return state_ == State::open; }
  std::size_t bytes_waiting() const { return out_.size(); }
  // Position of the next byte to be sent in the whole of what this stream sends.
  std::uint64_t send_position() const { return sent_total_ + out_.size(); }
  std::uint64_t sent_total() const { return sent_total_; }
  void overwrite(std::uint64_t position, Bytes bytes) { out_.overwrite(static_cast<std::size_t>(position - sent_total_), bytes); }

  void set_reading(bool on);  // flow control: nothing is read or handled while it is off
  bool wants_input() { return state_ == State::open && reading_ && !loop_.turn_is_over(); }
  void restart_deadline() {
    if (state_ == State::open) loop_.setups().add(*this, now().steady);
  }
  void become(std::unique_ptr<StreamHandler> handler);  // from inside on_bytes() only
  void close_after_flush();  // no more input; send what waits, say that nothing follows, wait for the peer, at most LoopOptions::linger_max
  void abort();              // close now; what waits is lost. Calls on_closed()

 private:
  friend class EventLoop;
  void prefetch_output() const {
    out_.prefetch();
    __builtin_prefetch(handler_.get());
  }

  enum class State : std::uint8_t {
    open,
    draining,  // sending the rest
    ended,     // told the peer that nothing follows; waiting for it to close
    dead,
  };

  void on_readable() override {
    if (state_ == State::ended || (state_ == State::open && reading_)) {
      loop_.mark_ready(*this);
    } else {
      watch_.set_reading(false);
    }
  }
  void on_writable() override {
    write_blocked_ = false;
    loop_.mark_dirty(*this);
  }
  void on_setup_deadline() { handler_->on_setup_deadline(); }
  void on_linger_deadline();
  void on_shutdown() {
    if (state_ == State::open) handler_->on_shutdown();
  }

  void handle_input();
  void feed(std::span<std::byte> input, bool from_backlog);
  void discard_input();
  void flush();
  void tell_closed();
  void lose();  // the connection broke

  EventLoop& loop_;
  io::Watch watch_;
  std::unique_ptr<StreamHandler> handler_;
  std::unique_ptr<StreamHandler> next_handler_;
  OutBuffer out_;
  ByteBuffer backlog_;  // read, and not handled yet: reading was paused or the turn was over. At most one read
  std::uint64_t sent_total_ = 0;
  SteadyTime opened_at_;
  std::uint32_t backlog_from_ = 0;
  std::uint32_t slot_ = 0;
  State state_ = State::open;
  bool reading_ = true;
  bool write_blocked_ = false;
  bool peer_ended_ = false;
  bool closed_told_ = false;
  bool ready_ = false;  // in which of the loop's lists it is
  bool dirty_ = false;
};

}  // namespace clasp::net
