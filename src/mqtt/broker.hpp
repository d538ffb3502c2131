// The MQTT broker inside the router: who is connected, what they publish, what belongs to no single session.
//
// Every client is a session of the router. A retained message is a param, anything else an event, and the router decides who hears of it. Beside its
// values the broker keeps only what MQTT promises and CLASP has no word for: exact payloads and properties (RetainedNotes, the message being
// published), QoS (Outbound), shared groups, wills. Loop thread only. Connections and router outlive the calls they make.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/paced_log.hpp"
#include "mqtt/limits.hpp"
#include "mqtt/message.hpp"
#include "mqtt/published.hpp"
#include "mqtt/retained_notes.hpp"
#include "mqtt/session.hpp"
#include "mqtt/shared_groups.hpp"
#include "mqtt/topics.hpp"
#include "net/event_loop.hpp"
#include "router/router.hpp"

namespace clasp::mqtt {

struct BrokerOptions {
  Limits limits;
  bridge::NamespaceMap names;
  router::Gate* gate = nullptr;  // null: open. The password is the token
  std::function<void(std::string_view line)> log = [](std::string_view) {};
};

class Broker final : public net::Turns {
 public:
  // The random numbers name clients that have no name.
  Broker(router::Router& router, router::Random& random, BrokerOptions options);
  Broker(const Broker&) = delete;
  ~Broker() override;

  // net::Turns
  void advance(const Now& now) override;
  bool end_turn(const Now& now) override;
  std::optional<SteadyTime> next_deadline() const override;

  // ---- for connections ----
  void set_now(const Now& now) { now_ = now; }
  // What to answer; `session` is set if it accepts.
  Connack connect(Connection& connection, const Connect& connect, Session*& session);
  Published publish(Session& session, const PublishPacket& packet, std::size_t packet_bytes);
  // What is answered for may be confirmed up to here; until then the journal may fail (contract 25).
  router::Seq last_seq() const { return router_.last_seq(); }
  router::Seq confirmed_seq() const { return router_.confirmed_seq(); }
  bool journal_fails() const { return router_.journal_fault().has_value(); }
  void await_disk(Session& session);  // its connection is told with each turn, until it has nothing to confirm
  enum class Parting : std::uint8_t { polite, lost };  // polite: DISCONNECT without will
  void part(Session& session, Parting parting);
  void arm(Session& session);  // its keep-alive, will or expiry changed
  void work_off_doomed();

  // ---- for sessions ----
  const Now& now() const { return now_; }
  const Limits& limits() const { return options_.limits; }
  Stats& stats() { return stats_; }
  MessagePool& pool() { return pool_; }
  ByteBuffer& scratch() { return wire_scratch_; }
  const TopicMap& topics() const { return topics_; }
  SharedGroups& groups() { return groups_; }
  const Rendered* render(const router::Delivery& delivery);  // nullptr: nothing for MQTT. Valid until the next call
  MessageRef& shared_message() { return shared_; }           // of what was rendered last
  void offer(SharedGroup& group, router::Seq seq, const Rendered& rendered);
  void submit_subscribe(Session& session, std::uint32_t number, std::string_view pattern, bool snapshot);
  void submit_unsubscribe(Session& session, std::uint32_t number);
  void send_figures(Session& session, const Subscription& subscription);
  void report_sent(Session& session, std::size_t bytes);
  void note_waiting(std::size_t more);
  void forget_waiting(std::size_t bytes) { waiting_bytes_ -= bytes; }
  void note_refusal(const Session& session, std::string_view why);
  void doom(Session& session, Reason reason);  // ends it once nothing iterates over sessions any more

  // ---- for the operator ----
  const Stats& stats() const { return stats_; }
  std::size_t sessions() const { return by_id_.size(); }
  std::size_t attached() const { return attached_; }
  const RetainedNotes& retained_notes() const { return notes_; }
  void tell(std::string_view kind, std::string line) { paced_.line(kind, std::move(line), now_.steady, options_.log); }

 private:
  // A message on its way into the router: while it is there, subscribers get exactly what was published.
  struct Current {
    std::string_view topic;
    std::string_view address;
    Bytes payload;
    Bytes forwarded;
    std::optional<std::uint32_t> expiry;
    std::optional<SteadyTime> expires;
    Qos qos{};
    bool retain = false;
    ValueView value;
  };

  // Where clients may publish to `topic`; nothing if it cannot be an address, or is the server's own.
  std::optional<std::string> find_address(std::string_view topic) const;
  Published publish_message(Session& session, Current& message, std::size_t input_bytes);
  Published set_retained(Session& session, Current& message, std::size_t input_bytes);
  Published clear_retained(Session& session, Current& message);
  Published publish_event(Session& session, Current& message, std::size_t input_bytes);
  Published not_accepted(const Session& session, const Error& error);
  void tell_confirmed();
  bool is_current(const router::Delivery& delivery) const;
  bool render_current();
  bool render_stored(const router::Delivery& delivery);
  bool render_foreign(const router::Delivery& delivery);

  Session& open_session(const std::string& client_id, const router::Grants& grants);
  void take_over(Session& session);
  // none: what waits for it is more than is good for one.
  enum class Heirs : std::uint8_t { none, groups };
  void end_session(Session& session, Heirs heirs = Heirs::groups);
  void hand_on(const Outbound::Orphan& orphan);
  void publish_will(Session& session);
  void on_deadline(Session& session);
  void evict_detached();
  std::string new_client_id();

  void publish_figures();
  void each_figure(const std::function<void(std::string_view topic, std::string_view text)>& visit) const;

  struct Due {
    SteadyTime at;
    std::uint64_t serial = 0;
    bool operator>(const Due& other) const { return at > other.at; }
  };

  router::Router& router_;
  router::Random& random_;
  BrokerOptions options_;
  Stats stats_;
  MessagePool pool_;
  TopicMap topics_;
  SharedGroups groups_;
  RetainedNotes notes_;
  Now now_;
  SteadyTime started_;

  std::unordered_map<std::string, std::unique_ptr<Session>> by_id_;
  std::unordered_map<std::uint64_t, Session*> by_serial_;
  std::uint64_t serial_ = 0;
  std::size_t attached_ = 0;
  std::size_t waiting_bytes_ = 0;  // of all sessions
  std::vector<std::pair<std::uint64_t, Reason>> doomed_;
  std::vector<std::uint64_t> awaiting_disk_;  // serials
  std::priority_queue<Due, std::vector<Due>, std::greater<>> timers_;
  std::optional<SteadyTime> figures_due_;

  const Current* current_ = nullptr;
  Rendered rendered_;
  bool rendered_ok_ = false;
  router::Seq rendered_seq_ = 0;  // of a live delivery; 0: none
  MessageRef shared_;
  std::string topic_scratch_;
  ByteBuffer value_scratch_;
  ByteBuffer payload_scratch_;
  ByteBuffer compare_scratch_;
  ByteBuffer forwarded_scratch_;
  ByteBuffer wire_scratch_;
  PacedLog paced_;
};

}  // namespace clasp::mqtt
