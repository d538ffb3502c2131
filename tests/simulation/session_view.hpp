// One session as its client sees it, and what the delivery contract owes it. A frame that breaks a rule is answered with a sentence.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec.hpp"
#include "core/pattern.hpp"
#include "ledger.hpp"

namespace clasp::simulation {

enum class Via : std::uint8_t { deliver, reply };  // which of the sink's two doors a frame came through

struct LiveSubscription {
  Pattern pattern;
  TypeMask types;
  bool thinning = false;
  Seq since = 0;
  bool holds_state() const { return !thinning && types.has(SignalType::param); }
};

// The answer a write must get, known as soon as the router has handled it.
struct OwedAnswer {
  enum class Kind : std::uint8_t { ack, error, either } kind = Kind::ack;
  std::string address;  // empty: a BUNDLE
  Revision revision = 0;
};

class SessionView {
 public:
  // `every_set`: its link never becomes congested, so every single SET has to arrive (rule 8).
  SessionView(const Ledger& ledger, const std::vector<std::string>& addresses, std::string id, bool every_set);

  void subscribe(std::uint32_t id, LiveSubscription subscription);
  void unsubscribe(std::uint32_t id);
  void owe(OwedAnswer answer) { answers_.push_back(std::move(answer)); }
  void owe_scheduled_answer() { ++scheduled_answers_; }
  void committed(const Record& record);  // after the router has committed it

  std::optional<std::string> hear(Bytes frame, Via via);
  // Rule 18 and everything still owed; call when the link has drained and the router is idle. `revision_of`: 0 if the address is absent.
  std::optional<std::string> check_drained(const std::vector<Revision>& router_revisions) const;

  const std::string& id() const { return id_; }
  std::size_t scheduled_answers() const { return scheduled_answers_; }
  const std::map<std::uint32_t, LiveSubscription>& subscriptions() const { return subscriptions_; }
  std::string tail() const;  // the last frames it heard, in words

 private:
  struct Due {
    Seq seq = 0;
    Revision revision = 0;
  };
  struct Param {
    Revision heard = 0;       // highest revision in any live, snapshot or GET frame
    Revision heard_live = 0;  // highest that came as SET
    bool absent = true;
    std::deque<Due> due;
  };
  std::optional<std::string> hear_set(const Set& set, Via via);
  std::optional<std::string> hear_publish(const Publish& publish, Via via);
  std::optional<std::string> hear_snapshot(const Snapshot& snapshot);
  std::optional<std::string> hear_ack(const Ack& ack);
  std::optional<std::string> hear_error(const ErrorReply& error);
  bool due(const Record& record, bool only_plain) const;

  const Ledger& ledger_;
  const std::vector<std::string>& addresses_;
  std::string id_;
  bool every_set_;
  bool thinned_ = false;  // has or had a subscription with maxRate or epsilon
  bool welcomed_ = false;
  std::size_t snapshots_ = 0;
  std::map<std::uint32_t, LiveSubscription> subscriptions_;
  std::vector<Param> params_;
  std::deque<std::int64_t> kept_;  // events, gesture start, end and cancel, timelines: each has to come, in this order
  std::map<std::pair<std::string, std::uint32_t>, Seq> streamed_;
  Seq last_published_ = 0;
  std::deque<OwedAnswer> answers_;
  std::size_t scheduled_answers_ = 0;
  std::deque<std::string> transcript_;
};

}  // namespace clasp::simulation
