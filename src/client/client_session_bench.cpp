// What the session costs without sockets: sending a SET, hearing one.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "client/client_session.hpp"
#include "core/check.hpp"

namespace clasp::client {
namespace {

class Counter final : public SessionListener {
 public:
  void connected() override {}
  void disconnected(std::string_view) override {}
  void reconnecting(std::uint32_t) override {}
  void gave_up(const Error&) override {}
  void arrived(const Item& item) override { deliveries += item.subscriptions.size(); }
  void answered(Ticket, const Answer&) override { ++answers; }
  void failed(Ticket, const Error&) override {}
  void reported(const Error&) override {}
  std::size_t deliveries = 0;
  std::size_t answers = 0;
};

constexpr Now now{.steady = {1'000'000}, .unix_time = {1'000'000}, .received = {1'000'000}};

void connect(ClientSession& session) {
  session.begin(now);
  session.link_opened(now);
  ByteBuffer welcome;
  CLASP_CHECK(append_frame(welcome, Message{Welcome{.features = 0xf8, .time = {1}, .session = "s", .name = "r", .token = {}, .block = {}}}));
  session.receive(welcome.view(), now);
  CLASP_CHECK(session.is_active());
}

void BM_SendSet(benchmark::State& state) {
  Counter counter;
  ClientSession session({}, counter, 1);
  connect(session);
  const EncodedValue value(Value(0.5));
  ByteBuffer out;
  for (auto _ : state) {
    CLASP_CHECK(session.set({.address = "/stage/lights/12/dim", .value = value.view(), .revision = {}, .ttl = {}}, now).has_value());
    if (session.unsent_bytes() > 1'000'000) {
      session.take_output(out);
      session.sent(out.size());
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_SendSet);

void BM_ConfirmSet(benchmark::State& state) {
  Counter counter;
  ClientSession session({}, counter, 1);
  connect(session);
  const EncodedValue value(Value(0.5));
  ByteBuffer out;
  ByteBuffer ack;
  CLASP_CHECK(append_frame(ack, Message{Ack{.address = "/stage/lights/12/dim", .revision = 7, .locked = {}, .holder = {}, .correlation_id = {}}}));
  std::uint64_t ticket = 0;
  for (auto _ : state) {
    CLASP_CHECK(session
                    .set_confirmed({.address = "/stage/lights/12/dim", .value = value.view(), .revision = {}, .ttl = {}}, Ticket{++ticket},
                                   now.steady + Micros{1'000'000}, now)
                    .has_value());
    session.receive(ack.view(), now);
    session.take_output(out);
    session.sent(out.size());
  }
  CLASP_CHECK(counter.answers == ticket);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ConfirmSet);

// Argument: subscriptions, of which two match.
void BM_HearSet(benchmark::State& state) {
  Counter counter;
  ClientSession session({}, counter, 1);
  connect(session);
  for (std::int64_t i = 2; i < state.range(0); ++i) {
    CLASP_CHECK(session.subscribe(fmt::format("/other/{}/**", i), TypeMask::all(), {}, now).has_value());
  }
  CLASP_CHECK(session.subscribe("/**", TypeMask::all(), {}, now).has_value());
  CLASP_CHECK(session.subscribe("/stage/*/12/dim", TypeMask::all(), {}, now).has_value());
  const EncodedValue value(Value(0.5));
  ByteBuffer frame;
  CLASP_CHECK(append_frame(frame, Set{.address = "/stage/lights/12/dim", .value = value.view(), .revision = 7, .ttl = {}}));
  for (auto _ : state) session.receive(frame.view(), now);
  CLASP_CHECK(counter.deliveries == 2 * static_cast<std::size_t>(state.iterations()));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_HearSet)->Arg(2)->Arg(1'000);

}  // namespace
}  // namespace clasp::client
