// What watch and monitor share: what to subscribe to, how long, and a connection that comes back by itself.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "cli/client_flags.hpp"
#include "cli/interrupts.hpp"

namespace clasp::cli {

struct SubscriptionFlags {
  SubscriptionOptions options;
  std::optional<std::chrono::milliseconds> duration;
  std::optional<Interrupts::Clock::time_point> until() const;  // the duration, from now
};

std::vector<options::Option> subscription_rows(SubscriptionFlags& flags);

// "param,event": the error names the one that is none.
Result<std::vector<Signal>> parse_signal_list(std::string_view text);

std::uint64_t unix_us_now();

// Tells on stderr when the connection goes and comes back, and stops waiting when the router does not allow it.
class Listening {
 public:
  Listening(const Invocation& call, Interrupts& interrupts) : call_(call), interrupts_(interrupts) {}
  Result<Client> connect(const ClientFlags& flags);  // this outlives the client
  ExitCode outcome() const { return outcome_; }      // ok, or why it ended before anybody asked
  bool connected() const { return connected_; }      // now

 private:
  void on_error(const Error& error);
  const Invocation& call_;
  Interrupts& interrupts_;
  std::atomic<bool> connected_before_ = false;
  std::atomic<bool> connected_ = false;
  std::atomic<ExitCode> outcome_ = ExitCode::ok;
};

// Questions and answers of the monitors themselves are no traffic of the show.
bool is_about_monitors(std::string_view address);

}  // namespace clasp::cli
