// The loop: one thread, one turn after the other. Everything with a socket hangs off it; it knows nothing of CLASP.
//
// A turn, in this order:
//   1 wait for events, or for the next deadline, or not at all if work is left
//   2 read the clocks, once
//   3 due timers, then what other threads posted
//   4 input: each readable stream once, at most 64 KiB, until 1 ms or 1 MiB of output; who is left comes first in the next turn
//   5 end_turn() of the engines
//   6 flush: one gather write for each stream that has something to send
// Nothing is sent per message and nothing blocks, except step 1.
#pragma once

#include <chrono>
#include <cstddef>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/time.hpp"
#include "io/io_loop.hpp"
#include "net/deadline_queue.hpp"
#include "net/net_stats.hpp"
#include "net/out_buffer.hpp"

namespace clasp::net {

class MessageDeflater;
class Stream;
class StreamHandler;

// An engine the loop drives: the router, a client, a bridge with timers.
class Turns {
 public:
  virtual ~Turns() = default;
  virtual void advance(const Now& now) = 0;   // run what is due; before the turn's input
  virtual bool end_turn(const Now& now) = 0;  // true: turn again at once
  virtual std::optional<SteadyTime> next_deadline() const = 0;
};

struct LoopOptions {
  std::size_t read_bytes_max = 65'536;  // of one stream in one turn
  Micros turn_time_max{1'000};          // then input waits for the next turn
  std::size_t turn_output_bytes_max = 1'048'576;
  // What has become so much for each stream it goes to is sent before the next stream is read: more at once saves no system call worth
  // mentioning, and has left the processor's cache by then (docs/decisions/turn-size.md).
  std::size_t output_each_bytes_max = 16'384;
  // When input comes in small pieces and faster than the loop turns, let the peers run between input and output, so that more frames leave in
  // one write. Never when the loop had to wait for the input: a peer that waits for one answer shall have it (docs/decisions/yield.md).
  bool yield_before_flush = true;
  Micros setup_max{10'000'000};  // from accept to the first CLASP frame; also how long an HTTP connection may idle
  Micros setup_grace{1'000'000};  // so long it has its place, however short descriptors are
  Micros linger_max{2'000'000};  // from close to the peer having taken everything
};

class EventLoop {
 public:
  explicit EventLoop(LoopOptions options = {});
  EventLoop(const EventLoop&) = delete;
  ~EventLoop();  // drops streams without telling their handlers: what those refer to may be gone

  // ---- any thread ----
  void post(std::function<void()> task) { io_.post(std::move(task)); }  // run it in step 3 of the next turn
  void stop();                            // run() returns after the current turn

  // ---- loop thread ----
  void run();
  void turn(std::optional<Micros> wait_max = std::nullopt);  // one turn, for tests and embedders with a loop of their own
  std::optional<SteadyTime> next_turn() const;  // when to turn next even if no descriptor is ready; the past: at once (nested_loop.hpp)
  void attach(Turns& engine);
  void detach(Turns& engine);
  const Now& now() const { return now_; }
  io::IoLoop& io() { return io_; }
  NetStats& stats() { return stats_; }
  const LoopOptions& options() const { return options_; }

  void defer(std::function<void()> task) { io_.defer(std::move(task)); }  // as post(), from the loop thread

  // Takes over a connected socket. The stream belongs to the loop and is destroyed some time after it is closed.
  using HandlerMaker = std::function<std::unique_ptr<StreamHandler>(Stream&)>;
  Stream& adopt(int socket, const HandlerMaker& make);
  std::size_t streams() const { return streams_.size(); }
  void shut_down_streams();   // tells all handlers to end (StreamHandler::on_shutdown)
  // Closes the connection that has been silent longest. Not one that came just now: it may have spoken already, and has only not been read yet.
  bool evict_oldest_setup();

  // ---- for streams ----
  bool turn_is_over();  // no more input in this turn
  void count_output(std::size_t bytes) { turn_output_ += bytes; }
  void mark_ready(Stream& stream);  // has input to handle
  void mark_dirty(Stream& stream);  // has output to send, or is to be closed
  void mark_dead(Stream& stream);
  std::span<std::byte> read_buffer() { return read_buffer_; }
  BlockPool& blocks() { return blocks_; }
  MessageDeflater& deflater() { return deflater_ ? *deflater_ : make_deflater(); }
  DeadlineQueue& setups() { return setups_; }
  DeadlineQueue& lingers() { return lingers_; }

 private:
  MessageDeflater& make_deflater();
  bool work_is_left() const;
  void let_others_run(std::size_t input_bytes);
  std::optional<SteadyTime> next_deadline() const;
  void wait(std::optional<Micros> wait_max, SteadyTime now);
  void run_deadlines();
  void handle_input();
  bool output_is_due() const;
  void flush();
  void bury();

  LoopOptions options_;
  NetStats stats_;
  Now now_;
  BlockPool blocks_;
  DeadlineQueue setups_;
  DeadlineQueue lingers_;
  std::vector<std::byte> read_buffer_;
  std::unique_ptr<MessageDeflater> deflater_;  // shared by all who agreed to compress; made when the first one does
  std::vector<Turns*> engines_;
  io::IoLoop io_;
  std::atomic<bool> stopping_{false};
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Stream*> ready_;
  std::vector<Stream*> handling_;  // memory of handle_input() and flush(), reused
  std::vector<Stream*> dirty_;
  std::vector<Stream*> dead_;
  std::size_t turn_output_ = 0;
  const Stream* only_input_ = nullptr;  // the one stream this turn read; null: none or several
  unsigned drips_ = 0;                  // turns in a row that found little input of one stream, and always of the same
  unsigned turn_checks_ = 0;
  bool turn_over_ = false;
  bool slept_ = false;    // the wait of this turn did
  bool hurried_ = false;  // it was none: the turn before had left work
  bool engines_want_more_ = false;
};

}  // namespace clasp::net
