#include "bench/scenarios.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string>
#include <vector>

#include "bench/session.hpp"

namespace clasp::bench {

namespace {

constexpr std::string_view address = "/bench/value";

double us_between(Clock::time_point from, Clock::time_point to) { return std::chrono::duration<double, std::micro>(to - from).count(); }

Result<std::unique_ptr<Peer>> open_publisher(const Target& target) {
  auto session = open_session(target, Interest::publishing);
  if (!session) return session.error();
  return std::move(session->peer);
}

Result<std::unique_ptr<Peer>> open_subscriber(const Target& target, std::string_view pattern) {
  auto session = open_session(target, Interest::everything);
  if (!session) return session.error();
  if (auto done = subscribe(target, *session->peer, pattern); !done) return done.error();
  return std::move(session->peer);
}

Error wrong_deliveries(std::string_view test, const Target& target, std::uint64_t wrong) {
  return bench_error(fmt::format("{}, {}: {} messages lost, conflated or changed", test, target.name, wrong));
}

void add_quantiles(Figures& figures, std::string_view test, const Target& target, std::vector<double>& samples) {
  figures.add(test, "p50", "µs", target.name, quantile(samples, 0.5));
  figures.add(test, "p95", "µs", target.name, quantile(samples, 0.95));
  figures.add(test, "p99", "µs", target.name, quantile(samples, 0.99));
  figures.add(test, "max", "µs", target.name, quantile(samples, 1));
}

}  // namespace

Result<void> measure_latency(const Target& target, const Sizes& sizes, Figures& figures) {
  auto publisher = open_publisher(target);
  if (!publisher) return publisher.error();
  auto subscriber = open_subscriber(target, address);
  if (!subscriber) return subscriber.error();
  Counting counting(address);
  Hearing hearing(address);
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

Result<void> measure_batches(const Target& target, std::size_t batch, std::size_t messages, Figures& figures) {
  auto publisher = open_publisher(target);
  if (!publisher) return publisher.error();
  auto subscriber = open_subscriber(target, address);
  if (!subscriber) return subscriber.error();
  Counting counting(address);
  Hearing hearing(address);
  const Peer::OnFrame hear = [&hearing](Bytes frame) { hearing.frame(frame); };
  const std::uint64_t warm_up = messages / 10;
  const std::uint64_t total = warm_up + messages;
  Clock::time_point begin{};
  std::uint64_t heard_at_begin = 0;
  while (hearing.count() < total) {
    while (counting.count() < total && counting.count() - hearing.count() + batch <= in_flight_max) {
      for (std::size_t i = 0; i < batch; ++i) (*publisher)->put(counting.next());
      if (auto sent = (*publisher)->flush(); !sent) return sent;
    }
    if (auto readable = (*subscriber)->wait_readable(Clock::now() + answer_max); !readable) return readable;
    if (const auto frames = (*subscriber)->read(hear); !frames) return frames.error();
    if (heard_at_begin == 0 && hearing.count() >= warm_up) {
      begin = Clock::now();
      heard_at_begin = hearing.count();
    }
  }
  const double us = us_between(begin, Clock::now());
  const std::string test = fmt::format("throughput, batch {}", batch);
  if (hearing.wrong() > 0) return wrong_deliveries(test, target, hearing.wrong());
  figures.add(test, "rate", "k msg/s", target.name, static_cast<double>(hearing.count() - heard_at_begin) / us * 1e3);
  return {};
}

}  // namespace

Result<void> measure_throughput(const Target& target, const Sizes& sizes, Figures& figures) {
  for (const std::size_t batch : {1U, 16U, 64U, 256U}) {
    const std::size_t messages = batch == 1 ? sizes.throughput_messages / 4 : sizes.throughput_messages;
    if (auto done = measure_batches(target, batch, messages, figures); !done) return done;
  }
  return {};
}

namespace {

struct Subscriber {
  std::unique_ptr<Peer> peer;
  Hearing hearing{address};
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

struct Descriptor {
  int value;
  ~Descriptor() { ::close(value); }
};

Result<void> measure_fanout_to(const Target& target, std::size_t count, const Sizes& sizes, Figures& figures) {
  auto publisher = open_publisher(target);
  if (!publisher) return publisher.error();
  const Descriptor epoll{::epoll_create1(EPOLL_CLOEXEC)};
  std::vector<Subscriber> subscribers(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto peer = open_subscriber(target, address);
    if (!peer) return peer.error();
    subscribers[i].peer = std::move(*peer);
    epoll_event event{.events = EPOLLIN, .data = {.u32 = static_cast<std::uint32_t>(i)}};
    if (::epoll_ctl(epoll.value, EPOLL_CTL_ADD, subscribers[i].peer->descriptor(), &event) != 0) return bench_error("epoll_ctl failed");
  }
  Counting counting(address);
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

// A field of /proc/PID/status in kB.
Result<double> status_kb(pid_t process, std::string_view field) {
  std::ifstream status(fmt::format("/proc/{}/status", process));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) return std::stod(line.substr(field.size() + 1));
  }
  return bench_error(fmt::format("no {} of process {}", field, process));
}

std::size_t descriptors_max() {
  rlimit limit{};
  constexpr rlim_t reserve = 100;  // for all that is no session
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur > reserve ? static_cast<std::size_t>(limit.rlim_cur - reserve) : 0;
}

}  // namespace

Result<void> measure_fanout(const Target& target, const Sizes& sizes, Figures& figures) {
  for (const std::size_t count : {10U, 100U, 1'000U}) {
    if (count > sizes.fanout_subscribers_max || count > descriptors_max()) break;
    if (auto done = measure_fanout_to(target, count, sizes, figures); !done) return done;
  }
  return {};
}

Result<void> measure_connections(const Target& target, pid_t server, const Sizes& sizes, Figures& figures) {
  const std::size_t count = std::min(sizes.connections, descriptors_max());
  std::vector<std::unique_ptr<Peer>> peers;
  peers.reserve(count);
  // A few first: what the server allocates once is not the sessions'.
  for (int i = 0; i < 16; ++i) {
    auto peer = open_subscriber(target, fmt::format("/bench/early/{}", i));
    if (!peer) return peer.error();
    peers.push_back(std::move(*peer));
  }
  const auto before = status_kb(server, "VmRSS");
  if (!before) return before.error();
  for (std::size_t i = 0; i < count; ++i) {
    auto peer = open_subscriber(target, fmt::format("/bench/idle/{}/*", i));
    if (!peer) return bench_error(fmt::format("session {}: {}", i, peer.error().message));
    peers.push_back(std::move(*peer));
  }
  const auto after = status_kb(server, "VmRSS");
  if (!after) return after.error();
  figures.add(fmt::format("{} idle sessions", count), "resident each", "kB", target.name, (*after - *before) / static_cast<double>(count));
  figures.add(fmt::format("{} idle sessions", count), "resident in all", "kB", target.name, *after);
  return {};
}

Result<void> measure_connect(const Target& target, const Sizes& sizes, Figures& figures) {
  auto writer = open_publisher(target);
  if (!writer) return writer.error();
  for (std::size_t i = 0; i < sizes.connect_params; ++i) {
    Counting counting(fmt::format("/bench/param/{}", i));
    (*writer)->put(counting.next());
  }
  if (auto sent = (*writer)->flush(); !sent) return sent;
  if (auto handled = settle(target, **writer); !handled) return handled;
  std::vector<double> welcome;
  std::vector<double> snapshot;
  std::vector<double> total;
  for (std::size_t i = 0; i < sizes.connects; ++i) {
    const auto session = open_session(target, Interest::everything);
    if (!session) return session.error();
    welcome.push_back(session->greeting.welcome_us);
    snapshot.push_back(session->greeting.snapshot_us);
    total.push_back(session->greeting.total_us);
  }
  const auto add = [&](std::string_view test, std::vector<double>& samples) {
    figures.add(test, "p50", "µs", target.name, quantile(samples, 0.5));
    figures.add(test, "p99", "µs", target.name, quantile(samples, 0.99));
  };
  add("HELLO to WELCOME", welcome);
  add(fmt::format("HELLO to SNAPSHOT ({} params)", sizes.connect_params), snapshot);
  add("TCP connect to SNAPSHOT", total);
  return {};
}

}  // namespace clasp::bench
