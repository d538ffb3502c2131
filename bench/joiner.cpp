// Somebody joins a running show: how soon it has the state, and what the others feel of it.
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <deque>
#include <iterator>
#include <variant>

#include "bench/scenario_parts.hpp"
#include "core/check.hpp"
#include "core/codec.hpp"

namespace clasp::bench {

namespace {

constexpr std::size_t value_bytes = 20;
constexpr std::chrono::microseconds tick{1'000};

// How long a process has been ready to run without a processor, in all: on a machine with two cores the kernel's own threads, or an idle-class
// program that gets its share, take one for up to a tick of 4 ms.
class RunDelay {
 public:
  explicit RunDelay(pid_t pid) : file_(pid > 0 ? ::open(fmt::format("/proc/{}/schedstat", pid).c_str(), O_RDONLY | O_CLOEXEC) : -1) {}

  std::uint64_t ns() const {  // 0 where it is not told
    std::array<char, 96> text{};
    const ssize_t n = file_.value < 0 ? 0 : ::pread(file_.value, text.data(), text.size(), 0);
    const std::string_view line(text.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    const std::size_t space = line.find(' ');  // time on the processor, time waiting for one, how often
    std::uint64_t out = 0;
    if (space != std::string_view::npos) std::from_chars(line.data() + space + 1, line.data() + line.size(), out);
    return out;
  }

 private:
  Descriptor file_;
};
constexpr std::chrono::nanoseconds undisturbed_max{200'000};  // less than a tick, more than a wake-up takes

// So many SETs a second from one session to another, in a batch each millisecond, and how long each batch takes to arrive.
class Live {
 public:
  Live(const Target& target, pid_t server, std::size_t per_second)
      : server_(server), batch_(per_second / 1'000), counting_(target.protocol, bench_address, value_bytes), hearing_(target.protocol, bench_address, value_bytes) {}

  Result<void> open(const Target& target) {
    auto publisher = open_publisher(target);
    if (!publisher) return publisher.error();
    auto subscriber = open_subscriber(target, bench_address);
    if (!subscriber) return subscriber.error();
    publisher_ = std::move(*publisher);
    subscriber_ = std::move(*subscriber);
    return {};
  }

  // Sends what is due and reads what is there.
  Result<void> step() {
    const auto now = Clock::now();
    if (next_ == Clock::time_point{}) next_ = last_step_ = now;
    const bool was_away = now - std::exchange(last_step_, now) > undisturbed_max;  // we look all the time: somebody else had our processor
    if (was_away) {
      for (Batch& batch : batches_) batch.disturbed = true;
    }
    for (; next_ <= now; next_ += tick) {
      for (std::size_t i = 0; i < batch_; ++i) publisher_->put(counting_.next());
      batches_.push_back({counting_.count(), next_, server_.ns(), was_away});
    }
    if (const auto sent = publisher_->flush_some(); !sent) return sent.error();
    if (const auto frames = subscriber_->read([this](Bytes frame) { hearing_.frame(frame); }); !frames) return frames.error();
    for (const auto heard = Clock::now(); !batches_.empty() && batches_.front().last <= hearing_.count(); batches_.pop_front()) {
      const Batch& batch = batches_.front();
      const double us = us_between(batch.due, heard);
      latencies_.all.push_back(us);
      const std::chrono::nanoseconds server_waited{server_.ns() - batch.server_waited};
      if (!batch.disturbed && server_waited <= undisturbed_max) latencies_.undisturbed.push_back(us);
    }
    return {};
  }

  // Until nothing is on its way: what came late because we were busy elsewhere is not measured.
  Result<void> catch_up() {
    do {
      if (auto done = step(); !done) return done;
    } while (!batches_.empty());
    latencies_ = {};
    return {};
  }

  std::uint64_t sent() const { return counting_.count(); }
  std::uint64_t wrong() const { return hearing_.wrong() - hearing_.missing(); }
  std::uint64_t conflated() const { return hearing_.missing(); }  // what a subscriber that cannot keep up may miss of a param

  struct Latencies {  // µs
    std::vector<double> all;
    std::vector<double> undisturbed;  // of batches for which the server and we always had a processor
  };
  Latencies take_latencies() { return std::exchange(latencies_, {}); }

 private:
  struct Batch {
    std::uint64_t last;
    Clock::time_point due;
    std::uint64_t server_waited;
    bool disturbed;
  };

  RunDelay server_;
  std::size_t batch_;
  Counting counting_;
  Hearing hearing_;
  std::unique_ptr<Peer> publisher_;
  std::unique_ptr<Peer> subscriber_;
  Clock::time_point next_{};
  Clock::time_point last_step_{};
  std::deque<Batch> batches_;
  Latencies latencies_;
};

void append(Live::Latencies& to, const Live::Latencies& from) {
  std::ranges::copy(from.all, std::back_inserter(to.all));
  std::ranges::copy(from.undisturbed, std::back_inserter(to.undisturbed));
}

Result<void> fill(const Target& target, std::size_t params) {
  constexpr std::size_t batch = 1'000;
  auto writer = open_publisher(target);
  if (!writer) return writer.error();
  for (std::size_t i = 0; i < params; ++i) {
    Counting counting(target.protocol, fmt::format("/bench/show/{:028}", i), value_bytes);
    (*writer)->put(counting.next());
    if ((i + 1) % batch != 0 && i + 1 != params) continue;
    if (auto sent = (*writer)->flush(); !sent) return sent;
  }
  return settle(target, **writer);
}

struct Joined {
  double first_us = 0;
  double all_us = 0;
};

// Connects, says HELLO and reads SNAPSHOTs until `params` have come, while `live` goes on.
Result<Joined> join(const Target& target, std::size_t params, Live& live) {
  auto peer = Peer::connect(target, Interest::everything);
  if (!peer) return peer.error();
  if (auto done = live.catch_up(); !done) return done.error();  // connecting waits for its answers
  Hello hello;
  hello.features = feature::all_signals;
  hello.name = "clasp-bench";
  ByteBuffer frame;
  CLASP_CHECK(append_frame(frame, Message{hello}));
  const auto begin = Clock::now();
  (*peer)->put(frame.view());
  if (auto sent = (*peer)->flush(); !sent) return sent.error();
  Joined joined;
  Decoder decoder;
  std::size_t got = 0;
  const Peer::OnFrame listen = [&](Bytes bytes) {
    const auto decoded_frame = decode_frame(bytes);
    const auto message = decoded_frame ? decoder.decode(decoded_frame->payload) : Decoded<Message>(std::unexpected(decoded_frame.error()));
    const Snapshot* snapshot = message ? std::get_if<Snapshot>(&message->body) : nullptr;
    if (snapshot == nullptr) return;
    if (got == 0) joined.first_us = us_between(begin, Clock::now());
    got += snapshot->params.size();
  };
  while (got < params) {
    if (auto done = live.step(); !done) return done.error();
    if (const auto frames = (*peer)->read(listen); !frames) return frames.error();
    if (Clock::now() - begin > std::chrono::seconds(60)) return bench_error(fmt::format("{} of {} params came in 60 s", got, params));
  }
  joined.all_us = us_between(begin, Clock::now());
  return joined;
}

}  // namespace

Result<void> measure_joiner(const Target& target, pid_t server, const Sizes& sizes, Figures& figures) {
  if (auto done = fill(target, sizes.params); !done) return done;
  Live live(target, server, sizes.live_per_second);
  if (auto done = live.open(target); !done) return done;
  const auto run_alone = [&](std::chrono::milliseconds time) -> Result<void> {
    for (const auto until = Clock::now() + time; Clock::now() < until;) {
      if (auto done = live.step(); !done) return done;
    }
    return {};
  };
  if (auto done = run_alone(sizes.live_time); !done) return done;  // the SNAPSHOT of its subscriber comes as well
  live.take_latencies();
  const std::string test = fmt::format("joining {} params, {} SET/s", sizes.params, sizes.live_per_second);
  // A join has a few hundred batches at most, of which p99 is one of the worst two: so the batches of all joins are taken together.
  Live::Latencies alone;
  Live::Latencies meanwhile;
  for (std::size_t round = 0; round < sizes.joins; ++round) {
    if (auto done = live.catch_up(); !done) return done;
    if (auto done = run_alone(sizes.live_time); !done) return done;
    append(alone, live.take_latencies());
    const auto joined = join(target, sizes.params, live);
    if (!joined) return joined.error();
    append(meanwhile, live.take_latencies());
    figures.add(test, "first SNAPSHOT", "µs", target.name, joined->first_us);
    figures.add(test, "whole SNAPSHOT", "µs", target.name, joined->all_us);
  }
  for (const auto& [when, samples] : {std::pair<std::string_view, Live::Latencies*>{"alone", &alone}, {"while it joins", &meanwhile}}) {
    figures.add(test, fmt::format("live p50 {}", when), "µs", target.name, quantile(samples->all, 0.5));
    figures.add(test, fmt::format("live p99 {}", when), "µs", target.name, quantile(samples->all, 0.99));
    if (samples->undisturbed.empty()) continue;
    figures.add(test, fmt::format("live p99 {}, undisturbed", when), "µs", target.name, quantile(samples->undisturbed, 0.99));
    figures.add(test, fmt::format("batches {} for which one of both had no processor", when), "%", target.name,
                100.0 - 100.0 * static_cast<double>(samples->undisturbed.size()) / static_cast<double>(samples->all.size()));
  }
  if (live.wrong() > 0) return wrong_deliveries(test, target, live.wrong());
  figures.add(test, "live SETs conflated", "%", target.name, 100.0 * static_cast<double>(live.conflated()) / static_cast<double>(live.sent()));
  return {};
}

}  // namespace clasp::bench
