// The router as the delivery contract describes it, in plain lines: no caches, no outboxes, no bytes. It is given what the router is given, in the
// same order and with the same clock, and foretells what every client must hear. It shares no code with the engine; it does not even link it.
//
// model.cpp has links, time and fan-out, messages.cpp what each message means, bundles.cpp BUNDLE, frames.cpp judges what the router really sent.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/message.hpp"
#include "expectation.hpp"
#include "frame.hpp"
#include "gestures.hpp"
#include "pattern.hpp"
#include "rules.hpp"
#include "state.hpp"
#include "thinning.hpp"

namespace clasp::simulation::model {

using LinkNo = std::size_t;
using Complaint = std::optional<std::string>;

class Model {
 public:
  explicit Model(Rules rules);
  Model(const Model&) = delete;

  // ---- what happens to the router ----
  void opened(LinkNo link, bool must_answer_pings, Clock now);
  void received(LinkNo link, const Message* message, Qos qos, Clock now);  // null: bytes that are no message
  void alive(LinkNo link, Clock now);                                      // a WebSocket ping or pong
  void progressed(LinkNo link, Clock now);                                 // some of its bytes left
  void read(LinkNo link, bool on, Clock now);                              // the router stops or resumes reading it
  void passed(Clock now);
  void lost(LinkNo link, Clock now);
  void away(LinkNo link);  // nothing can be given to it for a while, as on a slow link

  // ---- what the router does, judged ----
  Complaint put(LinkNo link, const Frame& frame, Clock now);
  // `room`: so little waits on the link that nothing can be waiting behind it.
  Complaint closed(LinkNo link, bool room, Clock now);
  Complaint stalled(LinkNo link, bool room, Clock now) const;  // closed for that alone
  Complaint check(LinkNo link, bool room, Clock now) const;  // after every call
  Complaint settle(LinkNo link);                             // room, so everything foretold has to have come; the session keeps up from here on
  Complaint idle(LinkNo link);                               // and no turn is left to do: no snapshot is open

  // ---- looks ----
  std::optional<Us> next() const;  // when it wants passed()
  const State& state() const { return state_; }
  bool open(LinkNo link) const { return links_.contains(link); }
  bool in_session(LinkNo link) const;
  std::string session_id(LinkNo link) const;
  bool slow(LinkNo link) const;
  bool snapshot_open(LinkNo link) const;
  bool holds_plainly(LinkNo link, const std::string& address) const;  // a subscription without options promises it this param (rule 18)
  std::size_t sessions() const { return sessions_.size(); }
  std::size_t bundles_waiting() const { return bundles_.size(); }
  const std::string& writer_id(SessionNo session) const { return ids_.at(session); }
  std::string upcoming(LinkNo link) const;
  std::vector<LinkNo> take_told() { return std::exchange(told_, {}); }  // links that something was foretold for since the last call

 private:
  struct Debt {  // a snapshot that was asked for
    std::optional<std::uint32_t> subscription;
    Matcher* pattern = nullptr;
    std::uint64_t since = 0;
    std::set<std::string> owed;
    std::set<std::string> shown;
    bool owes_frame = false;
    bool unclear = false;  // another one ended half-way, and parts may have been taken for each other's
  };
  struct Link {
    Us opened = 0;
    Us received = 0;
    Us progressed = 0;
    bool reading = true;
    bool pinged = false;   // has to answer pings
    bool refused = false;  // has to be closed in the same call
    SessionNo session = 0;
    std::unique_ptr<Expectation> expectation;
    std::vector<Debt> debts;
  };
  struct Subscription {
    Matcher* pattern = nullptr;
    std::uint8_t types = 0;
    SubscriptionOptions options;
    std::uint64_t since = 0;
    Thinner thinner;
  };
  struct Session {
    SessionNo no = 0;
    LinkNo link = 0;
    std::map<std::uint32_t, Subscription> subscriptions;
    HeldValues held;
    std::optional<Us> refilled;
    std::int64_t tokens = 0;  // millionths of a message
    std::optional<Us> told_of_limit;
  };
  struct Telling {  // one committed change on its way to everybody
    std::string address;
    Line line;
    std::uint8_t types = 0;
    bool thinnable = false;
    std::optional<PublishFields> message;
    std::optional<double> number;
    SessionNo except = 0;
  };
  struct Past {
    std::uint64_t place = 0;
    Us steady = 0;
    std::uint64_t unix_time = 0;
    std::uint8_t type = 0;
    std::uint64_t together = 0;
    Text text;
  };
  struct WaitingBundle {
    SessionNo sender = 0;
    bool acknowledged = false;
    std::vector<std::variant<SetFields, PublishFields>> members;
  };

  // model.cpp
  void begin_session(LinkNo link, bool snapshot, bool asks, Clock now);  // asks: for something in the block of HELLO
  void end_session(SessionNo session, Clock now);
  void refuse(Link& link, int code, Clock now);
  bool within_rate(Session& session, const Message* message, Clock now);
  std::uint64_t change() { return ++changes_; }
  std::uint64_t write(const SetFields& set, SessionNo writer, bool may_lock, Clock now);
  void remove(const std::string& address, Clock now);
  void publish(SessionNo sender, const PublishFields& publish, Clock now);
  void tell_publish(SessionNo sender, const PublishFields& publish, Clock now);
  void tell(Telling telling, Clock now);
  bool wanted_now(Session& session, const Telling& telling, const std::vector<Subscription*>& matching, Clock now);
  void held_due(Session& session, Clock now);
  void remember(const std::string& address, std::uint8_t type, Text text, Clock now);
  void add(const Session& session, Line line, Clock now);
  void answer(const Session& session, std::string text, Clock now);
  std::vector<Subscription*> matching(Session& session, const std::string& address, std::uint8_t types);
  bool gets_live(const Session& session, const std::string& address, std::uint64_t change) const;

  // messages.cpp
  void handle(Session& session, const Message& message, Qos qos, Clock now);
  int fault_of(const SetFields& set) const;
  int fault_of(const PublishFields& publish) const;
  void on_set(Session& session, const SetFields& set, Qos qos, Clock now);
  void on_publish(Session& session, const PublishFields& publish, Clock now);
  bool on_p2p(Session& session, const PublishFields& publish, Clock now);
  void on_subscribe(Session& session, const Subscribe& subscribe, Clock now);
  void on_unsubscribe(Session& session, std::uint32_t id, Clock now);
  void on_get(Session& session, const std::string& address, Qos qos, Clock now);
  void on_announce(Session& session, const Announce& announce, Clock now);
  void on_query(Session& session, const std::string& pattern, Clock now);
  void history(Session& session, Matcher* pattern, std::uint8_t types, const SubscribeOptions& options, Clock now);
  void drop_debts(Session& session, std::uint32_t subscription);
  void cover_less(Session& session);

  // bundles.cpp
  void on_bundle(Session& session, const Bundle& bundle, Qos qos, Clock now);
  int bundle_refusal(const WaitingBundle& bundle, std::string& address) const;
  void execute(const WaitingBundle& bundle, Clock now);

  // frames.cpp
  Complaint put_snapshot(Link& link, Session* session, const Frame& frame, Clock now);
  bool fits(const Link& link, const Debt& debt, const Frame& frame) const;
  Debt* find_debt(Link& link, const Frame& frame) const;
  void pay(Link& link, Session* session, Debt& debt, const Frame::Entry& entry, Clock now);
  std::string not_owed(const Link& link, const Frame& frame, const Frame::Entry& entry) const;
  bool paid(const Link& link, const Debt& debt, const std::string& address) const;
  std::string entry_now(const std::string& address) const;

  Session* find_session(SessionNo no);
  const Session* find_session(SessionNo no) const;

  Rules rules_;
  Matchers matchers_;
  State state_;
  Gestures gestures_;
  std::map<LinkNo, Link> links_;
  std::map<SessionNo, Session> sessions_;
  std::map<SessionNo, std::string> ids_;
  std::map<std::string, std::vector<Past>> past_;
  std::map<std::pair<Us, std::uint64_t>, WaitingBundle> bundles_;
  struct Announced {
    SignalFields fields;
    SessionNo by = 0;
    std::optional<Us> left;  // when that session ended
  };
  std::map<std::string, Announced> announced_;
  std::vector<LinkNo> told_;
  std::size_t past_bytes_ = 0;
  std::uint64_t changes_ = 0;
  std::uint64_t moments_ = 0;   // of things whose order is open
  std::uint64_t together_ = 0;  // the moment being told; 0: in order
  std::uint64_t histories_ = 0;
  std::uint64_t bundle_order_ = 0;
  SessionNo last_session_ = 0;
};

}  // namespace clasp::simulation::model
