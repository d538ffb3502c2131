// What rules cost those writes that have nothing to do with them, and those that have: the router with one subscriber, in turns of 64 SETs.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "core/check.hpp"
#include "core/codec.hpp"
#include "core/json.hpp"
#include "router/router.hpp"
#include "rules/rule_reader.hpp"
#include "rules/rules_engine.hpp"

namespace clasp::rules {
namespace {

class BenchRandom final : public router::Random {
 public:
  std::uint64_t next() override { return state_ = state_ * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U; }

 private:
  std::uint64_t state_ = 42;
};

class BenchSink final : public router::Sink {
 public:
  std::size_t deliver(const router::Delivery& delivery) override { return take(delivery.frame()); }
  std::size_t reply(const router::Reply& reply) override { return take(reply.frame); }
  void close(const router::CloseReason&) override { CLASP_CHECK(false); }
  std::size_t unsent = 0;
  std::uint64_t frames = 0;

 private:
  std::size_t take(Bytes frame) {
    ++frames;
    unsent += frame.size();
    return frame.size();
  }
};

std::vector<std::byte> frame_of(const Message& message) {
  ByteBuffer out;
  CLASP_CHECK(append_frame(out, message, Qos::fire));
  return {out.data(), out.data() + out.size()};
}

class Bench {
 public:
  // Rules on /zone/<i>/*/level. `count` 0: no engine at all, as in a router without --rules.
  explicit Bench(std::int64_t count) : engine_({}, {}), router_({}, {.random = &random_, .log = {}}, now()) {
    writer_ = open(writer_sink_);
    subscriber_ = open(subscriber_sink_);
    router_.receive(subscriber_, frame_of(Message{Subscribe{.id = 1, .pattern = "/zone/**"}}), now());
    turn();
    if (count == 0) return;
    engine_.writes_as(router_.open_session({.name = "rules", .writer = "rules"}, rules_sink_, now()));
    router_.set_reactor(&engine_);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto spec = parse_json(fmt::format(
          R"({{"id":"r{0}","trigger":{{"type":"on_change","pattern":"/zone/{0}/*/level"}},"actions":[{{"type":"set","address":"/out/{0}","value":1}}]}})",
          i));
      auto rule = read_rule(*spec, "");
      CLASP_CHECK(rule.has_value() && engine_.install(std::move(rule->rule), now()).has_value());
    }
  }

  void run(benchmark::State& state, std::string_view property) {
    std::vector<std::vector<std::byte>> frames;
    const EncodedValue value(Value(0.5));
    for (int i = 0; i < 1'000; ++i) {
      const std::string address = fmt::format("/zone/{}/lamp/{}", i, property);
      frames.push_back(frame_of(Message{Set{.address = address, .value = value.view()}}));
    }
    std::size_t i = 0;
    for (auto _ : state) {
      router_.receive(writer_, frames[i], now());
      if (++i == frames.size()) i = 0;
      if (i % 64 == 0) turn();
    }
    state.SetItemsProcessed(state.iterations());
    CLASP_CHECK(subscriber_sink_.frames >= static_cast<std::uint64_t>(state.iterations()));
    engine_.for_each([this](const Rule&, const RuleStats& stats) { fired_ += stats.fired; });
  }
  std::uint64_t fired() const { return fired_; }

 private:
  Now now() const { return {SteadyTime{us_}, UnixTime{static_cast<std::uint64_t>(us_)}, UnixTime{static_cast<std::uint64_t>(us_)}}; }
  router::LinkId open(BenchSink& sink) {
    const router::LinkId link = router_.open_link(sink, now());
    router_.receive(link, frame_of(Message{Hello{.version = 1, .features = feature::all_signals, .name = "peer"}}), now());
    return link;
  }
  void turn() {
    while (router_.end_turn(now())) {
    }
    for (const auto& [link, sink] : {std::pair{writer_, &writer_sink_}, std::pair{subscriber_, &subscriber_sink_}}) {
      if (sink->unsent > 0) router_.sent(link, std::exchange(sink->unsent, 0), now());
    }
    us_ += 100;
    router_.advance(now());
  }

  BenchRandom random_;
  std::int64_t us_ = 1'000'000;
  BenchSink writer_sink_;
  BenchSink subscriber_sink_;
  BenchSink rules_sink_;
  RulesEngine engine_;
  router::Router router_;
  router::LinkId writer_{};
  router::LinkId subscriber_{};
  std::uint64_t fired_ = 0;
};

// Beside every one of the rules' patterns, all but the last segment the same.
void BM_SetThatNoRuleIsAbout(benchmark::State& state) {
  Bench bench(state.range(0));
  bench.run(state, "hue");
  CLASP_CHECK(bench.fired() == 0);
}
BENCHMARK(BM_SetThatNoRuleIsAbout)->Arg(0)->Arg(1)->Arg(1'000)->Arg(10'000);

void BM_SetThatSetsOffOneRule(benchmark::State& state) {
  Bench bench(state.range(0));
  bench.run(state, "level");
  CLASP_CHECK(bench.fired() == static_cast<std::uint64_t>(state.iterations()));
}
BENCHMARK(BM_SetThatSetsOffOneRule)->Arg(1'000);

}  // namespace
}  // namespace clasp::rules
