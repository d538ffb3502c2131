#include "server/rules.hpp"

#include <fmt/format.h>

#include "core/address.hpp"
#include "io/io_loop.hpp"
#include "router/router.hpp"
#include "rules/local_time.hpp"
#include "server/metrics.hpp"

namespace clasp::server {

namespace {

constexpr std::size_t rules_shown_max = 1'000;  // in /metrics, for each has rows of its own

}  // namespace

// The sessions of the rules hear nothing.
class Rules::Nobody final : public router::Sink {
 public:
  std::size_t deliver(const router::Delivery&) override { return 0; }
  std::size_t reply(const router::Reply&) override { return 0; }
  void close(const router::CloseReason&) override {}
};

void forget_shown_rules(router::Router& router, const Now& now) {
  std::vector<std::string> shown;
  router.for_each(*Pattern::parse(fmt::format("{}**", rules::rules_address)), [&shown](const router::Router::ParamView& param) {
    if (param.writer == rules::ManagedRules::own_writer) shown.emplace_back(param.address);
  });
  if (shown.empty()) return;
  Rules::Nobody sink;
  const auto session = router.open_session(
      {.name = "rules-manager", .grants = router::open_grants(), .writer = std::string(rules::ManagedRules::own_writer)}, sink, now);
  for (const std::string& address : shown) static_cast<void>(router.remove(session, address, now));
  router.close_session(session, now);
}

Rules::Rules(router::Router& router, io::IoLoop& loop, bool at_run_time, std::string webhook_secret, Logs logs)
    : router_(router),
      logs_(std::move(logs)),
      sink_(std::make_unique<Nobody>()),
      webhooks_(loop, std::move(webhook_secret), [this](std::string_view rule, const std::string& why) { engine_.webhook_failed(rule, why); }),
      engine_({.find = [&router](std::string_view address) -> std::optional<Value> {
                 const auto param = router.find(address);
                 return param ? std::optional(to_value(param->value)) : std::nullopt;
               },
               .for_each =
                   [&router](const Pattern& pattern, const auto& visit) {
                     router.for_each(pattern, [&visit](const router::Router::ParamView& param) { visit(param.address, param.value); });
                   },
               .webhook = [this](std::string_view rule, const std::string& url, const std::string& body) { webhooks_.call(rule, url, body); },
               .local_time = rules::machine_zone,
               .log = [this](const std::string& line) { paced_.line("rule", line, io::steady_now(), logs_.warn); }},
              {.chain_max = router.config().rule_hops_max}),
      managed_(engine_, at_run_time, [this](const std::string& address, const std::optional<Value>& value) {
        const EncodedValue encoded(value.value_or(Value()));
        if (!encoded.ok()) return logs_.warn(fmt::format("{} is not shown: the rule does not fit a message", printable(address)));
        router_.submit(manager_, Message{Set{.address = address, .value = encoded.view()}}, Qos::fire, {}, io::read_clocks());
      }) {
  if (logs_.debug) {
    engine_.watch([this](const rules::Rule& rule, rules::Verdict verdict, const std::string& why) {
      logs_.debug(fmt::format("rule {} {}{}", printable(rule.id), verdict == rules::Verdict::fired ? "" : "does not fire: ", why));
    });
  }
}

Rules::~Rules() {
  router_.set_reactor(nullptr);
  const Now now = io::read_clocks();
  router_.close_session(writer_, now);
  router_.close_session(manager_, now);
}

Result<void> Rules::start(rules::CompiledRules compiled) {
  const Now now = io::read_clocks();
  writer_ = router_.open_session({.name = "rules", .grants = router::open_grants(), .writer = "rules"}, *sink_, now);
  manager_ = router_.open_session(
      {.name = "rules-manager", .grants = router::open_grants(), .null_removes = true, .writer = std::string(rules::ManagedRules::own_writer)},
      *sink_, now);
  engine_.writes_as(writer_);
  managed_.writes_as(manager_);
  router_.set_reactor(&managed_);
  std::vector<rules::ManagedRules::Kept> kept;
  router_.for_each(*Pattern::parse(fmt::format("{}**", rules::rules_address)), [&kept](const router::Router::ParamView& param) {
    if (param.address.starts_with(rules::rules_address))
      kept.push_back({std::string(param.address), to_value(param.value), std::string(param.writer)});
  });
  for (const std::string& note : managed_.take_up(kept, now)) logs_.warn(note);
  return use(std::move(compiled));
}

Result<void> Rules::use(rules::CompiledRules compiled) {
  for (const std::string& note : compiled.notes) logs_.warn(note);
  return managed_.use(std::move(compiled.rules), io::read_clocks());
}

router::Transform* Rules::in_front_of(router::Transform* next) {
  managed_.go_on_with(next);
  return &managed_;
}

void Rules::append_metrics(std::string& out) const {
  fmt::format_to(
      std::back_inserter(out),
      "# HELP clasp_rules Rules there are.\n# TYPE clasp_rules gauge\nclasp_rules {}\n"
      "# HELP clasp_rules_delayed Actions of rules that wait for their time.\n# TYPE clasp_rules_delayed gauge\nclasp_rules_delayed {}\n"
      "# HELP clasp_rules_delayed_dropped_total Actions dropped because too many waited.\n# TYPE clasp_rules_delayed_dropped_total counter\n"
      "clasp_rules_delayed_dropped_total {}\n"
      "# HELP clasp_webhooks_waiting Webhooks under way or waiting for another attempt.\n# TYPE clasp_webhooks_waiting gauge\nclasp_webhooks_waiting "
      "{}\n"
      "# HELP clasp_webhooks_total What became of webhooks.\n# TYPE clasp_webhooks_total counter\n"
      "clasp_webhooks_total{{what=\"delivered\"}} {}\nclasp_webhooks_total{{what=\"retries\"}} {}\nclasp_webhooks_total{{what=\"failed\"}} {}\n"
      "# HELP clasp_rule_total What became of each rule.\n# TYPE clasp_rule_total counter\n",
      engine_.size(), engine_.delayed(), engine_.delayed_dropped(), webhooks_.waiting(), webhooks_.stats().delivered, webhooks_.stats().retries,
      webhooks_.stats().failed);
  std::size_t shown = 0;
  engine_.for_each([&](const rules::Rule& rule, const rules::RuleStats& stats) {
    if (++shown > rules_shown_max) return;
    const std::pair<const char*, std::uint64_t> rows[] = {{"fired", stats.fired}, {"suppressed", stats.suppressed}, {"failed", stats.failed}};
    for (const auto& [what, count] : rows)
      fmt::format_to(std::back_inserter(out), "clasp_rule_total{{rule=\"{}\",what=\"{}\"}} {}\n", label_text(rule.id), what, count);
  });
}

}  // namespace clasp::server
