// A connection that is made anew whenever it was lost, for as long as it is wanted.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "client/backoff.hpp"
#include "dial/connection.hpp"
#include "io/io_loop.hpp"
#include "io/timer.hpp"

namespace clasp::bridge::web {

class RedialEvents {
 public:
  virtual void dial_opened() = 0;
  virtual void dial_input(Bytes bytes, dial::Form form) = 0;  // valid during the call
  virtual void dial_writable() = 0;                           // has_room() again, after it had none
  virtual void dial_closed() = 0;                             // only if it was open
 protected:
  ~RedialEvents() = default;
};

class Redial final : private dial::ConnectionEvents {
 public:
  // A failure is told to the log when it is another one than the last.
  Redial(io::IoLoop& loop, dial::Target target, const client::BackoffConfig& backoff, std::function<void(std::string_view)> log,
         RedialEvents& events);
  Redial(const Redial&) = delete;
  ~Redial() { stop(); }

  void start();
  void stop();  // no event afterwards
  bool send(Bytes bytes, dial::Form form) { return is_open() && connection_->send(bytes, form); }
  bool has_room() { return is_open() && connection_->has_room(); }
  bool is_open() const { return connection_ && connection_->is_open(); }
  void drop(std::string_view why);  // closes it and dials again later; for peers that don't behave

  std::string place() const { return dial::place(target_); }
  const std::string& last_failure() const { return last_failure_; }
  std::uint64_t attempts() const { return attempts_; }

 private:
  void connection_opened() override;
  void connection_input(Bytes bytes, dial::Form form) override { events_.dial_input(bytes, form); }
  void connection_writable() override { events_.dial_writable(); }
  void connection_closed(std::string_view reason) override;
  void dial_now();
  void lost(std::string reason);

  io::IoLoop& loop_;
  dial::Target target_;
  client::Backoff backoff_;
  std::function<void(std::string_view)> log_;
  RedialEvents& events_;
  io::Timer timer_;
  std::unique_ptr<dial::Connection> connection_;
  std::optional<SteadyTime> opened_at_;
  std::string last_failure_;
  std::uint64_t attempts_ = 0;
  bool running_ = false;
};

std::uint64_t random_bits();

}  // namespace clasp::bridge::web
