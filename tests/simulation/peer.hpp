// A simulated client and the link it hangs on. The link stores what the router gives it and hands it over when its bytes are "sent".
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client_view.hpp"
#include "core/resume.hpp"
#include "faults.hpp"
#include "router/router.hpp"
#include "scenario.hpp"

namespace clasp::simulation {

using namespace router;

struct Pace {
  enum class Kind : std::uint8_t { keeps_up, trickles, stalls, dead } kind = Kind::keeps_up;
  std::uint64_t bytes_per_second = 0;  // of one that trickles
};

enum class Via : std::uint8_t { deliver, reply };  // which of the sink's two doors a frame came through

class SimulatedPeer final : public Sink {
 public:
  struct Owner {  // the world
    virtual ~Owner() = default;
    // Something was given; what number it has among all that the router gives to anybody.
    virtual std::uint64_t given(SimulatedPeer& peer) = 0;
    virtual void closing(SimulatedPeer& peer) = 0;
    virtual void reading(SimulatedPeer& peer, bool on) = 0;
    virtual void complain(const SimulatedPeer* peer, std::string text) = 0;
  };
  SimulatedPeer(std::size_t its_number, Pace its_pace, FrameFaults& faults, Owner& owner)
      : number(its_number), pace(its_pace), faults_(faults), owner_(owner) {}

  std::size_t deliver(const Delivery& delivery) override { return put(delivery.frame(), Via::deliver); }
  std::size_t reply(const Reply& reply) override { return put(reply.frame, Via::reply); }
  void read(bool on) override;
  bool ping() override;
  void close(const CloseReason& reason) override;

  void opened(LinkId id);
  void gone();                          // link and session have ended
  void away();                          // the link has ended, the session may not have: what had not arrived is to come again
  void back(LinkId id);                 // on another link
  std::size_t take(std::size_t bytes);  // takes at most so many off the link and hears what is complete by that; how many were taken
  bool can_send() const { return open && reading; }

  const std::size_t number;
  Pace pace;
  bool must_answer_pings = false;
  bool answers_pings = true;
  LinkId link{};
  bool open = false;
  bool reading = true;
  bool pinged = false;  // and has not answered yet
  std::size_t unsent = 0;
  double allowance = 0;  // bytes a trickling link may still take
  SteadyTime stalled_until;
  SteadyTime hello_at;
  SteadyTime reconnect_at;
  SteadyTime paused_at;
  bool said_hello = false;
  bool resumable = false;   // asked for it, in this session
  bool is_away = false;
  bool catching_up = false;  // back, and the router has more to give first
  std::optional<resume::Offer> offer;  // of the last WELCOME
  std::string session;
  std::uint64_t received = 0;  // frames since WELCOME
  bool regave() const { return again_.empty(); }
  std::string closed_because;
  ClientView view;
  struct Given {  // by the router, not yet judged
    std::shared_ptr<const model::Frame> frame;
    std::uint64_t order = 0;
  };
  std::vector<Given> given;

  struct Underway {  // from the client to the router
    std::vector<std::byte> frame;
    SteadyTime arrives;
    bool waits_for_snapshot = false;  // the client waits until what it has asked for before is complete
  };
  std::deque<Underway> underway;

 private:
  struct Waiting {
    std::shared_ptr<const model::Frame> frame;
    bool past = false;
    std::size_t bytes_left = 0;
    bool counts = false;
  };
  bool welcomed(Bytes bytes);
  std::size_t put(Bytes bytes, Via via);

  FrameFaults& faults_;
  Owner& owner_;
  std::deque<Waiting> queue_;
  std::deque<Waiting> again_;  // has to be given again, as it was, before anything else
};

}  // namespace clasp::simulation
