#include "client/client_driver.hpp"

#include <algorithm>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <random>
#include <utility>

#include "client/client_link.hpp"

namespace clasp::client {

namespace asio = boost::asio;

namespace {

SteadyTime steady_now() { return {std::chrono::duration_cast<Micros>(std::chrono::steady_clock::now().time_since_epoch()).count()}; }

UnixTime unix_now() {
  return {static_cast<std::uint64_t>(std::chrono::duration_cast<Micros>(std::chrono::system_clock::now().time_since_epoch()).count())};
}

class AsioDriver final : public ClientDriver, private LinkEvents {
 public:
  AsioDriver(asio::io_context& loop, SessionConfig config, const Endpoint& endpoint, DriverOwner& owner)
      : ClientDriver(std::move(config), owner, (std::uint64_t{std::random_device{}()} << 32) | std::random_device{}()),
        loop_(loop),
        timer_(loop),
        endpoint_(endpoint) {}

  void pause_reading(bool paused) override {
    asio::post(loop_, [self = self(), paused] {
      self->paused_ = paused;
      if (self->link_) self->link_->read(!paused);
    });
  }
  void detach(Micros linger, std::function<void()> done) override {
    {
      std::lock_guard lock(mutex_);
      session_.close(now());
      leaving_ = true;  // no turn in between may take the link away with what is still to be sent
      wake_pending_ = true;
    }
    asio::dispatch(loop_, [self = self(), linger, done = std::move(done)]() mutable { self->detach_here(linger, std::move(done)); });
  }

 private:
  std::shared_ptr<AsioDriver> self() { return std::static_pointer_cast<AsioDriver>(shared_from_this()); }

  void wake() override {
    wake_pending_ = true;
    asio::post(loop_, [self = self()] { self->turn([](ClientSession&, Now) {}); });
  }

  // One turn: input, due timers, what the session wants from the link, and at last the owner.
  template <typename Input>
  void turn(Input&& input) {
    if (detached_) return;
    {
      std::lock_guard lock(mutex_);
      if (leaving_) return;
      wake_pending_ = false;
      const Now at = now();
      input(session_, at);
      if (paused_) session_.activity();  // what we do not read cannot prove the silence of the router
      session_.advance(at);
      follow_session();
    }
    owner_.turn_ended();
  }

  void follow_session() {
    link_followed_ = session_.link_wanted();
    if (link_ && !session_.link_wanted()) drop_link(Micros{0}, nullptr);
    if (!link_ && session_.link_wanted()) {
      link_ = make_link(loop_, endpoint_, *this);
      link_->read(!paused_);
      link_->open();
    }
    write_output();
    arm_timer();
  }

  void write_output() {
    if (!link_ || !link_->can_write() || !session_.has_output()) return;
    session_.take_output(writing_);
    write_busy_ = true;
    link_->write(writing_);
  }

  void drop_link(Micros linger, std::function<void()> done) {
    write_busy_ = false;
    const std::shared_ptr<ClientLink> link = std::exchange(link_, nullptr);
    link->shut_down(linger, std::move(done));
  }

  void arm_timer() {
    const std::optional<SteadyTime> next = session_.next_deadline();
    if (next == armed_) return;
    armed_ = next;
    if (!next) {
      timer_.cancel();
      return;
    }
    timer_.expires_at(std::chrono::steady_clock::time_point{Micros{next->us}});
    timer_.async_wait([self = self()](const boost::system::error_code& error) {
      if (error) return;
      self->armed_.reset();
      self->turn([](ClientSession&, Now) {});
    });
  }

  void detach_here(Micros linger, std::function<void()> done) {
    if (detached_) {
      if (done) done();
      return;
    }
    detached_ = true;
    timer_.cancel();
    std::lock_guard lock(mutex_);
    farewell_done_ = std::move(done);
    farewell_until_ = steady_now() + linger;
    timer_.expires_after(linger);
    timer_.async_wait([self = self()](const boost::system::error_code& error) {
      std::lock_guard guard(self->mutex_);
      if (!error) self->say_goodbye();
    });
    if (!link_ || !session_.has_output() || link_->can_write()) say_goodbye();
  }

  // A write that is under way ends by itself; what came after it goes with one more, in front of the goodbye.
  void say_goodbye() {
    timer_.cancel();
    auto done = std::exchange(farewell_done_, nullptr);
    if (link_) {
      write_output();
      drop_link(std::max(farewell_until_ - steady_now(), Micros{0}), std::move(done));
    } else if (done) {
      done();
    }
  }

  // ---- LinkEvents ----
  void link_opened() override {
    turn([](ClientSession& session, Now at) { session.link_opened(at); });
  }
  void link_input(FrameSource& frames) override {
    turn([&frames](ClientSession& session, Now at) {
      session.activity();
      while (const std::optional<Bytes> frame = frames.next()) session.receive(*frame, at);
    });
    while (frames.next()) continue;  // nobody wants them once the driver has been left, but the framing goes on
  }
  void link_writable() override {
    if (detached_) {
      std::lock_guard lock(mutex_);
      return say_goodbye();
    }
    turn([this](ClientSession& session, Now) {
      write_busy_ = false;
      session.sent(writing_.size());
    });
  }
  void link_lost(std::string_view reason) override {
    link_.reset();
    if (detached_) {
      std::lock_guard lock(mutex_);
      return say_goodbye();
    }
    turn([this, reason](ClientSession& session, Now at) {
      write_busy_ = false;
      session.link_lost(reason, at);
    });
  }

  asio::io_context& loop_;
  asio::steady_timer timer_;
  std::optional<SteadyTime> armed_;
  Endpoint endpoint_;
  std::shared_ptr<ClientLink> link_;
  ByteBuffer writing_;
  bool paused_ = false;
  bool leaving_ = false;   // detach() was called; with the mutex
  bool detached_ = false;  // and has arrived on the loop
  SteadyTime farewell_until_;
  std::function<void()> farewell_done_;
};

}  // namespace

ClientDriver::ClientDriver(SessionConfig config, DriverOwner& owner, std::uint64_t seed)
    : owner_(owner), session_(std::move(config), owner, seed), steady_start_(steady_now()), unix_start_(unix_now()) {}

std::shared_ptr<ClientDriver> ClientDriver::create(asio::io_context& loop, SessionConfig config, const Endpoint& endpoint, DriverOwner& owner) {
  return std::make_shared<AsioDriver>(loop, std::move(config), endpoint, owner);
}

// Unix time on a monotonic base: a step of the wall clock must not look like a change of the offset to the router.
Now ClientDriver::now() const {
  const SteadyTime steady = steady_now();
  const UnixTime unix_time{unix_start_.us + static_cast<std::uint64_t>((steady - steady_start_).count())};
  return {.steady = steady, .unix_time = unix_time, .received = unix_time};
}

void ClientDriver::wake_if_needed() {
  if (wake_pending_) return;
  const bool link_to_change = session_.link_wanted() != link_followed_;
  if (owner_.wants_turn() || (session_.has_output() && !write_busy_) || link_to_change) wake();
}

}  // namespace clasp::client
