// How many messages a second: with a window, without one, and among many.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>

#include "bench/scenario_parts.hpp"

namespace clasp::bench {

namespace {

constexpr std::size_t flood_bytes_max = 262'144;  // ready to be sent: a write of the load generator
constexpr std::size_t crowd_longer = 4;  // than the others: eight of each have a longer way to go until all are at full speed
constexpr std::chrono::milliseconds round_time_max{1'500};  // whoever is slow is measured with fewer messages

struct Load {
  std::size_t batch = 0;      // messages of one write
  std::size_t in_flight = 0;  // published and not yet heard, at most
  std::size_t messages = 0;
};

// One publisher, one subscriber and what they say.
struct Line {
  std::unique_ptr<Peer> publisher;
  std::unique_ptr<Peer> subscriber;
  Counting counting;
  Hearing hearing;
};

Result<Line> open_line(const Target& target, const Sizes& sizes, Saying saying) {
  auto publisher = open_publisher(target);
  if (!publisher) return publisher.error();
  auto subscriber = open_subscriber(target, bench_address);
  if (!subscriber) return subscriber.error();
  return Line{.publisher = std::move(*publisher),
              .subscriber = std::move(*subscriber),
              .counting = Counting(target.protocol, bench_address, sizes.value_bytes, saying),
              .hearing = Hearing(target.protocol, bench_address, sizes.value_bytes)};
}

double k_per_second(std::uint64_t messages, double us) { return static_cast<double>(messages) / us * 1e3; }

Result<void> measure_batches(const Target& target, const Load& load, const Sizes& sizes, Figures& figures) {
  auto line = open_line(target, sizes, Saying::set);
  if (!line) return line.error();
  auto& [publisher, subscriber, counting, hearing] = *line;
  const Peer::OnFrame hear = [&hearing](Bytes frame) { hearing.frame(frame); };
  const std::uint64_t warm_up = load.messages / 10;
  std::uint64_t total = warm_up + load.messages;
  const auto until = Clock::now() + round_time_max;
  Clock::time_point begin{};
  std::uint64_t heard_at_begin = 0;
  while (hearing.count() < total) {
    while (counting.count() < total && counting.count() - hearing.count() + load.batch <= load.in_flight) {
      for (std::size_t i = 0; i < load.batch; ++i) publisher->put(counting.next());
      if (auto sent = publisher->flush(); !sent) return sent;
    }
    if (auto readable = subscriber->wait_readable(Clock::now() + answer_max); !readable) return readable;
    if (const auto frames = subscriber->read(hear); !frames) return frames.error();
    if (heard_at_begin == 0 && hearing.count() >= warm_up) {
      begin = Clock::now();
      heard_at_begin = hearing.count();
    }
    if (heard_at_begin > 0 && Clock::now() > until) total = counting.count();
  }
  const double us = us_between(begin, Clock::now());
  const std::string test = fmt::format("batches of {}, {} in flight", load.batch, load.in_flight);
  if (hearing.wrong() > 0) return wrong_deliveries(test, target, hearing.wrong());
  figures.add(test, "rate", "k msg/s", target.name, k_per_second(hearing.count() - heard_at_begin, us));
  return {};
}

// Waits until the publisher can send or the subscriber has something.
Result<void> wait_for_either(const Peer& publisher, bool sending, const Peer& subscriber) {
  std::array<pollfd, 2> both{pollfd{.fd = subscriber.descriptor(), .events = POLLIN, .revents = 0},
                             pollfd{.fd = publisher.descriptor(), .events = static_cast<short>(sending ? POLLOUT : 0), .revents = 0}};
  if (::poll(both.data(), both.size(), 10'000) == 0) return bench_error("nothing moves for 10 s");
  return {};
}

// As fast as the socket takes it. Events all arrive; of SETs the newest does, and what was conflated on the way is told.
Result<void> measure_flood_of(const Target& target, Saying saying, const Sizes& sizes, Figures& figures) {
  auto line = open_line(target, sizes, saying);
  if (!line) return line.error();
  auto& [publisher, subscriber, counting, hearing] = *line;
  const Peer::OnFrame hear = [&hearing](Bytes frame) { hearing.frame(frame); };
  std::uint64_t total = sizes.throughput_messages;
  bool all_sent = true;
  const auto begin = Clock::now();
  while (hearing.count() < total) {
    if (Clock::now() > begin + round_time_max) total = counting.count();
    if (all_sent) {
      while (counting.count() < total && publisher->output_bytes() < flood_bytes_max) publisher->put(counting.next());
    }
    const auto sent = publisher->flush_some();
    if (!sent) return sent.error();
    all_sent = *sent;
    const auto frames = subscriber->read(hear);
    if (!frames) return frames.error();
    if (*frames > 0 || (all_sent && counting.count() < total)) continue;
    if (auto moved = wait_for_either(*publisher, !all_sent, *subscriber); !moved) return moved;
  }
  const double us = us_between(begin, Clock::now());
  const std::string test = saying == Saying::event ? "flood of events" : "flood of SETs";
  const std::uint64_t faults = saying == Saying::event ? hearing.wrong() : hearing.wrong() - hearing.missing();
  if (speaks_clasp(target.protocol) && faults > 0) return wrong_deliveries(test, target, faults);
  figures.add(test, "rate", "k msg/s", target.name, k_per_second(total, us));
  figures.add(test, "not delivered", "%", target.name, 100.0 * static_cast<double>(hearing.missing()) / static_cast<double>(total));
  return {};
}

enum class Crowd : std::uint8_t { pairs, all };

// So many publishers, each on an address of its own, and as many subscribers: each of one publisher, or each of all.
Result<void> measure_crowd_of(const Target& target, Crowd crowd, std::size_t batch, const Sizes& sizes, Figures& figures) {
  struct Member {
    std::unique_ptr<Peer> publisher;
    std::unique_ptr<Peer> subscriber;
    Counting counting;
    std::uint64_t heard = 0;
  };
  const std::size_t n = sizes.crowd;
  std::uint64_t each = sizes.throughput_messages * crowd_longer / n / (crowd == Crowd::all ? 4 : 1) / batch * batch;
  std::vector<Member> members;
  for (std::size_t i = 0; i < n; ++i) {
    const std::string address = fmt::format("/bench/crowd/{}", i);
    auto publisher = open_publisher(target, crowd == Crowd::all ? Interest::publishing : Interest::paired_publishing);
    if (!publisher) return publisher.error();
    auto subscriber = crowd == Crowd::all ? open_subscriber(target, "/bench/crowd/*") : open_subscriber(target, address, Interest::paired);
    if (!subscriber) return subscriber.error();
    members.push_back({std::move(*publisher), std::move(*subscriber), Counting(target.protocol, address, sizes.value_bytes), 0});
  }
  auto begin = Clock::now();
  const auto until = begin + round_time_max;
  const auto due = [&] { return crowd == Crowd::all ? each * n : each; };  // for each subscriber
  const std::uint64_t warm_up = due() * n / 10;  // who does not come so far in time is measured from the start
  std::uint64_t heard_at_begin = 0;
  for (std::uint64_t heard = 0; heard < due() * n;) {
    bool moved = false;
    for (std::size_t i = 0; i < n; ++i) {
      Member& member = members[i];
      const std::uint64_t arrived = crowd == Crowd::all ? heard / n / n : member.heard;  // of one publisher, by everybody
      while (member.counting.count() < each && member.counting.count() - std::min(arrived, member.counting.count()) + batch <= in_flight_max) {
        for (std::size_t k = 0; k < batch; ++k) member.publisher->put(member.counting.next());
        if (auto sent = member.publisher->flush(); !sent) return sent;
        moved = true;
      }
      const auto frames = member.subscriber->read([](Bytes) {});
      if (!frames) return frames.error();
      member.heard += *frames;
      heard += *frames;
      moved |= *frames > 0;
    }
    const auto now = Clock::now();
    if (heard_at_begin == 0 && heard >= warm_up && now <= until) {
      begin = now;
      heard_at_begin = heard;
    }
    if (now > until && each > 0) {  // everybody stops where the one who is furthest has come
      std::uint64_t furthest = 0;
      for (const Member& member : members) furthest = std::max(furthest, member.counting.count());
      each = std::min(each, furthest);
    }
    if (moved) continue;
    std::vector<pollfd> inputs;
    for (const Member& member : members) inputs.push_back({.fd = member.subscriber->descriptor(), .events = POLLIN, .revents = 0});
    if (::poll(inputs.data(), inputs.size(), 10'000) == 0) return bench_error(fmt::format("{} of {} messages arrived", heard, due() * n));
  }
  const double us = us_between(begin, Clock::now());
  const std::string test = fmt::format("{0} → {0}, {1}, batches of {2}", n, crowd == Crowd::all ? "each hears all" : "in pairs", batch);
  for (const Member& member : members) {
    if (member.heard != due()) return wrong_deliveries(test, target, member.heard > due() ? member.heard - due() : due() - member.heard);
  }
  figures.add(test, "deliveries", "k msg/s", target.name, k_per_second(due() * n - heard_at_begin, us));
  return {};
}

}  // namespace

Result<void> measure_throughput(const Target& target, const Sizes& sizes, Figures& figures) {
  const std::size_t messages = sizes.throughput_messages;
  for (const Load& load : {Load{1, in_flight_max, messages / 4}, Load{16, in_flight_max, messages}, Load{64, in_flight_max, messages},
                           Load{256, in_flight_max, messages}, Load{64, in_flight_many, messages * 2}}) {
    if (auto done = measure_batches(target, load, sizes, figures); !done) return done;
  }
  return {};
}

Result<void> measure_flood(const Target& target, const Sizes& sizes, Figures& figures) {
  if (auto done = measure_flood_of(target, Saying::event, sizes, figures); !done) return done;
  return measure_flood_of(target, Saying::set, sizes, figures);
}

Result<void> measure_crowd(const Target& target, const Sizes& sizes, Figures& figures) {
  for (const auto& [crowd, batch] : {std::pair{Crowd::pairs, 16}, {Crowd::pairs, 64}, {Crowd::all, 16}}) {
    if (auto done = measure_crowd_of(target, crowd, static_cast<std::size_t>(batch), sizes, figures); !done) return done;
  }
  return {};
}

}  // namespace clasp::bench
