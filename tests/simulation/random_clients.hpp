// Clients that do anything, at any time, chosen by the run's random generator: every message type with its options, some of it wrong on purpose.
//
// One care is taken. Who reads what, and when, can matter to lifetimes, capacity and thinning; which of two open snapshots a frame belongs to cannot
// be seen from outside. Where it could matter (Scenario::reads_renew, thinning) a client therefore waits for a snapshot before it asks for more, and
// slow clients leave GET alone.
#pragma once

#include <string>
#include <vector>

#include "world.hpp"

namespace clasp::simulation {

class RandomClients {
 public:
  explicit RandomClients(const Scenario& scenario);
  RandomClients(const RandomClients&) = delete;

  // Steps, healing, last comparison. A sentence about the first difference; nothing if there was none.
  std::optional<std::string> run();
  SimulatedWorld& world() { return world_; }

 private:
  void step();
  void let_links_stall();
  void come_and_go();
  void arrive();
  void act(SimulatedPeer& peer);
  void post(SimulatedPeer& peer, const Message& message, Qos qos);
  void post(SimulatedPeer& peer, ByteBuffer frame, bool waits_for_snapshot = false);
  Qos any_qos() { return static_cast<Qos>(random_.below(3)); }

  // One message each (operations.cpp).
  void set(SimulatedPeer& peer);
  void publish(SimulatedPeer& peer);
  void gesture(SimulatedPeer& peer);
  void bundle(SimulatedPeer& peer);
  void subscribe(SimulatedPeer& peer);
  void announce(SimulatedPeer& peer);
  void signal_to_one(SimulatedPeer& peer);
  void large(SimulatedPeer& peer);
  void message_pack(SimulatedPeer& peer);
  void ask(SimulatedPeer& peer);
  void nonsense(SimulatedPeer& peer);
  void garbage(SimulatedPeer& peer);

  clasp::Value some_value();
  const std::string& some_address();
  std::string wrong_address();
  std::string some_pattern();
  Set some_set(const std::string& address, const EncodedValue& value);

  Scenario scenario_;
  SeededRandom random_;
  std::vector<std::string> addresses_;
  std::int64_t counter_ = 0;
  SimulatedWorld world_;
};

}  // namespace clasp::simulation
