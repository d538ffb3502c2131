// Rules in a router without sockets, so that a test reads as a transcript.
#pragma once

#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

#include "core/json.hpp"
#include "router/router_fixture.hpp"
#include "rules/rule_source.hpp"
#include "rules/rules_engine.hpp"

namespace clasp::rules {

using router::FakeSink;
using router::Peer;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class RulesTest : public router::RouterTest {
 protected:
  explicit RulesTest(EngineOptions options = {})
      : engine({.find = [this](std::string_view address) -> std::optional<Value> {
                  const auto param = router().find(address);
                  return param ? std::optional(to_value(param->value)) : std::nullopt;
                },
                .for_each =
                    [this](const Pattern& pattern, const auto& visit) {
                      router().for_each(pattern, [&](const router::Router::ParamView& p) { visit(p.address, p.value); });
                    },
                .webhook = [this](std::string_view rule, const std::string& url,
                                  const std::string& body) { calls.push_back(fmt::format("{} {} {}", rule, url, body)); },
                .local_time = {},
                .log = [this](std::string line) { log.push_back(std::move(line)); }},
               options) {
    configure({}, {.reactor = &engine});
    engine.writes_as(router().open_session({.name = "rules", .writer = "rules"}, unused, world().now()));
    engine.watch([this](const Rule& rule, Verdict, const std::string& why) { verdicts.push_back(rule.id + ": " + why); });
  }

  void install(std::string_view text) {
    RuleSource source;
    const auto read = read_rules(text, "test", source);
    ASSERT_TRUE(read) << read.error().message;
    auto compiled = compile_rules(source);
    ASSERT_TRUE(compiled) << compiled.error().message;
    for (Rule& rule : compiled->rules) {
      const auto done = engine.install(std::move(rule), world().now());
      ASSERT_TRUE(done) << done.error().message;
    }
  }
  // {"type":"on_change","pattern":"/x"} and so on: sets /out to what set it off.
  void install_copy(std::string_view trigger, std::string_view rest = "") {
    install(fmt::format(R"({{"id":"r","trigger":{},"actions":[{{"type":"set_from_trigger","address":"/out"}}]{}}})", trigger, rest));
  }
  std::vector<std::string> heard() { return std::exchange(verdicts, {}); }
  RuleStats stats(std::string_view id) {
    RuleStats found;
    engine.for_each([&](const Rule& rule, const RuleStats& its) { found = rule.id == id ? its : found; });
    return found;
  }
  std::string value(std::string_view address) {
    const auto param = router().find(address);
    return param ? router::describe_value(param->value) : "absent";
  }

  std::vector<std::string> verdicts;
  std::vector<std::string> log;
  std::vector<std::string> calls;
  RulesEngine engine;
  FakeSink unused;
};

}  // namespace clasp::rules
