// What the engine costs for one message, without sockets: one frame in, one or many out, in turns of 64 messages as a busy link makes them. The
// `Over…` rows are the curves of docs/performance.md: the same message among ever more params, subscriptions and sessions.
#include "router/router.hpp"

#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "core/check.hpp"
#include "core/codec.hpp"
#include "core/resume.hpp"

namespace clasp::router {
namespace {

constexpr std::size_t turn_messages = 64;

class BenchRandom final : public Random {
 public:
  std::uint64_t next() override { return state_ = state_ * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U; }

 private:
  std::uint64_t state_ = 42;
};

// A link that gets rid of everything by the end of the turn.
class BenchSink final : public Sink {
 public:
  std::size_t deliver(const Delivery& delivery) override { return take(delivery.frame()); }
  std::size_t reply(const Reply& reply) override { return take(reply.frame); }
  void close(const CloseReason&) override { CLASP_CHECK(false); }

  LinkId link{};
  std::size_t unsent = 0;
  std::uint64_t frames = 0;
  std::uint64_t marked = 0;
  bool marks = false;  // as a client that may resume its session does

 private:
  std::size_t take(Bytes frame) {
    ++frames;
    unsent += frame.size();
    return frame.size();
  }
};

std::vector<std::byte> frame_of(const Message& message, Qos qos = Qos::fire) {
  ByteBuffer out;
  CLASP_CHECK(append_frame(out, message, qos));
  return {out.data(), out.data() + out.size()};
}

std::vector<std::byte> set_frame(const std::string& address) {
  const EncodedValue value(Value(0.5));
  return frame_of(Message{Set{.address = address, .value = value.view()}});
}

std::vector<std::byte> event_frame(const std::string& address) {
  const EncodedValue value(Value(0.5));
  return frame_of(Message{Publish{.address = address, .signal = SignalType::event, .value = value.view()}});
}

class Bench {
 public:
  Bench() : router_({.subscriptions_per_session_max = 2'000'000, .params_max = 20'000'000}, {.random = &random_, .log = {}}, now()) {}

  BenchSink& open(bool resumable = false) {
    BenchSink& sink = sinks_.emplace_back();
    sink.link = router_.open_link(sink, now());
    Hello hello{.version = 1, .features = feature::all_signals, .name = "peer"};
    const EncodedValue wish(resume::to_value(resume::Request{}));
    if (resumable) {
      hello.features |= feature::extended;
      hello.block.emplace_back(resume::key, wish.view());
    }
    receive(sink, frame_of(Message{hello}));
    sink.frames = 0;  // MARK counts from WELCOME on
    sink.marks = resumable;
    std::vector<BenchSink*> alone{&sink};
    while (turn(alone)) {
    }
    return sink;
  }
  void subscribe(BenchSink& sink, std::uint32_t id, std::string_view pattern) {
    receive(sink, frame_of(Message{Subscribe{.id = id, .pattern = pattern}}));
  }
  void receive(BenchSink& sink, Bytes frame) { router_.receive(sink.link, frame, now()); }
  // Ends the turn for those who may have got something.
  template <typename Sinks>
  bool turn(Sinks& touched) {
    const bool more = router_.end_turn(now());
    for (BenchSink* sink : touched) {
      if (sink->unsent > 0) router_.sent(sink->link, std::exchange(sink->unsent, 0), now());
      if (!sink->marks || sink->frames - sink->marked < resume::mark_frames) continue;
      mark_.clear();
      resume::append_mark(mark_, {.frames = sink->marked = sink->frames});
      receive(*sink, mark_.view());
    }
    us_ += 100;
    router_.advance(now());
    return more;
  }
  // Until nothing is left to do, whoever it concerns.
  void settle() {
    for (bool more = true; more;) {
      more = router_.end_turn(now());
      for (BenchSink& sink : sinks_) {
        if (sink.unsent > 0) router_.sent(sink.link, std::exchange(sink.unsent, 0), now());
      }
      us_ += 100;
    }
  }
  std::deque<BenchSink>& sinks() { return sinks_; }
  void lose(BenchSink& sink) { router_.closed(sink.link, now()); }

 private:
  Now now() const { return {SteadyTime{us_}, UnixTime{static_cast<std::uint64_t>(us_)}, UnixTime{static_cast<std::uint64_t>(us_)}}; }

  ByteBuffer mark_;
  BenchRandom random_;
  std::int64_t us_ = 1'000'000;
  std::deque<BenchSink> sinks_;
  Router router_;
};

// `frames` again and again from one session, in turns.
void run(benchmark::State& state, Bench& bench, BenchSink& from, const std::vector<std::vector<std::byte>>& frames, std::vector<BenchSink*> touched) {
  std::size_t i = 0;
  std::size_t in_turn = 0;
  for (auto _ : state) {
    bench.receive(from, frames[i]);
    if (++i == frames.size()) i = 0;
    if (++in_turn == turn_messages) {
      bench.turn(touched);
      in_turn = 0;
    }
  }
  bench.turn(touched);
  state.SetItemsProcessed(state.iterations());
}

void BM_SetToOne(benchmark::State& state) {
  Bench bench;
  BenchSink& writer = bench.open();
  BenchSink& reader = bench.open();
  bench.subscribe(reader, 1, "/lights/1/dim");
  bench.settle();
  run(state, bench, writer, {set_frame("/lights/1/dim")}, {&reader});
}
BENCHMARK(BM_SetToOne);

void BM_EventToOne(benchmark::State& state) {
  Bench bench;
  BenchSink& writer = bench.open();
  BenchSink& reader = bench.open();
  bench.subscribe(reader, 1, "/cue/go");
  bench.settle();
  run(state, bench, writer, {event_frame("/cue/go")}, {&reader});
}
BENCHMARK(BM_EventToOne);

// The second argument: whether the readers may resume their sessions.
void BM_SetToMany(benchmark::State& state) {
  Bench bench;
  BenchSink& writer = bench.open();
  std::vector<BenchSink*> readers;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    readers.push_back(&bench.open(state.range(1) != 0));
    bench.subscribe(*readers.back(), 1, "/lights/**");
  }
  bench.settle();
  run(state, bench, writer, {set_frame("/lights/1/dim")}, readers);
  state.counters["deliveries/s"] = benchmark::Counter(static_cast<double>(state.iterations() * state.range(0)), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_SetToMany)->ArgsProduct({{10, 100, 1'000}, {0, 1}});

// What a session costs whose client is away: it had one subscription and has heard 1,000 events, of which the last 50 may not have arrived.
void BM_AwaySessions(benchmark::State& state) {
  constexpr std::size_t count = 2'000;
  for (auto _ : state) {
    Bench bench;
    BenchSink& writer = bench.open();
    std::vector<BenchSink*> away;
    const auto event = event_frame("/lights/go");
    bench.receive(writer, event);
    const std::size_t before = mallinfo2().uordblks;
    for (std::size_t i = 0; i < count; ++i) {
      away.push_back(&bench.open(true));
      bench.subscribe(*away.back(), 1, "/lights/**");
    }
    for (int i = 0; i < 1'000; ++i) {
      bench.receive(writer, event);
      if (i % 50 == 0) bench.turn(away);
    }
    for (BenchSink* sink : away) bench.lose(*sink);
    state.counters["B/session"] = static_cast<double>(mallinfo2().uordblks - before) / count;
  }
}
BENCHMARK(BM_AwaySessions)->Iterations(1);

// Somebody else subscribes and unsubscribes once in so many SETs: what the caches of who listens are worth when they are thrown away (0: never).
void BM_SetWithChurn(benchmark::State& state) {
  Bench bench;
  BenchSink& writer = bench.open();
  BenchSink& reader = bench.open();
  BenchSink& restless = bench.open();
  for (std::uint32_t i = 0; i < 100; ++i) bench.subscribe(reader, i, "/lights/" + std::to_string(i) + "/**");
  bench.settle();
  std::vector<std::vector<std::byte>> frames;
  for (int i = 0; i < 100; ++i) frames.push_back(set_frame("/lights/" + std::to_string(i) + "/dim"));
  const auto subscribe = frame_of(Message{Subscribe{.id = 1, .pattern = "/elsewhere/*"}});
  const auto unsubscribe = frame_of(Message{Unsubscribe{.id = 1}});
  std::vector<BenchSink*> touched{&writer, &reader, &restless};
  std::size_t i = 0;
  bool subscribed = false;
  for (auto _ : state) {
    bench.receive(writer, frames[i % frames.size()]);
    if (state.range(0) > 0 && i % static_cast<std::size_t>(state.range(0)) == 0) {
      bench.receive(restless, subscribed ? unsubscribe : subscribe);
      subscribed = !subscribed;
    }
    if (++i % turn_messages == 0) bench.turn(touched);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_SetWithChurn)->Arg(0)->Arg(1'000)->Arg(100)->Arg(10)->Arg(1);

constexpr std::size_t hot_params = 10;  // those that are written, the same number among however many

// One subscriber hears the params that are written; the others just are there.
void BM_SetOverParams(benchmark::State& state) {
  Bench bench;
  BenchSink& writer = bench.open();
  BenchSink& reader = bench.open();
  bench.subscribe(reader, 1, "/hot/*");
  std::vector<std::vector<std::byte>> hot;
  for (std::size_t i = 0; i < hot_params; ++i) hot.push_back(set_frame("/hot/" + std::to_string(i)));
  std::vector<BenchSink*> both{&writer, &reader};
  for (std::int64_t i = 0; i < state.range(0) - static_cast<std::int64_t>(hot_params); ++i) {
    bench.receive(writer, set_frame("/house/" + std::to_string(i / 100) + "/light/" + std::to_string(i % 100)));
    if (i % 1'000 == 0) bench.turn(both);
  }
  bench.settle();
  run(state, bench, writer, hot, both);
}
BENCHMARK(BM_SetOverParams)->Arg(10)->Arg(1'000)->Arg(100'000)->Arg(1'000'000)->Arg(10'000'000);

// The written params have one subscriber each whatever else is subscribed; half of the others have wildcards.
void BM_SetOverSubscriptions(benchmark::State& state) {
  constexpr std::int64_t per_session = 1'000;
  Bench bench;
  BenchSink& writer = bench.open();
  BenchSink& reader = bench.open();
  std::vector<std::vector<std::byte>> hot;
  for (std::size_t i = 0; i < hot_params; ++i) hot.push_back(set_frame("/hot/" + std::to_string(i)));
  bench.subscribe(reader, 1, "/hot/*");
  BenchSink* other = nullptr;
  for (std::int64_t i = 0; i < state.range(0) - 1; ++i) {
    if (i % per_session == 0) other = &bench.open();
    const std::string room = "/house/" + std::to_string(i / 100);
    bench.subscribe(*other, static_cast<std::uint32_t>(i % per_session),
                    i % 2 == 0 ? room + "/light/" + std::to_string(i % 100) : room + "/*/" + std::to_string(i % 100));
  }
  bench.settle();
  run(state, bench, writer, hot, {&writer, &reader});
}
BENCHMARK(BM_SetOverSubscriptions)->Arg(1)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

// The others have one subscription each and hear nothing.
void BM_SetOverSessions(benchmark::State& state) {
  Bench bench;
  BenchSink& writer = bench.open();
  BenchSink& reader = bench.open();
  bench.subscribe(reader, 1, "/hot/*");
  std::vector<std::vector<std::byte>> hot;
  for (std::size_t i = 0; i < hot_params; ++i) hot.push_back(set_frame("/hot/" + std::to_string(i)));
  const std::size_t before = ::mallinfo2().uordblks;
  for (std::int64_t i = 0; i < state.range(0) - 1; ++i) bench.subscribe(bench.open(), 1, "/phone/" + std::to_string(i) + "/*");
  bench.settle();
  state.counters["bytes/session"] =
      static_cast<double>(::mallinfo2().uordblks - before) / static_cast<double>(std::max<std::int64_t>(state.range(0) - 1, 1)) - sizeof(BenchSink);
  run(state, bench, writer, hot, {&writer, &reader});
}
BENCHMARK(BM_SetOverSessions)->Arg(1)->Arg(1'000)->Arg(19'000)->Arg(100'000)->Arg(1'000'000);

}  // namespace
}  // namespace clasp::router
