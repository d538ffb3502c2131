#include <fmt/format.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>

#include "bench/scenario_parts.hpp"

namespace clasp::bench {

Result<void> measure_latency(const Target& target, const Sizes& sizes, Figures& figures) {
  auto publisher = open_publisher(target);
  if (!publisher) return publisher.error();
  auto subscriber = open_subscriber(target, bench_address);
  if (!subscriber) return subscriber.error();
  Counting counting(target.protocol, bench_address, sizes.value_bytes);
  Hearing hearing(target.protocol, bench_address, sizes.value_bytes);
  const Peer::OnFrame hear = [&hearing](Bytes frame) { hearing.frame(frame); };
  std::vector<double> samples;
  samples.reserve(sizes.latency_samples);
  for (std::size_t i = 0; i < sizes.latency_warm_up + sizes.latency_samples; ++i) {
    (*publisher)->acknowledge_quickly();
    (*subscriber)->acknowledge_quickly();
    (*publisher)->put(counting.next());
    const auto begin = Clock::now();
    if (auto sent = (*publisher)->flush(); !sent) return sent;
    if (auto heard = (*subscriber)->read_until(hear, [&] { return hearing.count() >= counting.count(); }); !heard) return heard;
    if (i >= sizes.latency_warm_up) samples.push_back(us_between(begin, Clock::now()));
  }
  if (hearing.wrong() > 0) return wrong_deliveries("hop", target, hearing.wrong());
  add_quantiles(figures, "hop", target, samples);
  return {};
}

namespace {

struct Subscriber {
  std::unique_ptr<Peer> peer;
  Hearing hearing;
};

// Reads until everybody has number `count`.
Result<void> collect(int epoll, std::vector<Subscriber>& subscribers, std::uint64_t count) {
  std::array<epoll_event, 256> events;
  for (std::size_t missing = subscribers.size(); missing > 0;) {
    const int n = ::epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 10'000);
    if (n <= 0) return bench_error(fmt::format("{} of {} subscribers heard nothing", missing, subscribers.size()));
    for (int i = 0; i < n; ++i) {
      Subscriber& subscriber = subscribers[events[static_cast<std::size_t>(i)].data.u32];
      const bool had_it = subscriber.hearing.count() >= count;
      const auto frames = subscriber.peer->read([&subscriber](Bytes frame) { subscriber.hearing.frame(frame); });
      if (!frames) return frames.error();
      if (!had_it && subscriber.hearing.count() >= count) --missing;
    }
  }
  return {};
}

Result<void> measure_fanout_to(const Target& target, std::size_t count, const Sizes& sizes, Figures& figures) {
  auto publisher = open_publisher(target);
  if (!publisher) return publisher.error();
  const Descriptor epoll{::epoll_create1(EPOLL_CLOEXEC)};
  std::vector<Subscriber> subscribers;
  for (std::size_t i = 0; i < count; ++i) {
    auto peer = open_subscriber(target, bench_address);
    if (!peer) return peer.error();
    subscribers.push_back({.peer = std::move(*peer), .hearing = Hearing(target.protocol, bench_address, sizes.value_bytes)});
    epoll_event event{.events = EPOLLIN, .data = {.u32 = static_cast<std::uint32_t>(i)}};
    if (::epoll_ctl(epoll.value, EPOLL_CTL_ADD, subscribers[i].peer->descriptor(), &event) != 0) return bench_error("epoll_ctl failed");
  }
  Counting counting(target.protocol, bench_address, sizes.value_bytes);
  const std::size_t measured = std::max(sizes.fanout_samples_min, sizes.fanout_deliveries / count);
  const std::size_t warm_up = measured / 10 + 1;
  std::vector<double> samples;
  samples.reserve(measured);
  for (std::size_t i = 0; i < warm_up + measured; ++i) {
    (*publisher)->acknowledge_quickly();
    for (const Subscriber& subscriber : subscribers) subscriber.peer->acknowledge_quickly();
    (*publisher)->put(counting.next());
    const auto begin = Clock::now();
    if (auto sent = (*publisher)->flush(); !sent) return sent;
    if (auto all = collect(epoll.value, subscribers, counting.count()); !all) return all;
    if (i >= warm_up) samples.push_back(us_between(begin, Clock::now()));
  }
  const std::string test = fmt::format("fan-out {}", count);
  std::uint64_t wrong = 0;
  for (const Subscriber& subscriber : subscribers) wrong += subscriber.hearing.wrong();
  if (wrong > 0) return wrong_deliveries(test, target, wrong);
  add_quantiles(figures, test, target, samples);
  return {};
}

}  // namespace

Result<void> measure_fanout(const Target& target, const Sizes& sizes, Figures& figures) {
  for (const std::size_t count : {10U, 100U, 1'000U}) {
    if (count > sizes.fanout_subscribers_max || count > descriptors_max()) break;
    if (auto done = measure_fanout_to(target, count, sizes, figures); !done) return done;
  }
  return {};
}

}  // namespace clasp::bench
