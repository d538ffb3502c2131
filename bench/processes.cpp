#include "bench/processes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <functional>

#include "bench/peer.hpp"
#include "bench/relay.hpp"

namespace clasp::bench {

namespace {

constexpr int start_ms_max = 10'000;
constexpr std::string_view port_mark = "127.0.0.1:";

// A child whose output comes through the returned descriptor. `run` is all it does.
struct Child {
  pid_t process = -1;
  int output = -1;
};
Result<Child> start_child(std::optional<int> core, const std::function<void()>& run) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return bench_error(fmt::format("pipe: {}", std::strerror(errno)));
  const pid_t parent = ::getpid();
  const pid_t process = ::fork();
  if (process < 0) return bench_error(fmt::format("fork: {}", std::strerror(errno)));
  if (process == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);  // it ended before we could ask to be told
    ::dup2(ends[1], STDOUT_FILENO);
    if (core && !pin_to(*core)) ::_exit(1);
    run();
    ::_exit(127);
  }
  ::close(ends[1]);
  return Child{process, ends[0]};
}

void end_child(pid_t process) {
  ::kill(process, SIGKILL);
  ::waitpid(process, nullptr, 0);
}

// The number behind the first "127.0.0.1:" of the child's output.
Result<std::uint16_t> read_port(int output) {
  std::string text;
  while (text.find('\n') == std::string::npos) {
    pollfd input{.fd = output, .events = POLLIN, .revents = 0};
    std::array<char, 512> piece;
    if (::poll(&input, 1, start_ms_max) <= 0) return bench_error("the server is not ready after 10 s");
    const ssize_t n = ::read(output, piece.data(), piece.size());
    if (n <= 0) return bench_error("the server ended before it was ready");
    text.append(piece.data(), static_cast<std::size_t>(n));
  }
  const std::size_t mark = text.find(port_mark);
  std::uint16_t port = 0;
  if (mark != std::string::npos) std::from_chars(text.data() + mark + port_mark.size(), text.data() + text.size(), port);
  if (port == 0) return bench_error(fmt::format("no port in what the server said: {}", text));
  return port;
}

Result<std::uint16_t> wait_until_ready(const Child& child) {
  auto port = read_port(child.output);
  ::close(child.output);  // a server says nothing more at this log level
  if (!port) end_child(child.process);
  return port;
}

}  // namespace

std::vector<int> usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cores;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(static_cast<unsigned>(core), &set)) cores.push_back(core);
  }
  return cores;
}

Result<void> pin_to(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(core), &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) return bench_error(fmt::format("cannot use core {}: {}", core, std::strerror(errno)));
  return {};
}

Result<std::unique_ptr<Serving>> Serving::start_server(const std::string& program, std::optional<int> core) {
  const auto child = start_child(core, [&program] {
    ::execl(program.c_str(), "clasp", "server", "--listen", "127.0.0.1:0", "--log-level", "error", static_cast<char*>(nullptr));
  });
  if (!child) return child.error();
  const auto port = wait_until_ready(*child);
  if (!port) return bench_error(fmt::format("{} server: {}", program, port.error().message));
  return std::unique_ptr<Serving>(new Serving(child->process, *port));
}

Result<std::unique_ptr<Serving>> Serving::start_relay(std::optional<int> core) {
  const auto child = start_child(core, [] {
    run_relay(0, [](std::uint16_t port) {
      const std::string line = fmt::format("relay {}{}\n", port_mark, port);
      if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) ::_exit(1);
    });
  });
  if (!child) return child.error();
  const auto port = wait_until_ready(*child);
  if (!port) return bench_error(fmt::format("relay: {}", port.error().message));
  return std::unique_ptr<Serving>(new Serving(child->process, *port));
}

Serving::~Serving() { end_child(process_); }

Spinners::Spinners(const std::vector<int>& cores) {
  for (const int core : cores) {
    threads_.emplace_back([this, core] {
      const sched_param none{};
      if (::sched_setscheduler(0, SCHED_IDLE, &none) != 0 || !pin_to(core)) return;  // a spinner that does not give way would be in the way
      while (!stopping_.load(std::memory_order_relaxed)) {
        for (int i = 0; i < 64; ++i) {
#if defined(__x86_64__)
          __builtin_ia32_pause();
#endif
        }
      }
    });
  }
}

Spinners::~Spinners() { stopping_ = true; }

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

}  // namespace clasp::bench
