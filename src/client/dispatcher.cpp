#include "client/dispatcher.hpp"

#include <exception>
#include <utility>

namespace clasp::client {

void Dispatcher::add(std::uint32_t subscription, Client::DeliveryCallback callback) {
  std::lock_guard lock(mutex_);
  callbacks_.emplace(subscription, std::make_shared<const Client::DeliveryCallback>(std::move(callback)));
}

void Dispatcher::remove(std::uint32_t subscription) {
  Callback gone;  // destroyed without the mutex: its captures may unsubscribe something else
  std::unique_lock lock(mutex_);
  if (const auto found = callbacks_.find(subscription); found != callbacks_.end()) {
    gone = std::move(found->second);
    callbacks_.erase(found);
  }
  if (running_thread_ == std::this_thread::get_id()) return;
  left_.wait(lock, [&] { return !running_ || running_subscription_ != subscription; });
  lock.unlock();
}

bool Dispatcher::enter(std::uint32_t subscription, Callback* callback) {
  std::lock_guard lock(mutex_);
  if (stopped_) return false;
  if (callback != nullptr) {
    const auto found = callbacks_.find(subscription);
    if (found == callbacks_.end()) return false;
    *callback = found->second;
  }
  running_ = true;
  running_subscription_ = subscription;
  running_thread_ = std::this_thread::get_id();
  return true;
}

void Dispatcher::leave() {
  {
    std::lock_guard lock(mutex_);
    running_ = false;
    running_subscription_ = 0;
    running_thread_ = {};
  }
  left_.notify_all();
}

template <typename Call>
void Dispatcher::guarded(std::uint32_t subscription, Call&& call) {
  std::string thrown;
  try {
    call();
  } catch (const std::exception& exception) {
    thrown = exception.what();
    if (thrown.empty()) thrown = "an exception without text";
  } catch (...) {
    thrown = "something that is no std::exception";
  }
  leave();
  if (thrown.empty()) return;
  count_exception();
  on_exception_(subscription == 0 ? thrown : "in the callback of subscription " + std::to_string(subscription) + ": " + thrown);
}

void Dispatcher::run(Event& event) {
  if (auto* arrival = std::get_if<Arrival>(&event)) {
    for (const std::uint32_t subscription : arrival->subscriptions) {
      Callback callback;
      if (enter(subscription, &callback)) guarded(subscription, [&] { (*callback)(arrival->delivery); });
    }
    return;
  }
  if (enter(0, nullptr)) guarded(0, std::get<std::function<void()>>(event));
}

void Dispatcher::hand_out(std::vector<Event>& events) {
  if (!executor_) {
    for (Event& event : events) run(event);
    events.clear();
    return;
  }
  bool schedule = false;
  bool pause = false;
  {
    std::lock_guard lock(mutex_);
    if (stopped_) return events.clear();
    for (Event& event : events) queue_.push_back(std::move(event));
    events.clear();
    schedule = !queue_.empty() && !std::exchange(scheduled_, true);
    pause = queue_.size() > queue_events_max && !std::exchange(paused_, true);
    if (pause) ++pauses_;
  }
  if (pause) pause_(true);
  if (schedule) executor_([self = shared_from_this()] { self->drain(); });
}

void Dispatcher::drain() {
  std::vector<Event> batch;
  while (true) {
    bool resume = false;
    {
      std::lock_guard lock(mutex_);
      if (stopped_) queue_.clear();
      scheduled_ = !queue_.empty();
      if (!scheduled_) return;
      constexpr std::size_t batch_max = 64;
      for (std::size_t i = 0; i < batch_max && !queue_.empty(); ++i) {
        batch.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
      resume = paused_ && queue_.size() <= queue_events_max / 2;
      if (resume) paused_ = false;
    }
    if (resume) pause_(false);
    for (Event& event : batch) run(event);
    batch.clear();
  }
}

void Dispatcher::stop() {
  std::unordered_map<std::uint32_t, Callback> gone;
  std::unique_lock lock(mutex_);
  stopped_ = true;
  if (running_thread_ == std::this_thread::get_id()) return;  // its callbacks go with the dispatcher
  left_.wait(lock, [this] { return !running_; });
  gone.swap(callbacks_);
  lock.unlock();
}

void Dispatcher::count_exception() {
  std::lock_guard lock(mutex_);
  ++exceptions_;
}

std::uint64_t Dispatcher::exceptions() const {
  std::lock_guard lock(mutex_);
  return exceptions_;
}

std::uint64_t Dispatcher::pauses() const {
  std::lock_guard lock(mutex_);
  return pauses_;
}

}  // namespace clasp::client
