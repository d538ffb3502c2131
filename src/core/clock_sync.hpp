// Clock maths of wire format, section 12: the offset filter, session time and the jitter buffer. No clock is read here.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "core/time.hpp"

namespace clasp {

// Filters SYNC exchanges into an offset. Samples with a negative round trip are discarded (section 22.9).
class ClockSync {
 public:
  // All in µs of Unix time: t1 sent here, t2 received there, t3 sent there, t4 received here. False if the sample was discarded.
  bool add(std::uint64_t t1, std::uint64_t t2, std::uint64_t t3, std::uint64_t t4, SteadyTime now);

  std::int64_t offset_us() const { return offset_; }  // server minus local
  std::int64_t rtt_us() const { return rtt_; }
  std::int64_t jitter_us() const { return jitter_; }
  std::size_t samples() const { return samples_; }
  double quality() const;  // 0 (no samples) … 1
  bool needs_sync(SteadyTime now, Micros interval) const;
  UnixTime to_server(UnixTime local) const;
  UnixTime to_local(UnixTime server) const;

 private:
  static constexpr std::size_t history_max = 10;
  std::array<std::int64_t, history_max> history_{};
  std::size_t samples_ = 0;
  std::int64_t offset_ = 0;
  std::int64_t rtt_ = 0;
  std::int64_t jitter_ = 0;
  SteadyTime last_{};
};

// Elapsed µs since a start that is known in both clocks.
struct SessionTime {
  SteadyTime start_steady;
  UnixTime start_unix;
  Micros elapsed(SteadyTime now) const { return now - start_steady; }
  UnixTime to_unix(Micros session) const { return {start_unix.us + static_cast<std::uint64_t>(session.count())}; }
  Micros from_unix(UnixTime t) const { return Micros{t.us <= start_unix.us ? 0 : static_cast<std::int64_t>(t.us - start_unix.us)}; }
};

// Reorders timestamped samples of a stream within a window (section 12, "jitter buffer").
template <typename T>
class JitterBuffer {
 public:
  JitterBuffer(std::size_t capacity, std::uint32_t window_ms) : capacity_(capacity), window_us_(std::uint64_t{window_ms} * 1000) {}

  // Drops entries older than now − window, then inserts before the first entry with the same or a later time. When full, a sample that would
  // be the first is discarded (false), otherwise the oldest goes.
  bool push(UnixTime timestamp, T value, UnixTime now) {
    const std::uint64_t limit = now.us > window_us_ ? now.us - window_us_ : 0;
    while (!entries_.empty() && entries_.front().first.us <= limit) entries_.pop_front();
    std::size_t place = 0;
    while (place < entries_.size() && entries_[place].first < timestamp) ++place;
    if (entries_.size() >= capacity_) {
      if (place == 0) return false;
      entries_.pop_front();
      --place;
    }
    entries_.insert(entries_.begin() + static_cast<std::ptrdiff_t>(place), {timestamp, std::move(value)});
    return true;
  }
  std::optional<T> pop(UnixTime playback) {
    if (entries_.empty() || entries_.front().first > playback) return std::nullopt;
    T value = std::move(entries_.front().second);
    entries_.pop_front();
    return value;
  }
  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  std::uint64_t depth_us() const { return entries_.size() < 2 ? 0 : entries_.back().first.us - entries_.front().first.us; }

 private:
  std::size_t capacity_;
  std::uint64_t window_us_;
  std::deque<std::pair<UnixTime, T>> entries_;
};

}  // namespace clasp
