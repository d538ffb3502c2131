// Random rules in a random show: whatever they are, the right ones are considered in the right order, chains and delays come to an end, cooldowns
// hold, and it makes no difference whether the router remembers which params concern none. CLASP_SEED=… runs a single one.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>

#include "rules/rule_reader.hpp"
#include "rules/rules_testing.hpp"

namespace clasp::rules {
namespace {

class Show final : public router::Reactor {
 public:
  // `remembers`: the router asks once whether a param concerns any rule.
  Show(std::uint64_t seed, bool remembers)
      : remembers_(remembers),
        random_(seed),
        engine_({.find = [this](std::string_view address) -> std::optional<Value> {
                   const auto param = world_->router->find(address);
                   return param ? std::optional(to_value(param->value)) : std::nullopt;
                 },
                 .for_each =
                     [this](const Pattern& pattern, const auto& visit) {
                       world_->router->for_each(pattern, [&visit](const router::Router::ParamView& param) { visit(param.address, param.value); });
                     },
                 .webhook = {},
                 .local_time = {},
                 .log = {}},
                {.chain_max = 4}),
        world_(std::make_unique<router::World>(router::Config{}, router::Hooks{.reactor = this, .log = {}})) {
    engine_.writes_as(world_->router->open_session({.name = "rules", .writer = "rules"}, sink_, world_->now()));
    engine_.watch([this](const Rule& rule, Verdict verdict, const std::string&) {
      considered_.push_back(rule.id);
      if (verdict != Verdict::fired) return;
      const SteadyTime now = world_->now().steady;
      const auto last = fired_at_.find(rule.id);
      if (rule.cooldown && last != fired_at_.end()) {
        EXPECT_GE((now - last->second).count(), rule.cooldown->count()) << rule.id;
      }
      fired_at_[rule.id] = now;
      ++firings_;
    });
    desk_ = &world_->connect("desk");
    remover_ = world_->router->open_session({.name = "remover"}, sink_, world_->now());
    for (int i = 0; i < 10; ++i) install();
  }

  bool concerns(std::string_view address) const override { return !remembers_ || engine_.concerns(address); }
  std::uint32_t version() const override { return engine_.version(); }
  // The index against asking each rule.
  void react(const router::Commit& commit, const Now& now, std::vector<router::Effect>& effects) override {
    std::vector<std::string> expected;
    engine_.for_each([&](const Rule& rule, const RuleStats&) {
      const bool is_event = commit.kind == router::CommitKind::publish && commit.signal == SignalType::event;
      if (commit.kind == router::CommitKind::publish && !is_event) return;
      const Pattern* pattern = nullptr;
      if (const auto* change = std::get_if<ChangeTrigger>(&rule.trigger); change != nullptr && !is_event) pattern = &change->pattern;
      if (const auto* threshold = std::get_if<ThresholdTrigger>(&rule.trigger); threshold != nullptr && !is_event) pattern = &threshold->pattern;
      if (const auto* event = std::get_if<EventTrigger>(&rule.trigger); event != nullptr && is_event) pattern = &event->pattern;
      if (pattern != nullptr && pattern->matches(commit.address)) expected.push_back(rule.id);
    });
    considered_.clear();
    engine_.react(commit, now, effects);
    EXPECT_EQ(considered_, expected) << commit.address;
    EXPECT_LE(commit.provenance.hops, 4);
    if (expected.empty()) return;
    transcript_ += fmt::format("{} {} {} {}\n", now.steady.us, commit.address, commit.value ? router::describe_value(*commit.value) : "-",
                               commit.provenance.origin != 0 ? commit.writer : "desk");
  }
  void advance(const Now& now, std::vector<router::Effect>& effects) override { engine_.advance(now, effects); }
  std::optional<SteadyTime> next_deadline() const override { return engine_.next_deadline(); }
  void settled() override { engine_.settled(); }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) step();
    // What time sets off ends; what waits is done.
    for (std::uint64_t i = 0; i < ids; ++i) {
      const Rule* rule = engine_.find(id(i));
      if (rule != nullptr && std::holds_alternative<IntervalTrigger>(rule->trigger)) engine_.remove(id(i));
    }
    world_->advance(std::chrono::seconds(20));  // four rules in a row, with half a second for each of their actions at most
    EXPECT_EQ(engine_.delayed(), 0u);
    EXPECT_EQ(world_->router->stats().effects_dropped, 0u);
    EXPECT_GT(firings_, 0u);
  }
  const std::string& transcript() const { return transcript_; }

 private:
  static constexpr std::uint64_t ids = 14;
  bool remembers_;

  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  template <std::size_t n>
  std::string one_of(const char* const (&texts)[n]) {
    return texts[below(n)];
  }
  static std::string id(std::uint64_t number) { return fmt::format("r{}", number); }
  std::string address() { return one_of({"/a", "/b", "/c", "/d/x", "/d/y", "/e/x/z"}); }
  std::string pattern() { return one_of({"/a", "/b", "/c", "/*", "/d/*", "/d/x", "/**", "/**/x", "/e/**", "/*/x*", "/d/**/y"}); }

  Value trigger() {
    switch (below(6)) {
      case 0: return Map{{"type", "on_threshold"}, {"address", pattern()}, {"above", static_cast<std::int64_t>(below(5))}, {"below", -1}};
      case 1: return Map{{"type", "on_event"}, {"pattern", pattern()}};
      case 2: return Map{{"type", "on_interval"}, {"seconds", 0.05 + static_cast<double>(below(100)) / 50}};
      default: return Map{{"type", "on_change"}, {"pattern", pattern()}, {"only_changes", below(3) == 0}};
    }
  }
  Value action() {
    switch (below(5)) {
      case 0: return Map{{"type", "publish"}, {"address", address()}};
      case 1: return Map{{"type", "delay"}, {"milliseconds", static_cast<std::int64_t>(below(500))}};
      case 2: return Map{{"type", "set_from_trigger"}, {"address", address()}, {"transform", "Identity"}};
      case 3: return Map{{"type", "scene"}, {"values", Map{{address(), 1}, {"/scene", static_cast<std::int64_t>(below(5))}}}};
      default: return Map{{"type", "set"}, {"address", address()}, {"value", static_cast<std::int64_t>(below(6))}};
    }
  }
  void install() {
    Map spec{{"id", id(below(ids))}, {"trigger", trigger()}};
    if (below(3) == 0) spec.emplace_back("conditions", Array{Map{{"address", address()}, {"op", one_of({"eq", "ne", "gt", "lte"})}, {"value", static_cast<std::int64_t>(below(4))}}});
    Array actions;
    for (std::uint64_t i = 0; i <= below(3); ++i) actions.push_back(action());
    spec.emplace_back("actions", std::move(actions));
    if (below(3) == 0) spec.emplace_back("cooldown", static_cast<double>(below(1'000)) / 1'000);
    auto rule = read_rule(Value(std::move(spec)), "");
    ASSERT_TRUE(rule) << rule.error().message;
    fired_at_.erase(rule->rule.id);  // another rule, or the same: its cooldown is only looked at anew
    const auto done = engine_.install(std::move(rule->rule), world_->now());
    ASSERT_TRUE(done) << done.error().message;
  }
  void step() {
    switch (below(10)) {
      case 0: return world_->advance(Micros{static_cast<std::int64_t>(below(800'000))});
      case 1: return desk_->publish(address(), static_cast<std::int64_t>(below(6)));
      case 2: {
        const EncodedValue one(static_cast<std::int64_t>(below(6)));
        const std::string first = address();
        const std::string second = address();
        return desk_->bundle({Message{Set{.address = first, .value = one.view()}}, Message{Set{.address = second, .value = one.view()}}});
      }
      case 3:
        if (below(4) == 0) return install();
        engine_.enable(id(below(ids)), below(3) != 0);
        return;
      case 4:
        if (below(4) == 0) engine_.remove(id(below(ids)));
        static_cast<void>(world_->router->remove(remover_, address(), world_->now()));  // its place in the store goes to another
        return;
      default: return desk_->set(address(), static_cast<std::int64_t>(below(8)) - 2);
    }
  }

  std::mt19937_64 random_;
  RulesEngine engine_;
  FakeSink sink_;
  std::unique_ptr<router::World> world_;
  Peer* desk_ = nullptr;
  router::SessionId remover_ = router::nobody;
  std::vector<std::string> considered_;
  std::map<std::string, SteadyTime> fired_at_;
  std::uint64_t firings_ = 0;
  std::string transcript_;
};

TEST(RulesSimulation, AnyRulesInAnyShow) {
  std::vector<std::uint64_t> seeds;
  if (const char* given = std::getenv("CLASP_SEED")) {
    seeds.push_back(std::strtoull(given, nullptr, 10));
  } else {
    for (std::uint64_t seed = 1; seed <= 25; ++seed) seeds.push_back(seed);
  }
  for (const std::uint64_t seed : seeds) {
    SCOPED_TRACE(fmt::format("replay with CLASP_SEED={}", seed));
    Show show(seed, true);
    show.run(200);
    Show again(seed, false);
    again.run(200);
    ASSERT_EQ(show.transcript(), again.transcript());
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace clasp::rules
