// Links and sessions, found by id in O(1); ids of the dead find nothing. Links are bytes and a handshake phase, sessions are rights, subscriptions
// and what waits to be delivered (engine design, section 2). A session without a link is
// detached: it may be resumed. A link has a session only once HELLO was accepted.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "router/handshake.hpp"
#include "router/hooks.hpp"
#include "router/option_state.hpp"
#include "router/outbox.hpp"
#include "router/rate_limiter.hpp"
#include "router/resumption.hpp"
#include "router/rights.hpp"
#include "router/router.hpp"
#include "router/subscriptions.hpp"
#include "router/timers.hpp"
#include "router/types.hpp"

namespace clasp::router {

struct Link {
  Sink* sink = nullptr;
  SessionId session = nobody;
  std::size_t unsent = 0;          // handed to the sink and not yet reported by sent()
  std::size_t turn_bytes = 0;      // received since the turn began
  std::uint64_t turn = 0;          // the turn turn_bytes belongs to
  SteadyTime received{};           // last sign of life
  SteadyTime progressed{};         // last sent()
  SteadyTime pinged{};
  TimerId handshake_timer = TimerId::none;
  std::uint16_t generation = 0;
  std::uint8_t pings_missed = 0;
  Phase phase = Phase::closed;
  std::uint8_t reads_paused = 0;   // PauseCause bits; the sink reads only at 0
};

// Why a link is not read. Each cause has its own end; the link is read again when the last has ended.
struct PauseCause {
  static constexpr std::uint8_t replies = 1;  // its own unread answers
  static constexpr std::uint8_t pace = 2;     // it floods a subscriber that is moving
  static constexpr std::uint8_t verdict = 4;  // its HELLO is being checked
  static constexpr std::uint8_t journal = 8;  // it writes, and the journal has no room
  static constexpr std::uint8_t resume = 16;  // its session is not up to date yet
};

struct Session {
  SessionId id = nobody;
  SessionSlot slot{};
  LinkId link{};
  Uuid uuid;
  WriterId writer{};
  std::string name;                       // at most 64 bytes of it
  Rights rights;
  std::unique_ptr<Outbox> outbox;         // only while something waits
  std::unique_ptr<OptionState> options;   // only with subscriptions that thin
  RateLimiter limiter;
  std::unique_ptr<Resumption> resumption; // only if it asked for that
  TimerId held_timer = TimerId::none;
  Seq answers_need = 0;                   // the last of its waiting answers leaves when this is durable
  SteadyTime outbox_since{};              // when it fell behind
  SteadyTime notified{-3'600'000'000};    // last 503
  std::uint64_t drops = 0;                // since the last 503
  std::uint64_t conflated_seen = 0;       // of the outbox's counters
  std::uint64_t streams_seen = 0;
  std::size_t outbox_bytes = 0;           // counted in the engine's total
  std::uint32_t cursors = 0;              // snapshots running
  std::uint8_t features = 0;
  Encoding encoding = Encoding::frames;
  Echo echo_sets = Echo::yes;
  Echo echo_publishes = Echo::no;
  bool null_removes = false;              // its SET to Null removes the param
  bool sink_queues = false;               // the sink keeps what waits itself
  bool conflate = true;
  bool visitor = false;                   // the reactor is told when it comes and goes
  bool locks = false;                     // has ever taken one
  bool counted = true;                    // in gauges
  bool reads_log = false;                 // what is committed does not come to it: it reads the commit log, or will
};

inline constexpr LinkId no_link{0xffff'ffff};

class SessionTable {
 public:
  LinkId open_link(Sink& sink, const Now& now);
  Link* find(LinkId id) {  // nullptr if closed
    const auto raw = static_cast<std::uint32_t>(id);
    const std::uint32_t place = raw & place_mask;
    if (place >= links_.size()) return nullptr;
    Link& link = links_[place];
    return link.sink != nullptr && link.generation == (raw >> place_bits) ? &link : nullptr;
  }
  void free_link(LinkId id);
  std::size_t links() const { return open_links_; }

  Session& open_session(LinkId link);
  Session* find(SessionId id) {  // nullptr if it has ended
    const auto place = static_cast<std::uint32_t>(id) & place_mask;
    if (place >= sessions_.size()) return nullptr;
    Session* session = sessions_[place].get();
    return session != nullptr && session->id == id ? session : nullptr;
  }
  const Session* find(SessionId id) const { return const_cast<SessionTable*>(this)->find(id); }
  Session& at(SessionSlot slot) { return *sessions_[static_cast<std::uint32_t>(slot)]; }
  void free_session(SessionId id);
  std::size_t sessions() const { return open_sessions_; }

  // Visits may close what they visit.
  template <typename Visit>
  void each_link(Visit visit) {
    for (std::uint32_t i = 0; i < links_.size(); ++i) {
      if (links_[i].sink != nullptr) visit(link_id(i), links_[i]);
    }
  }
  template <typename Visit>
  void each_session(Visit visit) {
    for (std::size_t i = 0; i < sessions_.size(); ++i) {
      if (sessions_[i]) visit(*sessions_[i]);
    }
  }

 private:
  // A LinkId has 20 bits of place and 12 of generation, a SessionId 20 bits of place under a serial number that never repeats.
  static constexpr unsigned place_bits = 20;
  static constexpr std::uint32_t place_mask = (1U << place_bits) - 1;
  LinkId link_id(std::uint32_t place) const { return LinkId{(std::uint32_t{links_[place].generation} << place_bits) | place}; }

  std::vector<Link> links_;
  std::vector<std::uint32_t> free_links_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::vector<std::uint32_t> free_sessions_;
  std::uint64_t serial_ = 0;
  std::size_t open_links_ = 0;
  std::size_t open_sessions_ = 0;
};

}  // namespace clasp::router
