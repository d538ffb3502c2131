// Brokers without No Local return to us what we publish: this knows it again (bridges specification, sections 2.7 and 8).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>
#include <unordered_map>

#include "core/bytes.hpp"
#include "core/time.hpp"

namespace clasp::bridge::mqtt {

enum class Returned : std::uint8_t {
  foreign,    // somebody else's
  own,        // ours, and the router has it already
  own_later,  // ours, but somebody else's message came before it: for the broker ours is the last word, so it has to be for the router
};

// Remembers topic and payload as hashes, for at most `age_max`, and at most so many. What is forgotten passes as foreign when it comes.
class OwnPublications {
 public:
  explicit OwnPublications(std::size_t publications_max, Micros age_max = std::chrono::seconds{10})
      : publications_max_(publications_max), age_max_(age_max) {}

  // `copies`: how often it can come back (once for each filter it matches).
  void published(std::string_view topic, std::string_view payload, std::size_t copies, SteadyTime now) {
    forget(now);
    if (copies == 0) return;
    Topic& topics = topics_[hash(topic)];
    topics.entries.push_back({.number = ++last_, .payload = hash(payload), .copies = copies, .crossed = false});
    order_.push_back({.topic = hash(topic), .number = last_, .at = now});
    if (order_.size() > publications_max_) forget_oldest();
  }

  Returned came(std::string_view topic, std::string_view payload, SteadyTime now) {
    forget(now);
    const auto found = topics_.find(hash(topic));
    if (found == topics_.end()) return Returned::foreign;
    std::deque<Entry>& entries = found->second.entries;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].payload != hash(payload)) continue;
      const Returned returned = entries[i].crossed ? Returned::own_later : Returned::own;
      entries[i].crossed = false;
      // Brokers keep the order of a topic: what was published before it and has not come will not come any more.
      if (--entries[i].copies == 0) entries.erase(entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(i) + 1);
      if (entries.empty()) topics_.erase(found);
      return returned;
    }
    for (Entry& entry : entries) entry.crossed = true;
    return Returned::foreign;
  }

  std::size_t size() const { return order_.size(); }

 private:
  struct Entry {
    std::uint64_t number = 0;
    std::size_t payload = 0;  // hash
    std::size_t copies = 0;
    bool crossed = false;
  };
  struct Topic {
    std::deque<Entry> entries;  // oldest first
  };
  struct Age {
    std::size_t topic = 0;  // hash
    std::uint64_t number = 0;
    SteadyTime at;
  };

  static std::size_t hash(std::string_view text) { return std::hash<std::string_view>{}(text); }

  void forget(SteadyTime now) {
    while (!order_.empty() && now - order_.front().at > age_max_) forget_oldest();
  }
  void forget_oldest() {
    const Age oldest = order_.front();
    order_.pop_front();
    const auto found = topics_.find(oldest.topic);
    if (found == topics_.end()) return;
    std::deque<Entry>& entries = found->second.entries;
    while (!entries.empty() && entries.front().number <= oldest.number) entries.pop_front();
    if (entries.empty()) topics_.erase(found);
  }

  std::size_t publications_max_;
  Micros age_max_;
  std::uint64_t last_ = 0;
  std::unordered_map<std::size_t, Topic> topics_;  // by hash
  std::deque<Age> order_;                          // all of them, oldest first; some may have come back already
};

}  // namespace clasp::bridge::mqtt
