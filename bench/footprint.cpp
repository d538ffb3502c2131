// What a server needs while nothing happens: memory for sessions and params, and processor time.
#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string>

#include "bench/scenario_parts.hpp"

namespace clasp::bench {

namespace {

// A field of a /proc file in kB.
Result<double> kb_of(const std::string& file, std::string_view field) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(field)) return std::stod(line.substr(field.size() + 1));
  }
  return bench_error(fmt::format("no {} in {}", field, file));
}

Result<double> resident_kb(pid_t process) { return kb_of(fmt::format("/proc/{}/status", process), "VmRSS"); }

// User and system time of a process so far.
Result<double> cpu_seconds(pid_t process) {
  std::ifstream in(fmt::format("/proc/{}/stat", process));
  std::string text;
  std::getline(in, text);
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return bench_error(fmt::format("no process {}", process));
  std::istringstream fields(text.substr(name_end + 2));
  std::string skipped;
  for (int i = 3; i < 14; ++i) fields >> skipped;  // proc(5): utime is field 14, stime 15
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// Listens to everybody for so long, so that pings are answered.
Result<void> idle(const std::vector<std::unique_ptr<Peer>>& peers, std::chrono::seconds time) {
  const Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  for (std::size_t i = 0; i < peers.size(); ++i) {
    epoll_event event{.events = EPOLLIN, .data = {.u32 = static_cast<std::uint32_t>(i)}};
    if (::epoll_ctl(epoll.value, EPOLL_CTL_ADD, peers[i]->descriptor(), &event) != 0) return bench_error("epoll_ctl failed");
  }
  std::array<epoll_event, 256> events;
  for (const auto until = Clock::now() + time; Clock::now() < until;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    const int n = ::epoll_wait(epoll.value, events.data(), static_cast<int>(events.size()), static_cast<int>(std::max<std::int64_t>(left, 0)));
    for (int i = 0; i < n; ++i) {
      if (const auto frames = peers[events[static_cast<std::size_t>(i)].data.u32]->read([](Bytes) {}); !frames) return frames.error();
    }
  }
  return {};
}

}  // namespace

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
  const auto before = resident_kb(server);
  const auto machine_before = kb_of("/proc/meminfo", "MemAvailable");
  if (!before) return before.error();
  for (std::size_t i = 0; i < count; ++i) {
    auto peer = open_subscriber(target, fmt::format("/bench/idle/{}/*", i));
    if (!peer) return bench_error(fmt::format("session {}: {}", i, peer.error().message));
    peers.push_back(std::move(*peer));
  }
  const auto after = resident_kb(server);
  const auto machine_after = kb_of("/proc/meminfo", "MemAvailable");
  if (!after) return after.error();
  const std::string test = fmt::format("{} idle sessions", count);
  figures.add(test, "resident each", "kB", target.name, (*after - *before) / static_cast<double>(count));
  figures.add(test, "resident in all", "kB", target.name, *after);
  if (machine_before && machine_after)
    figures.add(test, "whole machine each, both ends", "kB", target.name, (*machine_before - *machine_after) / static_cast<double>(count));
  if (sizes.idle_time.count() == 0) return {};
  const auto busy_before = cpu_seconds(server);
  if (!busy_before) return busy_before.error();
  if (auto waited = idle(peers, sizes.idle_time); !waited) return waited;
  const auto busy_after = cpu_seconds(server);
  if (!busy_after) return busy_after.error();
  figures.add(test, "of a core while idle", "%", target.name, 100 * (*busy_after - *busy_before) / static_cast<double>(sizes.idle_time.count()));
  return {};
}

Result<void> measure_params(const Target& target, pid_t server, const Sizes& sizes, Figures& figures) {
  constexpr std::size_t value_bytes = 20;
  constexpr std::size_t batch = 1'000;
  auto writer = open_publisher(target);
  if (!writer) return writer.error();
  const auto write = [&](std::string_view form, std::size_t count) -> Result<void> {
    for (std::size_t i = 0; i < count; ++i) {
      Counting counting(target.protocol, fmt::format(fmt::runtime(form), i), value_bytes);
      (*writer)->put(counting.next());
      if ((i + 1) % batch != 0 && i + 1 != count) continue;
      if (auto sent = (*writer)->flush(); !sent) return sent;
    }
    return settle(target, **writer);
  };
  if (auto done = write("/bench/early/{:027}", batch); !done) return done;
  const auto before = resident_kb(server);
  if (!before) return before.error();
  if (auto done = write("/bench/param/{:027}", sizes.params); !done) return done;  // 40 bytes of address
  const auto after = resident_kb(server);
  if (!after) return after.error();
  figures.add(fmt::format("{} params", sizes.params), "resident each", "B", target.name,
              1024 * (*after - *before) / static_cast<double>(sizes.params));
  return {};
}

}  // namespace clasp::bench
