#include "net/event_loop.hpp"

#include <sched.h>

#include <utility>

#include "core/check.hpp"
#include "net/message_deflater.hpp"
#include "net/stream.hpp"

namespace clasp::net {

namespace {

constexpr unsigned clock_every = 32;       // frames between two looks at the clock inside a turn
constexpr unsigned flush_rounds_max = 16;  // an engine may hand over more as soon as something was sent
constexpr Micros wait_without_sleep_max{5};
constexpr std::size_t small_input_bytes = 1'024;
constexpr unsigned drips_before_hold = 32;
constexpr Micros hold{5};  // docs/decisions/yield.md

}  // namespace

EventLoop::EventLoop(LoopOptions options)
    : options_(options), now_(io::read_clocks()), setups_(options.setup_max), lingers_(options.linger_max), read_buffer_(options.read_bytes_max) {}

EventLoop::~EventLoop() { streams_.clear(); }

MessageDeflater& EventLoop::make_deflater() {
  deflater_ = std::make_unique<MessageDeflater>();
  return *deflater_;
}

void EventLoop::stop() {
  stopping_ = true;
  io_.wake();
}

void EventLoop::run() {
  while (!stopping_) turn();
  stopping_ = false;
}

void EventLoop::attach(Turns& engine) { engines_.push_back(&engine); }
void EventLoop::detach(Turns& engine) { std::erase(engines_, &engine); }

void EventLoop::turn(std::optional<Micros> wait_max) {
  const SteadyTime before = io::steady_now();
  wait(wait_max, before);
  now_ = io::read_clocks();
  slept_ = now_.steady - before > wait_without_sleep_max;
  turn_checks_ = 0;
  turn_over_ = false;

  // Engines first: where both have a limit for the same thing, theirs can tell the peer more.
  for (std::size_t i = 0; i < engines_.size(); ++i) engines_[i]->advance(now_);
  run_deadlines();
  io_.run_tasks();
  turn_output_ = 0;  // what timers sent is no reason to leave the input waiting
  const std::size_t input_before = stats_.bytes_in;
  handle_input();
  engines_want_more_ = false;
  for (std::size_t i = 0; i < engines_.size(); ++i) engines_want_more_ |= engines_[i]->end_turn(now_);
  let_others_run(stats_.bytes_in - input_before);
  flush();
  bury();
}

bool EventLoop::work_is_left() const {
  return engines_want_more_ || io_.has_tasks() || !ready_.empty() || !dirty_.empty() || !dead_.empty();
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

std::optional<SteadyTime> EventLoop::next_turn() const { return work_is_left() ? std::optional<SteadyTime>(SteadyTime{0}) : next_deadline(); }

// One stream that drips without waiting for anything gets a little longer than a yield: its next messages then leave in the same write.
void EventLoop::let_others_run(std::size_t input_bytes) {
  const bool dense = options_.yield_before_flush && !slept_ && input_bytes > 0 && input_bytes <= small_input_bytes;
  drips_ = dense && only_input_ != nullptr && !hurried_ ? drips_ + 1 : 0;
  if (!dense) return;
  sched_yield();
  if (drips_ < drips_before_hold) return;
  // Without giving the processor away again: whoever gets it may keep it for a tick.
  for (const SteadyTime until = io::steady_now() + hold; io::steady_now() < until;) {
  }
}

void EventLoop::wait(std::optional<Micros> wait_max, SteadyTime now) {
  hurried_ = work_is_left();
  if (hurried_) return io_.wait(Micros{0});
  std::optional<Micros> limit = wait_max;
  if (const std::optional<SteadyTime> at = next_deadline()) {
    const Micros left = *at - now;
    if (!limit || left < *limit) limit = left;
  }
  io_.wait(limit);
}

void EventLoop::run_deadlines() {
  while (DeadlineNode* due = setups_.pop_due(now_.steady)) static_cast<Stream*>(due)->on_setup_deadline();
  while (DeadlineNode* due = lingers_.pop_due(now_.steady)) static_cast<Stream*>(due)->on_linger_deadline();
}

bool EventLoop::turn_is_over() {
  if (turn_over_) return true;
  if (++turn_checks_ % clock_every == 0 && io::steady_now() - now_.steady >= options_.turn_time_max) turn_over_ = true;
  if (turn_output_ >= options_.turn_output_bytes_max) turn_over_ = true;
  return turn_over_;
}

bool EventLoop::output_is_due() const { return !dirty_.empty() && turn_output_ >= dirty_.size() * options_.output_each_bytes_max; }

// The first stream always gets its turn, so that every turn makes progress.
void EventLoop::handle_input() {
  handling_.swap(ready_);
  const Stream* const only = handling_.size() == 1 ? handling_.front() : nullptr;
  if (only != only_input_) drips_ = 0;
  only_input_ = only;
  std::size_t done = 0;
  while (done < handling_.size() && (done == 0 || (!output_is_due() && !turn_is_over()))) {
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
    for (std::size_t i = 0; i < handling_.size(); ++i) {
      if (i + 2 < handling_.size()) handling_[i + 2]->prefetch();
      if (i + 1 < handling_.size()) handling_[i + 1]->prefetch_output();
      handling_[i]->dirty_ = false;
      handling_[i]->flush();
    }
    handling_.clear();
  }
}

// A dead stream is destroyed when no list names it any more.
void EventLoop::bury() {
  std::size_t kept = 0;
  for (Stream* stream : dead_) {
    if (stream->ready_ || stream->dirty_) {
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

Stream& EventLoop::adopt(int socket, const HandlerMaker& make) {
  Stream& stream = *streams_.emplace_back(std::make_unique<Stream>(*this, socket));
  stream.slot_ = static_cast<std::uint32_t>(streams_.size() - 1);
  stream.handler_ = make(stream);
  setups_.add(stream, now_.steady);
  return stream;
}

void EventLoop::shut_down_streams() {
  for (const std::unique_ptr<Stream>& stream : streams_) stream->on_shutdown();
}

bool EventLoop::evict_oldest_setup() {
  DeadlineNode* oldest = setups_.older_than(options_.setup_grace, now_.steady);
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
void EventLoop::mark_dead(Stream& stream) { dead_.push_back(&stream); }

}  // namespace clasp::net
