// One real router, one model of it, simulated peers on simulated links, a clock that moves only when told.
//
// Every call of the router is told to the model too, with the same time; then every frame that came out is judged by the model, and so is silence:
// a link with room that was not given what the model foretells is a fault at once.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "faults.hpp"
#include "model/model.hpp"
#include "peer.hpp"
#include "scenario.hpp"

namespace clasp::simulation {

struct Totals {  // what runs exercised, so that a test can see they were not idle
  double seconds = 0;
  std::uint64_t frames_in = 0;
  std::uint64_t frames_out = 0;  // each compared with the model
  std::uint64_t commits = 0;
  std::uint64_t congestions = 0;
  std::uint64_t conflated = 0;
  std::uint64_t streams_dropped = 0;
  std::uint64_t sessions = 0;
  std::uint64_t closed_by_router = 0;
  std::uint64_t bundles_scheduled = 0;
  std::uint64_t removed = 0;
  std::uint64_t refused = 0;  // ERROR replies
  std::uint64_t resumed = 0;
  Totals& operator+=(const Totals& other);
};
Totals& tally();  // of all runs of this process

class SimulatedWorld final : private SimulatedPeer::Owner {
 public:
  SimulatedWorld(const Scenario& scenario, SeededRandom& random);
  ~SimulatedWorld() override;
  SimulatedWorld(const SimulatedWorld&) = delete;

  // ---- clients ----
  SimulatedPeer& add(Pace pace = {});
  SimulatedPeer& peer(std::size_t number) { return *peers_[number]; }
  std::size_t peers() const { return peers_.size(); }
  void connect(SimulatedPeer& peer);
  void say(SimulatedPeer& peer, const Message& message, std::optional<Qos> qos = {});  // arrives now
  void say(SimulatedPeer& peer, Bytes frame);
  void greet(SimulatedPeer& peer, bool resumable);  // HELLO
  void join(SimulatedPeer& peer);  // connects and says HELLO
  void come_back(SimulatedPeer& peer);  // resumes its session, or has another one
  void mark(SimulatedPeer& peer);       // tells the router how much has arrived
  void lose(SimulatedPeer& peer);  // the link breaks: what it held is lost, the session ends without a word
  void drain(SimulatedPeer& peer, std::size_t bytes);
  void answer_ping(SimulatedPeer& peer);

  // ---- time ----
  void pass(Micros time);  // stops wherever router or model have something to do
  void turn();             // the end of one
  void set_unix_clock_back(Micros by) { unix_.us -= static_cast<std::uint64_t>(by.count()); }
  Now now() const { return {steady_, unix_, unix_}; }

  // ---- comparison ----
  void compare_state();
  void compare_views(bool all);  // rule 18: of those that keep up, or of all
  void heal();                   // every link moves again, nobody writes any more: what is owed has to come
  void fail(const SimulatedPeer* peer, std::string text);
  bool failed() const { return failure_.has_value(); }
  const std::optional<std::string>& failure() const { return failure_; }
  bool fault_happened() const { return frame_faults_.happened() || message_faults_.happened(); }

  const model::Model& model() const { return *model_; }
  Router& router() { return *router_; }
  Totals totals() const;
  bool has_room(const SimulatedPeer& peer) const { return peer.unsent < room_bytes_; }
  void note_step(std::uint64_t step) { step_ = step; }

 private:
  std::uint64_t given(SimulatedPeer& peer) override {
    touched_.push_back(peer.number);
    return ++given_;
  }
  void closing(SimulatedPeer& peer) override { closing_.push_back(peer.number); }
  void reading(SimulatedPeer& peer, bool on) override;
  void complain(const SimulatedPeer* peer, std::string text) override { fail(peer, std::move(text)); }

  model::Clock clock() const { return {steady_.us, unix_.us}; }
  void judge();                                                // after every call of the router and of the model
  void judge_frames(const std::vector<std::size_t>& numbers);  // of all these peers, in the order in which the router gave them
  bool caught_up(SimulatedPeer& peer);
  void settle();                                               // links that keep up take everything, at once
  void sent(SimulatedPeer& peer, std::size_t bytes);
  void drain_by_time(Micros time);
  void advance();
  void check_all();

  Scenario scenario_;
  FrameFaults frame_faults_;
  MessageFaults message_faults_;
  SteadyTime steady_{1'000'000};
  SteadyTime began_{1'000'000};
  UnixTime unix_{1'700'000'000'000'000};
  std::size_t room_bytes_;
  std::vector<std::unique_ptr<SimulatedPeer>> peers_;
  std::uint64_t given_ = 0;  // frames, so far
  std::vector<std::size_t> touched_;
  std::vector<std::size_t> closing_;
  Decoder decoder_;
  Totals totals_;
  std::uint64_t step_ = 0;
  std::optional<std::string> failure_;
  std::unique_ptr<model::Model> model_;
  std::unique_ptr<Router> router_;
};

}  // namespace clasp::simulation
