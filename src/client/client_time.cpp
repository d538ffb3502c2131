// Client: the router's time.
#include "clasp/client.hpp"

#include "client/client_impl.hpp"

namespace clasp {
inline namespace v0 {

using client::Answer;
using client::ClientSession;
using client::Ticket;

namespace {

ClockInfo to_clock_info(const ClockSync& clock) {
  return {.offset_us = clock.offset_us(),
          .rtt_us = clock.rtt_us(),
          .jitter_us = clock.jitter_us(),
          .samples = clock.samples(),
          .quality = clock.quality()};
}

}  // namespace

std::uint64_t Client::time() const {
  return impl_->call([](ClientSession& session, Now now) { return session.clock().to_server(now.unix_time).us; });
}
ClockInfo Client::clock() const {
  return impl_->call([](ClientSession& session, Now) { return to_clock_info(session.clock()); });
}
Result<ClockInfo> Client::sync(std::chrono::milliseconds timeout) {
  const auto done = impl_->wait<bool>(
      timeout, [](ClientSession& session, Ticket ticket, SteadyTime deadline, Now now) { return session.sync(ticket, deadline, now); },
      [](const Answer&) { return true; });
  if (!done) return done.error();
  return clock();
}
Result<std::chrono::microseconds> Client::ping(std::chrono::milliseconds timeout) {
  return impl_->wait<std::chrono::microseconds>(
      timeout, [](ClientSession& session, Ticket ticket, SteadyTime deadline, Now now) { return session.ping(ticket, deadline, now); },
      [](const Answer& answer) { return answer.round_trip; });
}

}  // namespace v0
}  // namespace clasp
