#include "rules/trial.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "core/address.hpp"
#include "router/router.hpp"
#include "rules/rules_engine.hpp"

namespace clasp::rules {

namespace {

constexpr Micros length_max{std::int64_t{86'400} * 1'000'000};  // of a trial that goes on until nothing waits

class Counting final : public router::Random {
 public:
  std::uint64_t next() override { return state_ = state_ * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U; }

 private:
  std::uint64_t state_ = 1;
};

class Silent final : public router::Sink {
 public:
  std::size_t deliver(const router::Delivery&) override { return 0; }
  std::size_t reply(const router::Reply& reply) override {
    if (reply.message == nullptr) return 0;
    if (const auto* error = std::get_if<ErrorReply>(&reply.message->body)) refusal = std::string(error->message);
    return 0;
  }
  void close(const router::CloseReason&) override {}
  std::optional<std::string> refusal;
};

std::string shown(const std::optional<ValueView>& value) { return value ? printable(clasp::to_json(to_value(*value)), 200) : ""; }

// The engine, and beside it a line for everything rules write.
class Told final : public router::Reactor {
 public:
  Told(RulesEngine& engine, const std::function<void(std::string_view)>& line) : engine_(engine), line_(line) {}
  void react(const router::Commit& commit, const Now& now, std::vector<router::Effect>& effects) override {
    if (commit.provenance.origin != 0) {
      const std::string_view id = commit.writer.substr(commit.writer.find(':') + 1);
      const bool is_publish = commit.kind == router::CommitKind::publish;
      const std::string does = is_publish ? fmt::format("publishes {}", signal_name(commit.signal)) : "sets";
      line_(fmt::format("  {} {} {}{}{}", printable(id), does, commit.address, commit.value ? " = " : "", shown(commit.value)));
    }
    engine_.react(commit, now, effects);
  }
  void advance(const Now& now, std::vector<router::Effect>& effects) override { engine_.advance(now, effects); }
  std::optional<SteadyTime> next_deadline() const override { return engine_.next_deadline(); }
  void refused(const router::Effect& effect, const Error& error) override {
    line_(fmt::format("  {} could not be written: {}", printable(effect.address), error.message));
    engine_.refused(effect, error);
  }
  void settled() override { engine_.settled(); }

 private:
  RulesEngine& engine_;
  const std::function<void(std::string_view)>& line_;
};

bool is_set_off_by_time(const Rule& rule) {
  return std::holds_alternative<IntervalTrigger>(rule.trigger) || std::holds_alternative<TimeTrigger>(rule.trigger);
}

// Why a rule has not even been considered.
std::string why_not(const Rule& rule, const TrialInput& input) {
  if (is_set_off_by_time(rule)) return "it is set off by time";
  if (std::holds_alternative<SessionTrigger>(rule.trigger)) return "it is set off by sessions";
  if (const auto* event = std::get_if<EventTrigger>(&rule.trigger))
    return event->pattern.matches(input.address) ? "it is set off by events (--event)"
                                                 : fmt::format("{} is not in {}", input.address, event->pattern.text());
  const auto* change = std::get_if<ChangeTrigger>(&rule.trigger);
  const Pattern& pattern = change != nullptr ? change->pattern : std::get<ThresholdTrigger>(rule.trigger).pattern;
  return pattern.matches(input.address) ? "it is set off by params, not events" : fmt::format("{} is not in {}", input.address, pattern.text());
}

class Trial {
 public:
  Trial(const TrialInput& input, const std::function<void(std::string_view)>& line)
      : input_(input),
        line_([this, &line](std::string_view text) {
          if (!heading_.empty()) line(std::exchange(heading_, {}));  // only if something happens then
          line(text);
        }),
        now_(input.begin),
        router_({}, {.random = &random_, .log = {}}, now_),
        engine_(
            {.find = [this](std::string_view address) -> std::optional<Value> {
               const auto param = router_.find(address);
               return param ? std::optional(to_value(param->value)) : std::nullopt;
             },
             .for_each =
                 [this](const Pattern& pattern, const auto& visit) {
                   router_.for_each(pattern, [&visit](const router::Router::ParamView& param) { visit(param.address, param.value); });
                 },
             .webhook = [this](std::string_view rule, const std::string& url,
                               const std::string& body) { line_(fmt::format("  {} calls {} with {}", printable(rule), url, printable(body, 200))); },
             .local_time = input.local_time,
             .log = [this](const std::string& text) { line_("  " + text); }},
            {}),
        told_(engine_, line_) {}

  Result<void> prepare(std::vector<Rule> rules) {
    router_.set_reactor(&told_);
    engine_.writes_as(router_.open_session({.name = "rules", .writer = "rules"}, sink_, now_));
    session_ = router_.open_session({.name = "trial", .writer = "trial"}, sink_, now_);
    for (const auto& [address, value] : input_.state) {
      const EncodedValue encoded(value);
      if (auto done = router_.restore(address, encoded.view(), 1, "trial", now_.unix_time, {}, now_); !done) return done;
    }
    for (Rule& rule : rules) {
      if (!input_.length && is_set_off_by_time(rule)) {
        left_out_.push_back(rule.id);
        continue;
      }
      if (auto done = engine_.install(std::move(rule), now_); !done) return done;
    }
    engine_.watch([this](const Rule& rule, Verdict verdict, const std::string& why) {
      told_of_.insert(rule.id);
      fired_ |= verdict == Verdict::fired;
      line_(fmt::format("rule {} {}", printable(rule.id), verdict == Verdict::fired ? why : "does not fire: " + why));
    });
    return {};
  }

  Result<void> run() {
    line_(fmt::format("{} {} = {}", input_.event ? "event" : "set", input_.address, printable(clasp::to_json(input_.value), 200)));
    const EncodedValue encoded(input_.value);
    if (input_.event)
      router_.submit(session_, Message{Publish{.address = input_.address, .signal = SignalType::event, .value = encoded.view()}}, Qos::fire, {},
                     now_);
    else
      router_.submit(session_, Message{Set{.address = input_.address, .value = encoded.view()}}, Qos::fire, {}, now_);
    if (sink_.refusal) return Error{ErrorCode::invalid_value, *sink_.refusal, {}};
    engine_.for_each([this](const Rule& rule, const RuleStats&) {
      if (!told_of_.contains(rule.id)) line_(fmt::format("rule {} does not fire: {}", printable(rule.id), why_not(rule, input_)));
    });
    for (const std::string& id : left_out_) line_(fmt::format("rule {} does not fire: it is set off by time (--for)", printable(id)));
    go_on();
    return {};
  }
  bool fired() const { return fired_; }

 private:
  void go_on() {
    const SteadyTime begin = now_.steady;
    const SteadyTime end = begin + input_.length.value_or(length_max);
    for (auto due = engine_.next_deadline(); due && *due <= end && (input_.length || engine_.delayed() > 0); due = engine_.next_deadline()) {
      const Micros step = *due - now_.steady;
      now_.steady = *due;
      now_.unix_time.us += static_cast<std::uint64_t>(step.count());
      if (step.count() > 0) heading_ = fmt::format("after {} s:", static_cast<double>((now_.steady - begin).count()) / 1e6);
      router_.advance(now_);
      router_.end_turn(now_);
    }
  }

  const TrialInput& input_;
  std::string heading_;  // of the moment
  const std::function<void(std::string_view)> line_;
  Now now_;
  Counting random_;
  Silent sink_;
  router::Router router_;
  RulesEngine engine_;
  Told told_;
  router::SessionId session_ = router::nobody;
  std::set<std::string> told_of_;
  std::vector<std::string> left_out_;
  bool fired_ = false;
};

}  // namespace

Result<bool> try_rules(std::vector<Rule> rules, const TrialInput& input, const std::function<void(std::string_view line)>& line) {
  Trial trial(input, line);
  if (auto done = trial.prepare(std::move(rules)); !done) return done.error();
  if (auto done = trial.run(); !done) return done.error();
  return trial.fired();
}

}  // namespace clasp::rules
