// Hands arrived things to the user's callbacks: one at a time, in order, without a lock, on the thread it is told to.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "clasp/client.hpp"

namespace clasp::client {

struct Arrival {
  Delivery delivery;
  std::vector<std::uint32_t> subscriptions;
};
using Event = std::variant<Arrival, std::function<void()>>;

class Dispatcher : public std::enable_shared_from_this<Dispatcher> {
 public:
  static constexpr std::size_t queue_events_max = 65'536;  // waiting for the executor: reading pauses above, and resumes at half of it

  // `executor` may be empty: then events run inside hand_out(). `pause` stops and resumes reading. `on_exception` gets the text of what a
  // callback threw.
  Dispatcher(Client::Executor executor, std::function<void(bool)> pause, std::function<void(const std::string&)> on_exception)
      : executor_(std::move(executor)), pause_(std::move(pause)), on_exception_(std::move(on_exception)) {}

  void add(std::uint32_t subscription, Client::DeliveryCallback callback);
  // Afterwards the callback does not run; waits for its end if it is running on another thread.
  void remove(std::uint32_t subscription);

  // Loop's thread only. Takes the events.
  void hand_out(std::vector<Event>& events);

  // Nothing runs afterwards, except for the callback this is called from.
  void stop();
  void count_exception();
  std::uint64_t exceptions() const;
  std::uint64_t pauses() const;

 private:
  using Callback = std::shared_ptr<const Client::DeliveryCallback>;

  void drain();
  void run(Event& event);
  template <typename Call>
  void guarded(std::uint32_t subscription, Call&& call);
  bool enter(std::uint32_t subscription, Callback* callback);
  void leave();

  const Client::Executor executor_;
  const std::function<void(bool)> pause_;
  const std::function<void(const std::string&)> on_exception_;

  mutable std::mutex mutex_;
  std::condition_variable left_;
  std::unordered_map<std::uint32_t, Callback> callbacks_;
  bool stopped_ = false;
  bool running_ = false;  // inside a callback …
  std::uint32_t running_subscription_ = 0;
  std::thread::id running_thread_;  // … on this thread
  std::uint64_t exceptions_ = 0;
  std::uint64_t pauses_ = 0;

  // With an executor.
  std::deque<Event> queue_;
  bool scheduled_ = false;  // a drain() is with the executor: never two, so that order is kept
  bool paused_ = false;
};

}  // namespace clasp::client
