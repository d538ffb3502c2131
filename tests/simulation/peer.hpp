// A simulated client and the link it hangs on. The link stores what the router gives it and hands it over when its bytes are "sent"; every frame
// is judged by the session it was meant for.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "router/router.hpp"
#include "scenario.hpp"
#include "session_view.hpp"

namespace clasp::simulation {

enum class Pace : std::uint8_t { keeps_up, slow, stalling };

// Breaks one frame of the whole run, on purpose.
class FaultInjector {
 public:
  explicit FaultInjector(Fault fault) : fault_(fault) {}
  enum class Action : std::uint8_t { pass, drop, repeat, swap_with_previous };
  // `previous`: the frame waiting right before it for the same session, if any.
  Action judge(Bytes frame, Via via, std::optional<Bytes> previous);
  bool happened() const { return happened_; }

 private:
  Fault fault_;
  bool happened_ = false;
  int seen_ = 0;
};

class SimulatedPeer final : public Sink {
 public:
  using Begin = std::function<std::shared_ptr<SessionView>(std::string id, bool every_set)>;
  using Fail = std::function<void(const SessionView* session, std::string text)>;
  SimulatedPeer(Pace pace, bool schedules, bool every_set, FaultInjector& faults, Begin begin, Fail fail);

  std::size_t deliver(const Delivery& delivery) override { return put(delivery.frame(), Via::deliver); }
  std::size_t reply(const Reply& reply) override { return put(reply.frame, Via::reply); }
  void read(bool on) override { reading = on; }
  bool ping() override { return false; }
  void close(const CloseReason& reason) override;

  void opened(LinkId id, SteadyTime hello);
  void gone(SteadyTime again);  // link and session have ended; comes back then
  // Takes at most `bytes` off the link and hears what is complete by that; how many were taken.
  std::size_t take(std::size_t bytes);
  bool can_send() const { return open && reading && session != nullptr; }

  const Pace pace;
  const bool schedules;  // sends scheduled bundles instead of single SETs, so that answers can be told apart
  LinkId link{};
  bool open = false;
  bool reading = true;
  bool closed_by_router = false;
  std::size_t unsent = 0;
  SteadyTime hello_at;
  SteadyTime reconnect_at;
  SteadyTime stalled_until;
  std::shared_ptr<SessionView> session;  // whom the router serves on this link now

 private:
  struct Waiting {
    std::vector<std::byte> frame;
    Via via = Via::deliver;
    std::shared_ptr<SessionView> session;
    std::size_t bytes_left = 0;
    int times = 1;
  };
  std::size_t put(Bytes frame, Via via);

  bool every_set_;
  FaultInjector& faults_;
  Begin begin_;
  Fail fail_;
  std::deque<Waiting> queue_;
};

}  // namespace clasp::simulation
