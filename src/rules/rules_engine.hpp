// All rules of a router: which of them an accepted change, a message, a session or time sets off, and what they then write.
//
// The router's Reactor: on its thread, called by it alone. What is set off at once is an Effect, which the router runs to its end before it handles
// another frame; what has to wait, waits here. Rules are looked up by an index, so those that have nothing to do with an address cost nothing.
//
// No loops: what a rule writes may set off other rules, but never one that had a part in it already, and no more than `chain_max` in a row.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "router/hooks.hpp"
#include "router/pattern_trie.hpp"
#include "rules/recent_table.hpp"
#include "rules/rule.hpp"

namespace clasp::rules {

// What an engine sees of the state, and where it sends what is no effect.
struct Surroundings {
  std::function<std::optional<Value>(std::string_view address)> find;  // a param's value
  std::function<void(const Pattern&, const std::function<void(std::string_view address, const ValueView& value)>&)> for_each;
  std::function<void(std::string_view rule, const std::string& url, const std::string& body)> webhook;  // none: they fail
  LocalTime local_time;                                                                                 // none: UTC
  std::function<void(std::string line)> log;
};

struct EngineOptions {
  std::size_t chain_max = 8;         // rules in a row; 0: what rules write sets off none
  std::size_t delayed_max = 10'000;  // actions waiting for their time
};

// Why a rule did or did not act.
enum class Verdict : std::uint8_t { fired, disabled, in_chain, chain_too_long, no_number, within, still_beyond, unchanged, cooling_down, condition };

struct RuleStats {
  std::uint64_t fired = 0;
  std::uint64_t suppressed = 0;  // set off, but cooling down, in the chain already, or without its conditions
  std::uint64_t failed = 0;      // actions that could not be done
  std::optional<UnixTime> last_fired;
};

class RulesEngine final : public router::Reactor {
 public:
  RulesEngine(Surroundings surroundings, EngineOptions options);
  ~RulesEngine() override;

  void writes_as(router::SessionId session) { session_ = session; }

  // A new rule comes last; another one with its id takes its place, and if it is the same rule nothing changes: it goes on with what it remembers.
  // Its thresholds take what is there now for their side: nothing crosses because a rule is new.
  Result<void> install(Rule rule, const Now& now);
  bool remove(std::string_view id);  // with what it was going to do; false: there is none
  bool enable(std::string_view id, bool enabled);
  // Values have come back behind the router's back (recovery): thresholds take them for their side.
  void look_around();

  void webhook_failed(std::string_view rule, const std::string& why);

  const Rule* find(std::string_view id) const;
  void for_each(const std::function<void(const Rule&, const RuleStats&)>& visit) const;  // in their order
  std::size_t size() const { return by_id_.size(); }
  std::size_t delayed() const { return delayed_; }
  std::uint64_t delayed_dropped() const { return delayed_dropped_; }

  // Told of each rule that something could have set off: what became of it, and a sentence about it.
  using Watch = std::function<void(const Rule& rule, Verdict verdict, const std::string& why)>;
  void watch(Watch watch) { watch_ = std::move(watch); }

  bool concerns(std::string_view address) const override;
  std::uint32_t version() const override { return version_; }
  void react(const router::Commit& commit, const Now& now, std::vector<router::Effect>& effects) override;
  void session_opened(const router::Visitor& visitor, const Now& now, std::vector<router::Effect>& effects) override;
  void subscribed(const router::Visitor& visitor, const Pattern& pattern, const Now& now, std::vector<router::Effect>& effects) override;
  void session_closed(const router::Visitor& visitor, const Now& now, std::vector<router::Effect>& effects) override;
  void advance(const Now& now, std::vector<router::Effect>& effects) override;
  std::optional<SteadyTime> next_deadline() const override;
  void refused(const router::Effect& effect, const Error& error) override;
  void settled() override;

 private:
  enum class Side : std::uint8_t { inside, above, below };
  struct Entry;
  using Serial = std::uint64_t;  // of an entry; never used again

  // Which rules led here, the latest first.
  struct Chain {
    Serial rule = 0;
    std::uint8_t length = 0;
    std::shared_ptr<const Chain> before;
  };
  using ChainPtr = std::shared_ptr<const Chain>;

  // What sets rules off.
  struct Cause {
    std::string_view address;
    Value value;
    ChainPtr chain;
    bool is_ours = false;  // written by a rule, whichever
  };
  // Something to be done later.
  struct Task {
    Serial serial = 0;
    std::uint32_t slot = 0;
    // Actions that wait …
    bool delayed = false;
    std::size_t next_action = 0;
    std::string address;
    Value value;
    ChainPtr chain;
    // … or a trigger that comes again.
    UnixTime wall{};  // when it is due by the wall clock
    UnixTime armed_at{};
  };
  using Agenda = std::multimap<SteadyTime, Task>;

  // ---- rules_engine.cpp: which rules there are ----
  void index(const Entry& entry, std::uint32_t slot, bool add);
  void learn_sides(Entry& entry);

  // ---- rules_causes.cpp: what sets them off ----
  void fire_session(const router::Visitor& visitor, bool leaves, const std::function<bool(const SessionTrigger&, Serial)>& fits, const Now& now,
                    std::vector<router::Effect>& effects);

  // ---- rules_verdict.cpp: whether they act ----
  void consider(Entry& entry, const Cause& cause, const Now& now, std::vector<router::Effect>& effects);
  Verdict judge(Entry& entry, const Cause& cause, const Now& now, std::size_t& condition);
  // Takes note of the value, whether or not the rule acts. Nothing: it sets the rule off.
  std::optional<Verdict> observe(Entry& entry, const Cause& cause);
  Side side_of(const ThresholdTrigger& trigger, Side before, double number) const;
  bool holds_now(Condition& condition, const Cause& cause, const Now& now) const;
  void tell(const Entry& entry, Verdict verdict, std::size_t condition, const Cause& cause);

  // ---- rules_actions.cpp: what they do ----
  void perform(Entry& entry, std::size_t first_action, Cause cause, const Now& now, std::vector<router::Effect>& effects);
  void perform_one(Entry& entry, Action& action, const Cause& cause, const Now& now, std::vector<router::Effect>& effects);
  void recall_scene(Entry& entry, const SceneAction& scene, const Cause& cause, std::vector<router::Effect>& effects);
  router::Effect effect_of(const Entry& entry, const Cause& cause, std::string address);
  void call_webhook(Entry& entry, const WebhookAction& webhook, const Cause& cause, const Now& now);
  void failed(Entry& entry, std::string what);

  // ---- rules_time.cpp: what time brings ----
  Entry* entry_of(const Task& task);
  void arm(Entry& entry, const Now& now);
  void arm_schedule(const Entry& entry, Task task, UnixTime after, const Now& now);
  void disarm(Serial serial);
  void run_task(Task task, const Now& now, std::vector<router::Effect>& effects);

  Surroundings around_;
  EngineOptions options_;
  router::SessionId session_ = router::nobody;
  Watch watch_;

  std::vector<std::unique_ptr<Entry>> entries_;  // by slot
  std::vector<std::uint32_t> free_slots_;
  std::unordered_map<std::string, std::uint32_t> by_id_;
  std::uint32_t version_ = 1;    // of the index
  router::PatternTrie changes_;  // change and threshold
  router::PatternTrie events_;
  std::vector<std::uint32_t> session_rules_;  // slots
  mutable std::vector<std::uint32_t> matches_;  // scratch
  std::vector<std::pair<std::uint64_t, std::uint32_t>> ordered_;

  Agenda agenda_;
  std::size_t delayed_ = 0;
  std::uint64_t delayed_dropped_ = 0;

  std::deque<ChainPtr> chains_;  // of the effects being run; Effect::origin counts from chain_base_
  std::uint32_t chain_base_ = 0;
  std::unordered_map<std::uint64_t, std::vector<Serial>> joined_;  // by session: the rules it has joined
  Serial last_serial_ = 0;
  std::uint64_t last_order_ = 0;
};

}  // namespace clasp::rules
