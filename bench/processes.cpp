#include "bench/processes.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "bench/peer.hpp"
#include "bench/relay.hpp"

namespace clasp::bench {

namespace {

constexpr int start_ms_max = 10'000;
constexpr std::string_view port_mark = "127.0.0.1:";
constexpr std::string_view osc_port_mark = "osc/udp port ";

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

struct Ports {
  std::uint16_t first = 0;
  std::uint16_t osc = 0;  // 0: none
};

std::uint16_t port_behind(std::string_view text, std::string_view mark) {
  std::uint16_t port = 0;
  const std::size_t at = text.find(mark);
  if (at != std::string_view::npos) std::from_chars(text.data() + at + mark.size(), text.data() + text.size(), port);
  return port;
}

// The numbers behind the first "127.0.0.1:" of the child's output, and behind "osc/udp port ".
Result<Ports> read_ports(int output) {
  std::string text;
  while (text.find('\n') == std::string::npos) {
    pollfd input{.fd = output, .events = POLLIN, .revents = 0};
    std::array<char, 512> piece;
    if (::poll(&input, 1, start_ms_max) <= 0) return bench_error("the server is not ready after 10 s");
    const ssize_t n = ::read(output, piece.data(), piece.size());
    if (n <= 0) return bench_error("the server ended before it was ready");
    text.append(piece.data(), static_cast<std::size_t>(n));
  }
  const Ports ports{.first = port_behind(text, port_mark), .osc = port_behind(text, osc_port_mark)};
  if (ports.first == 0) return bench_error(fmt::format("no port in what the server said: {}", text));
  return ports;
}

Result<Ports> wait_until_ready(const Child& child) {
  auto ports = read_ports(child.output);
  ::close(child.output);  // a server says nothing more at this log level
  if (!ports) end_child(child.process);
  return ports;
}

void say_port(std::uint16_t port) {
  const std::string line = fmt::format("relay {}{}\n", port_mark, port);
  if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) ::_exit(1);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

// Ends only by failing.
void run_datagram_relay(std::uint16_t relay_port) {
  const int input = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int output = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in here = loopback(0);
  const sockaddr_in there = loopback(relay_port);
  socklen_t bytes = sizeof here;
  const int on = 1;
  char role = relay_publisher;
  const bool ready = ::bind(input, reinterpret_cast<const sockaddr*>(&here), sizeof here) == 0 &&
                     ::getsockname(input, reinterpret_cast<sockaddr*>(&here), &bytes) == 0 &&
                     ::connect(output, reinterpret_cast<const sockaddr*>(&there), sizeof there) == 0 &&
                     ::setsockopt(output, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 && ::send(output, &role, 1, 0) == 1 && ::recv(output, &role, 1, 0) == 1;
  if (!ready) return;
  say_port(ntohs(here.sin_port));
  constexpr std::size_t prefix_bytes = 4;
  std::array<std::byte, 65'536> frame;
  while (true) {
    const ssize_t n = ::recv(input, frame.data() + prefix_bytes, frame.size() - prefix_bytes, 0);
    if (n <= 0) continue;
    store_be(frame.data(), static_cast<std::uint32_t>(n));
    if (::send(output, frame.data(), prefix_bytes + static_cast<std::size_t>(n), MSG_NOSIGNAL) < 0) return;
  }
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

Result<std::unique_ptr<Serving>> Serving::start_server(const std::string& program, std::optional<int> core, With with) {
  const auto child = start_child(core, [&program, with] {
    const char* osc = with == With::osc ? "--osc=127.0.0.1:0" : nullptr;  // the last argument, or their end
    ::execl(program.c_str(), "clasp", "server", "--listen", "127.0.0.1:0", "--max-params", "0", "--log-level", "error", osc, static_cast<char*>(nullptr));
  });
  if (!child) return child.error();
  const auto ports = wait_until_ready(*child);
  if (!ports) return bench_error(fmt::format("{} server: {}", program, ports.error().message));
  return std::unique_ptr<Serving>(new Serving(child->process, ports->first, ports->osc));
}

Result<std::unique_ptr<Serving>> Serving::start_datagram_relay(std::uint16_t relay_port, std::optional<int> core) {
  const auto child = start_child(core, [relay_port] { run_datagram_relay(relay_port); });
  if (!child) return child.error();
  const auto ports = wait_until_ready(*child);
  if (!ports) return bench_error(fmt::format("datagram relay: {}", ports.error().message));
  return std::unique_ptr<Serving>(new Serving(child->process, ports->first));
}

Result<std::unique_ptr<Serving>> Serving::start_relay(std::optional<int> core) {
  const auto child = start_child(core, [] {
    run_relay(0, say_port);
  });
  if (!child) return child.error();
  const auto ports = wait_until_ready(*child);
  if (!ports) return bench_error(fmt::format("relay: {}", ports.error().message));
  return std::unique_ptr<Serving>(new Serving(child->process, ports->first));
}

namespace {

// A port that nobody has now. Another program may take it before the broker does; then the broker says so and the run ends.
Result<std::uint16_t> free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof address;
  const bool bound = ::bind(socket, reinterpret_cast<const sockaddr*>(&address), bytes) == 0 &&
                     ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &bytes) == 0;
  ::close(socket);
  if (!bound) return bench_error("no free port");
  return ntohs(address.sin_port);
}

struct BrokerCommand {
  std::vector<std::string> arguments;
  std::string file;  // its configuration, if it wants one
};

Result<BrokerCommand> broker_command(Protocol protocol, const std::string& port) {
  if (protocol == Protocol::nats) return BrokerCommand{{"nats-server", "-a", "127.0.0.1", "-p", port}, {}};
  if (protocol == Protocol::redis)
    return BrokerCommand{{"redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--maxclients", "19900",
                          "--client-output-buffer-limit", "pubsub 0 0 0", "--loglevel", "warning"},
                         {}};
  std::string file = "/tmp/clasp-bench-mosquitto-XXXXXX";
  const int descriptor = ::mkstemp(file.data());
  if (descriptor < 0) return bench_error(fmt::format("a file for mosquitto: {}", std::strerror(errno)));
  ::fchmod(descriptor, 0644);  // mosquitto gives up being root before it reads it
  const std::string text = fmt::format(
      "listener {} 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nmax_queued_messages 0\nmax_inflight_messages 0\nlog_type error\n", port);
  const bool written = ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(descriptor);
  if (!written) return bench_error("cannot write mosquitto's configuration");
  return BrokerCommand{{"mosquitto", "-c", file}, file};
}

Result<void> wait_for_port(pid_t process, const Target& target) {
  for (const auto until = Clock::now() + std::chrono::milliseconds(start_ms_max);;) {
    if (Peer::connect(target, Interest::everything)) return {};
    int status = 0;
    if (::waitpid(process, &status, WNOHANG) == process) return bench_error("it ended at once; is it installed?");
    if (Clock::now() >= until) return bench_error("not ready after 10 s");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

Result<std::unique_ptr<Serving>> Serving::start_broker(Protocol protocol, std::optional<int> core) {
  const auto port = free_port();
  if (!port) return port.error();
  const auto command = broker_command(protocol, std::to_string(*port));
  if (!command) return command.error();
  std::vector<char*> arguments;
  for (const std::string& argument : command->arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const auto child = start_child(core, [&arguments] {
    const int nowhere = ::open("/dev/null", O_WRONLY);
    ::dup2(nowhere, STDOUT_FILENO);
    ::dup2(nowhere, STDERR_FILENO);
    ::setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin", 1);  // Debian puts servers where users do not look
    ::execvp(arguments[0], arguments.data());
  });
  if (!child) return child.error();
  ::close(child->output);
  std::unique_ptr<Serving> serving(new Serving(child->process, *port));
  serving->file_ = command->file;
  if (auto ready = wait_for_port(child->process, {.name = {}, .protocol = protocol, .host = "127.0.0.1", .port = *port}); !ready)
    return bench_error(fmt::format("{}: {}", command->arguments[0], ready.error().message));
  return serving;
}

Serving::~Serving() {
  end_child(process_);
  if (!file_.empty()) ::unlink(file_.c_str());
}

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
