// Deadlines that are all the same time away: a queue in order of arrival, because then it is also in order of time. Everything costs O(1).
#pragma once

#include <optional>

#include "core/check.hpp"
#include "core/time.hpp"

namespace clasp::net {

class DeadlineQueue;

// Base of what has a deadline. Is in at most one queue; leaves it when it is destroyed.
class DeadlineNode {
 public:
  DeadlineNode() = default;
  DeadlineNode(const DeadlineNode&) = delete;
  ~DeadlineNode() { cancel_deadline(); }

  inline void cancel_deadline();
  bool has_deadline() const { return queue_ != nullptr; }

 private:
  friend class DeadlineQueue;
  DeadlineQueue* queue_ = nullptr;
  DeadlineNode* previous_ = nullptr;
  DeadlineNode* next_ = nullptr;
  SteadyTime at_;
};

class DeadlineQueue {
 public:
  explicit DeadlineQueue(Micros distance) : distance_(distance) {}
  DeadlineQueue(const DeadlineQueue&) = delete;
  ~DeadlineQueue() {
    while (first_ != nullptr) remove(*first_);
  }

  // Its deadline is now + distance; replaces one it had, in any queue. `now` must not fall from call to call.
  void add(DeadlineNode& node, SteadyTime now) {
    node.cancel_deadline();
    CLASP_CHECK(last_ == nullptr || last_->at_ <= now + distance_);
    node.queue_ = this;
    node.at_ = now + distance_;
    node.previous_ = last_;
    (last_ != nullptr ? last_->next_ : first_) = &node;
    last_ = &node;
  }

  // Takes out one whose deadline has come.
  DeadlineNode* pop_due(SteadyTime now) {
    if (first_ == nullptr || first_->at_ > now) return nullptr;
    DeadlineNode* due = first_;
    remove(*due);
    return due;
  }

  std::optional<SteadyTime> next_deadline() const { return first_ == nullptr ? std::nullopt : std::optional{first_->at_}; }
  // The one that has been here longest, if that is so long.
  DeadlineNode* older_than(Micros age, SteadyTime now) const { return first_ != nullptr && now - first_->at_ + distance_ >= age ? first_ : nullptr; }

 private:
  friend class DeadlineNode;
  void remove(DeadlineNode& node) {
    (node.previous_ != nullptr ? node.previous_->next_ : first_) = node.next_;
    (node.next_ != nullptr ? node.next_->previous_ : last_) = node.previous_;
    node.queue_ = nullptr;
    node.previous_ = node.next_ = nullptr;
  }

  Micros distance_;
  DeadlineNode* first_ = nullptr;
  DeadlineNode* last_ = nullptr;
};

inline void DeadlineNode::cancel_deadline() {
  if (queue_ != nullptr) queue_->remove(*this);
}

}  // namespace clasp::net
