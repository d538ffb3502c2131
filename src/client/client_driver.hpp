// Runs a ClientSession over real links on a loop: opens and closes links as the session wants them, hands bytes over in both directions, reads
// the clock once a turn and keeps the timer. Decides nothing about the protocol.
//
// Session calls may come from any thread through call(); a mutex guards the session. Everything else happens on the thread of the loop.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "client/client_session.hpp"
#include "client/url.hpp"

namespace boost::asio {
class io_context;
}

namespace clasp::client {

// The listener of the session, called with the mutex held; and what is called without it.
class DriverOwner : public SessionListener {
 public:
  virtual bool wants_turn() const = 0;  // something was stored that turn_ended() has to handle (mutex held)
  virtual void turn_ended() = 0;        // on the loop's thread, without the mutex: hand out what was stored
};

class ClientDriver : public std::enable_shared_from_this<ClientDriver> {
 public:
  // The owner outlives the driver or its detach(). The loop outlives both.
  static std::shared_ptr<ClientDriver> create(boost::asio::io_context& loop, SessionConfig config, const Endpoint& endpoint, DriverOwner& owner);
  virtual ~ClientDriver() = default;

  // Calls f(session, now) with the mutex held and wakes the loop if there is something to do afterwards. Any thread.
  template <typename F>
  auto call(F&& f) {
    std::unique_lock lock(mutex_);
    const Wake wake{*this};
    return f(session_, now());
  }

  Now now() const;
  virtual void pause_reading(bool paused) = 0;  // any thread
  // Closes the session, sends what it still holds (for `linger` at most), then calls `done` on the loop's thread. The owner is not called any
  // more as soon as detach() returns, if it is called on the loop's thread; from other threads, when `done` is called.
  virtual void detach(Micros linger, std::function<void()> done) = 0;

 protected:
  ClientDriver(SessionConfig config, DriverOwner& owner, std::uint64_t seed);
  virtual void wake() = 0;  // mutex held

  struct Wake {
    ClientDriver& driver;
    ~Wake() { driver.wake_if_needed(); }
  };
  void wake_if_needed();

  mutable std::mutex mutex_;
  DriverOwner& owner_;
  ClientSession session_;
  bool write_busy_ = false;  // a write is under way: its end continues with what has come meanwhile
  bool wake_pending_ = false;
  bool link_followed_ = false;  // link_wanted() when the link was last looked after

 private:
  SteadyTime steady_start_;
  UnixTime unix_start_;
};

}  // namespace clasp::client
