#include "net/event_loop.hpp"

#include <sched.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <mutex>
#include <utility>

#include "core/check.hpp"
#include "net/stream.hpp"

namespace clasp::net {

namespace {

constexpr unsigned events_per_turn_max = 1'024;
constexpr unsigned clock_every = 32;       // frames between two looks at the clock inside a turn
constexpr unsigned flush_rounds_max = 16;  // an engine may hand over more as soon as something was sent

SteadyTime steady_now() { return {std::chrono::duration_cast<Micros>(std::chrono::steady_clock::now().time_since_epoch()).count()}; }

}  // namespace

struct EventLoop::Io {
  boost::asio::io_context context{1};  // one thread runs it
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
  boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                    boost::asio::io_context::executor_type>
      timer{context};
  std::optional<SteadyTime> timer_at;
  std::atomic<bool> stopping{false};
  std::mutex mutex;
  std::vector<std::function<void()>> posted;  // under mutex

  // Waits until `at`. A timer that is set earlier than needed is left alone: a turn without work is cheaper than a system call per turn.
  void set_timer(SteadyTime at) {
    if (timer_at && *timer_at <= at) return;
    timer_at = at;
    timer.expires_at(std::chrono::steady_clock::time_point{Micros{at.us}});
    timer.async_wait([this](const boost::system::error_code& error) {
      if (!error) timer_at.reset();
    });
  }
};

EventLoop::EventLoop(LoopOptions options)
    : options_(options), setups_(options.setup_max), lingers_(options.linger_max), read_buffer_(options.read_bytes_max), io_(std::make_unique<Io>()) {
  now_ = read_clocks();
}

EventLoop::~EventLoop() {
  streams_.clear();
  io_.reset();
}

boost::asio::io_context& EventLoop::context() { return io_->context; }

void EventLoop::post(std::function<void()> task) {
  bool first = false;
  {
    const std::lock_guard lock{io_->mutex};
    first = io_->posted.empty();
    io_->posted.push_back(std::move(task));
  }
  if (first) boost::asio::post(io_->context, [] {});
}

void EventLoop::stop() {
  io_->stopping = true;
  boost::asio::post(io_->context, [] {});
}

void EventLoop::run() {
  while (!io_->stopping) turn();
  io_->stopping = false;
}

void EventLoop::attach(Turns& engine) { engines_.push_back(&engine); }
void EventLoop::detach(Turns& engine) { std::erase(engines_, &engine); }

Now EventLoop::read_clocks() const {
  const auto unix_us = std::chrono::duration_cast<Micros>(std::chrono::system_clock::now().time_since_epoch()).count();
  const UnixTime unix_time{static_cast<std::uint64_t>(unix_us)};
  return {.steady = steady_now(), .unix_time = unix_time, .received = unix_time};
}

void EventLoop::turn(std::optional<Micros> wait_max) {
  wait(wait_max);
  now_ = read_clocks();
  turn_checks_ = 0;
  turn_over_ = false;

  // Engines first: where both have a limit for the same thing, theirs can tell the peer more.
  for (std::size_t i = 0; i < engines_.size(); ++i) engines_[i]->advance(now_);
  run_deadlines();
  run_tasks();
  turn_output_ = 0;  // what timers sent is no reason to leave the input waiting
  const bool had_input = !ready_.empty();
  handle_input();
  engines_want_more_ = false;
  for (std::size_t i = 0; i < engines_.size(); ++i) engines_want_more_ |= engines_[i]->end_turn(now_);
  if (had_input && options_.yield_before_flush) sched_yield();
  flush();
  rearm();
  bury();
}

bool EventLoop::work_is_left() const {
  return engines_want_more_ || !deferred_.empty() || !ready_.empty() || !dirty_.empty() || !rearm_.empty() || !dead_.empty();
}

std::optional<SteadyTime> EventLoop::next_deadline() const {
  std::optional<SteadyTime> next;
  const auto consider = [&next](std::optional<SteadyTime> at) {
    if (at && (!next || *at < *next)) next = at;
  };
  consider(setups_.next_deadline());
  consider(lingers_.next_deadline());
  for (const Turns* engine : engines_) consider(engine->next_deadline());
  return next;
}

void EventLoop::wait(std::optional<Micros> wait_max) {
  std::size_t events = 0;
  if (!work_is_left()) {
    if (const std::optional<SteadyTime> at = next_deadline()) io_->set_timer(*at);
    events = wait_max ? io_->context.run_one_for(*wait_max) : io_->context.run_one();
    if (events == 0) return;
  }
  while (events < events_per_turn_max && io_->context.poll_one() > 0) ++events;
}

void EventLoop::run_deadlines() {
  while (DeadlineNode* due = setups_.pop_due(now_.steady)) static_cast<Stream*>(due)->on_setup_deadline();
  while (DeadlineNode* due = lingers_.pop_due(now_.steady)) static_cast<Stream*>(due)->on_linger_deadline();
}

void EventLoop::run_tasks() {
  std::vector<std::function<void()>> tasks;
  tasks.swap(deferred_);
  for (const std::function<void()>& task : tasks) task();
  tasks.clear();
  {
    const std::lock_guard lock{io_->mutex};
    tasks.swap(io_->posted);
  }
  for (const std::function<void()>& task : tasks) task();
}

bool EventLoop::turn_is_over() {
  if (turn_over_) return true;
  if (++turn_checks_ % clock_every == 0 && steady_now() - now_.steady >= options_.turn_time_max) turn_over_ = true;
  if (turn_output_ >= options_.turn_output_bytes_max) turn_over_ = true;
  return turn_over_;
}

// The first stream always gets its turn, so that every turn makes progress.
void EventLoop::handle_input() {
  handling_.swap(ready_);
  std::size_t done = 0;
  while (done < handling_.size() && (done == 0 || !turn_is_over())) {
    Stream& stream = *handling_[done++];
    stream.ready_ = false;
    stream.handle_input();
  }
  // Who was left out comes before who has become ready meanwhile.
  ready_.insert(ready_.begin(), handling_.begin() + static_cast<std::ptrdiff_t>(done), handling_.end());
  handling_.clear();
}

void EventLoop::flush() {
  for (unsigned round = 0; round < flush_rounds_max && !dirty_.empty(); ++round) {
    handling_.swap(dirty_);
    for (Stream* stream : handling_) {
      stream->dirty_ = false;
      stream->flush();
    }
    handling_.clear();
  }
}

void EventLoop::rearm() {
  handling_.swap(rearm_);
  for (Stream* stream : handling_) {
    stream->rearm_ = false;
    stream->arm();
  }
  handling_.clear();
}

// A dead stream is destroyed when no list names it any more.
void EventLoop::bury() {
  std::size_t kept = 0;
  for (Stream* stream : dead_) {
    if (stream->ready_ || stream->dirty_ || stream->rearm_) {
      dead_[kept++] = stream;
      continue;
    }
    const std::size_t slot = stream->slot_;
    CLASP_CHECK(slot < streams_.size() && streams_[slot].get() == stream);
    std::swap(streams_[slot], streams_.back());
    streams_[slot]->slot_ = static_cast<std::uint32_t>(slot);
    streams_.pop_back();
  }
  dead_.resize(kept);
}

void EventLoop::defer(std::function<void()> task) { deferred_.push_back(std::move(task)); }

Stream& EventLoop::adopt(int socket, const HandlerMaker& make) {
  Stream& stream = *streams_.emplace_back(std::make_unique<Stream>(*this, socket));
  stream.slot_ = static_cast<std::uint32_t>(streams_.size() - 1);
  stream.handler_ = make(stream);
  setups_.add(stream, now_.steady);
  mark_rearm(stream);
  return stream;
}

void EventLoop::shut_down_streams() {
  for (const std::unique_ptr<Stream>& stream : streams_) stream->on_shutdown();
}

bool EventLoop::evict_oldest_setup() {
  DeadlineNode* oldest = setups_.oldest();
  if (oldest == nullptr) return false;
  ++stats_.evicted;
  static_cast<Stream*>(oldest)->abort();
  return true;
}

void EventLoop::mark_ready(Stream& stream) {
  if (!std::exchange(stream.ready_, true)) ready_.push_back(&stream);
}
void EventLoop::mark_dirty(Stream& stream) {
  if (!std::exchange(stream.dirty_, true)) dirty_.push_back(&stream);
}
void EventLoop::mark_rearm(Stream& stream) {
  if (!std::exchange(stream.rearm_, true)) rearm_.push_back(&stream);
}
void EventLoop::mark_dead(Stream& stream) { dead_.push_back(&stream); }

}  // namespace clasp::net
