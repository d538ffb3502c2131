// Rules as params: /clasp/rules/<id> holds each rule in force, /clasp/rules/<id>/enabled switches it. Whoever reads them knows what the router does
// by itself; where it is allowed, setting one installs it and setting null removes it, through whatever protocol.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "rules/rules_engine.hpp"

namespace clasp::rules {

inline constexpr std::string_view rules_address = "/clasp/rules/";
inline constexpr std::string_view rules_count_address = "/clasp/rules";  // a param: how many there are. Who lists them knows from it when it has all

class ManagedRules final : public router::Reactor, public router::Transform {
 public:
  // Puts a param of ours, or takes it away. Not called while the router calls us.
  using Put = std::function<void(const std::string& address, const std::optional<Value>& value)>;
  struct Kept {
    std::string address;
    Value value;
    std::string writer;
  };

  // `changeable`: at run time. Both outlive this.
  ManagedRules(RulesEngine& engine, bool changeable, Put put) : engine_(engine), changeable_(changeable), put_(std::move(put)) {}

  // The session that puts them; its writes of null remove, and its writer is this text.
  static constexpr std::string_view own_writer = "rules";
  void writes_as(router::SessionId session) { session_ = session; }
  void go_on_with(router::Transform* next) { next_ = next; }  // for everything that is no rule
  void lenses(transform::LensLoader loader) { lenses_ = std::move(loader); }  // of the modules rules may use that are set from now on

  // What the state had kept of them when the router started. Those of files are known by their writer; they count only if they are in a file still.
  // Returns what its user should know.
  std::vector<std::string> take_up(const std::vector<Kept>& kept, const Now& now);
  // The rules of files, instead of those before. What was installed at run time stays, but a file's rule takes the place of one with its id.
  Result<void> use(std::vector<Rule> rules, const Now& now);

  router::Transformed transform(std::string_view address, SignalType signal, const ValueView& value, const Now& now) override;

  bool concerns(std::string_view address) const override { return address.starts_with(rules_count_address) || engine_.concerns(address); }
  std::uint32_t version() const override { return engine_.version(); }
  void react(const router::Commit& commit, const Now& now, std::vector<router::Effect>& effects) override;
  void session_opened(const router::Visitor& visitor, const Now& now, std::vector<router::Effect>& effects) override {
    engine_.session_opened(visitor, now, effects);
  }
  void subscribed(const router::Visitor& visitor, const Pattern& pattern, const Now& now, std::vector<router::Effect>& effects) override {
    engine_.subscribed(visitor, pattern, now, effects);
  }
  void session_closed(const router::Visitor& visitor, const Now& now, std::vector<router::Effect>& effects) override {
    engine_.session_closed(visitor, now, effects);
  }
  void advance(const Now& now, std::vector<router::Effect>& effects) override { engine_.advance(now, effects); }
  std::optional<SteadyTime> next_deadline() const override { return engine_.next_deadline(); }
  void refused(const router::Effect& effect, const Error& error) override { engine_.refused(effect, error); }
  void settled() override { engine_.settled(); }

 private:
  void put(const std::string& address, const std::optional<Value>& value);
  void manage(const router::Commit& commit, const Now& now, std::vector<router::Effect>& effects);
  router::Transformed check(std::string_view name, const ValueView& value) const;
  void show_count();
  router::Effect own_effect(std::string_view id, std::string_view member = "") const;

  RulesEngine& engine_;
  bool changeable_;
  Put put_;
  router::SessionId session_ = router::nobody;
  router::Transform* next_ = nullptr;
  transform::LensLoader lenses_;
  std::unordered_set<std::string> of_files_;
  bool putting_ = false;
  std::optional<std::size_t> shown_count_;
};

}  // namespace clasp::rules
