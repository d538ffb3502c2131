// What stands behind the public Client: the driver and its thread, the calls that wait, the callbacks. client.cpp and the files it names map the
// public names on it.
#pragma once

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "clasp/client.hpp"
#include "client/client_driver.hpp"
#include "client/dispatcher.hpp"

namespace clasp::client {

struct ClientConfig {
  SessionConfig session;
  Client::Executor executor;
  std::vector<std::function<void()>> on_connect;
  std::vector<std::function<void(std::string_view)>> on_disconnect;
  std::vector<std::function<void(const Error&)>> on_error;
  std::vector<std::function<void(std::uint32_t)>> on_reconnect;
  std::vector<std::function<void(bool, std::string_view)>> on_resume;
};

std::optional<Ttl> to_ttl(const std::optional<Lifetime>& lifetime);
Confirmation to_confirmation(const Answer& answer);

// Names of features as people write them, and their bits in HELLO and WELCOME.
inline constexpr std::array feature_bits{
    std::pair{std::string_view{"param"}, feature::param},       std::pair{std::string_view{"event"}, feature::event},
    std::pair{std::string_view{"stream"}, feature::stream},     std::pair{std::string_view{"gesture"}, feature::gesture},
    std::pair{std::string_view{"timeline"}, feature::timeline}, std::pair{std::string_view{"federation"}, feature::federation},
};

// One entry of a Batch, encoded already.
struct BatchEntry {
  bool is_set = true;
  std::string address;
  EncodedValue value;
  SetOptions options;
  SignalType signal = SignalType::event;
};

class BatchImpl {
 public:
  std::vector<BatchEntry> entries;
  std::optional<Error> error;  // the first thing that was wrong
};

class ClientImpl final : public DriverOwner, public std::enable_shared_from_this<ClientImpl> {
 public:
  explicit ClientImpl(ClientConfig config);
  ~ClientImpl() override;

  Result<void> start(const Endpoint& endpoint);  // waits until connected or refused
  void close();

  template <typename F>
  auto call(F&& f) {
    return driver_->call(std::forward<F>(f));
  }

  // Starts a call that is answered later. `begin(session, ticket, deadline, now)` sends it, `read(answer)` makes the result.
  template <typename T, typename Begin, typename Read>
  Result<T> wait(std::chrono::milliseconds timeout, Begin&& begin, Read&& read);
  template <typename T, typename Begin, typename Read>
  void later(std::chrono::milliseconds timeout, Client::Then<T> then, Begin&& begin, Read&& read);

  Result<std::uint32_t> subscribe(std::string_view pattern, Client::DeliveryCallback callback, const SubscriptionOptions& options);
  void unsubscribe(std::uint32_t id);
  Result<void> send_batch(ClientSession& session, const Batch& batch, std::optional<std::uint64_t> time_us, Ticket ticket, SteadyTime deadline,
                          Now now);
  ClientStats stats();

  template <typename Callback>
  void add_callback(std::vector<Callback> ClientConfig::* list, Callback callback) {
    std::lock_guard lock(callbacks_mutex_);
    (config_.*list).push_back(std::move(callback));
  }

  // ---- DriverOwner: all with the driver's mutex held, but for turn_ended() ----
  void connected() override;
  void resumed(bool yes, std::string_view why) override;
  void disconnected(std::string_view reason) override;
  void reconnecting(std::uint32_t attempt) override;
  void gave_up(const Error& error) override;
  void arrived(const Item& item) override;
  void answered(Ticket ticket, const Answer& answer) override;
  void failed(Ticket ticket, const Error& error) override;
  void reported(const Error& error) override;
  bool wants_turn() const override { return !events_.empty(); }
  void turn_ended() override;

 private:
  using Waiter = std::function<void(const Answer* answer, const Error* error)>;  // one of the two

  // Calls every callback of one kind with the arguments.
  template <typename Callback, typename... Args>
  void notify(std::vector<Callback> ClientConfig::* list, const Args&... args);
  Result<void> check_may_wait() const;
  void end_connection();

  struct Runner;  // the loop and its thread

  ClientConfig config_;
  std::mutex callbacks_mutex_;  // the four lists of config_
  std::unique_ptr<Runner> runner_;
  std::shared_ptr<ClientDriver> driver_;
  std::shared_ptr<Dispatcher> dispatcher_;

  // With the driver's mutex.
  std::unordered_map<std::uint64_t, Waiter> waiters_;
  std::uint64_t last_ticket_ = 0;
  std::vector<Event> events_;
  std::optional<std::promise<Result<void>>> first_;  // until the first connection has succeeded or failed

  std::vector<Event> batch_;  // loop's thread

  std::atomic<bool> closing_ = false;
  std::mutex close_mutex_;
  std::atomic<std::thread::id> loop_thread_{};
};

// ---- templates ----

template <typename T, typename Begin, typename Read>
Result<T> ClientImpl::wait(std::chrono::milliseconds timeout, Begin&& begin, Read&& read) {
  if (auto may_wait = check_may_wait(); !may_wait) return may_wait.error();
  const auto promise = std::make_shared<std::promise<Result<T>>>();  // shared: set_value() may still run when get() has returned
  std::future<Result<T>> future = promise->get_future();
  const Result<void> begun = driver_->call([&](ClientSession& session, Now now) -> Result<void> {
    const Ticket ticket{++last_ticket_};
    waiters_.emplace(last_ticket_, [promise, read](const Answer* answer, const Error* error) {
      promise->set_value(answer != nullptr ? Result<T>(read(*answer)) : Result<T>(*error));
    });
    auto sent = begin(session, ticket, now.steady + std::chrono::duration_cast<Micros>(timeout), now);
    if (!sent) waiters_.erase(static_cast<std::uint64_t>(ticket));
    return sent;
  });
  if (!begun) return begun.error();
  return future.get();  // the session answers every ticket, at its deadline at the latest
}

template <typename T, typename Begin, typename Read>
void ClientImpl::later(std::chrono::milliseconds timeout, Client::Then<T> then, Begin&& begin, Read&& read) {
  driver_->call([&](ClientSession& session, Now now) {
    const Ticket ticket{++last_ticket_};
    const auto hand_over = [this, then](Result<T> result) {
      events_.emplace_back(std::function<void()>([then, result = std::move(result)]() mutable { then(std::move(result)); }));
    };
    waiters_.emplace(last_ticket_, [hand_over, read](const Answer* answer, const Error* error) {
      hand_over(answer != nullptr ? Result<T>(read(*answer)) : Result<T>(*error));
    });
    auto sent = begin(session, ticket, now.steady + std::chrono::duration_cast<Micros>(timeout), now);
    if (sent) return;
    waiters_.erase(static_cast<std::uint64_t>(ticket));
    hand_over(sent.error());
  });
}

}  // namespace clasp::client
