// One run: a real router, simulated peers on simulated links, a clock that moves only when told, one random generator.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "peer.hpp"

namespace clasp::simulation {

struct Totals {  // what a run exercised, so that a test can see it was not idle
  std::uint64_t commits = 0;
  std::uint64_t deliveries = 0;
  std::uint64_t congestions = 0;
  std::uint64_t conflated = 0;
  std::uint64_t sessions = 0;
  std::uint64_t closed_by_router = 0;
  std::uint64_t bundles_scheduled = 0;
  std::uint64_t removed = 0;
};

class SimulatedWorld final : private Reactor {
 public:
  explicit SimulatedWorld(Scenario scenario);
  SimulatedWorld(const SimulatedWorld&) = delete;

  // Steps, healing, last checks. A sentence about the first broken rule, with the tail of the session's transcript; nothing if all held.
  std::optional<std::string> run();
  Totals totals() const;
  bool fault_happened() const { return faults_.happened(); }

 private:
  void react(const Commit& commit, std::vector<Effect>& effects) override;

  void step();
  void heal();
  void pass_time(Micros time);
  void drain_links(bool all);
  void connect(SimulatedPeer& peer);
  void lose(SimulatedPeer& peer);
  void reap(SimulatedPeer& peer);
  void settle();  // links that keep up take everything, at once
  void check_always();
  void check_drained(bool all);

  // One frame each (operations.cpp).
  void act(SimulatedPeer& peer);
  void send(SimulatedPeer& peer, const Message& message, Qos qos);
  void hello(SimulatedPeer& peer);
  void set(SimulatedPeer& peer);
  void publish(SimulatedPeer& peer, SignalType signal);
  void gesture(SimulatedPeer& peer);
  void bundle(SimulatedPeer& peer);
  void subscribe(SimulatedPeer& peer);
  void unsubscribe(SimulatedPeer& peer);
  void get(SimulatedPeer& peer);
  void garbage(SimulatedPeer& peer);
  Value value(std::int64_t token);
  std::int64_t fresh_token();
  const std::string& some_address();
  std::optional<std::string> check_bundle(const std::vector<std::int64_t>& must, const std::vector<std::int64_t>& may) const;

  void fail(const SessionView* session, std::string text);
  Now now() const { return {steady_, unix_, unix_}; }

  struct ScheduledBundle {
    std::vector<std::int64_t> must;
    std::vector<std::int64_t> may;
  };

  Scenario scenario_;
  SeededRandom random_;
  std::vector<std::string> addresses_;
  Ledger ledger_;
  FaultInjector faults_;
  SteadyTime steady_{1'000'000};
  UnixTime unix_{1'700'000'000'000'000};
  std::vector<std::unique_ptr<SimulatedPeer>> peers_;
  std::vector<ScheduledBundle> scheduled_;
  std::int64_t token_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t closed_by_router_ = 0;
  std::optional<std::string> failure_;
  std::unique_ptr<Router> router_;
};

}  // namespace clasp::simulation
