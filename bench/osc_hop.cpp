// clasp_osc_hop_bench [--rounds N] [--quick] CLASP: an OSC datagram until a WebSocket client has it as a SET, beside two raw relays in a row
// (UDP to TCP, then TCP to TCP), which is what the same way costs without anybody who understands it.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <thread>

#include "bench/processes.hpp"
#include "bench/scenario_parts.hpp"

namespace {

using namespace clasp;
using namespace clasp::bench;

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

int connect_to(std::uint16_t port, int type) {
  const int socket = ::socket(AF_INET, type | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const int on = 1;
  const bool ready = ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                     (type != SOCK_STREAM || ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
  if (ready) return socket;
  ::close(socket);
  return -1;
}

// /v ,h <number>
struct OscMessage {
  std::array<std::byte, 16> bytes{std::byte{'/'}, std::byte{'v'}, std::byte{0}, std::byte{0}, std::byte{','}, std::byte{'h'}, std::byte{0}, std::byte{0}};
  Bytes with(std::uint64_t number) {
    store_be(bytes.data() + 8, number);
    return bytes;
  }
};

struct Run {
  std::uint64_t samples = 4'000;
  std::uint64_t warm_up = 500;
  std::uint64_t rounds = 9;
};

// One round: `datagram(n)` makes the n-th, the subscriber hears it.
template <typename Datagram>
Result<void> measure(const Run& run, const Target& target, std::string_view address, int socket, Datagram&& datagram, Figures& figures) {
  auto subscriber = open_subscriber(target, address);
  if (!subscriber) return subscriber.error();
  Hearing hearing(target.protocol, address);
  const Peer::OnFrame hear = [&hearing](Bytes frame) { hearing.frame(frame); };
  std::vector<double> samples;
  for (std::uint64_t i = 0; i < run.warm_up + run.samples; ++i) {
    (*subscriber)->acknowledge_quickly();
    const Bytes bytes = datagram();
    const auto before = hearing.messages();
    const auto begin = Clock::now();
    if (::send(socket, bytes.data(), bytes.size(), 0) < 0) return Error{ErrorCode::connection_failed, "a datagram was not sent", {}};
    if (auto heard = (*subscriber)->read_until(hear, [&] { return hearing.messages() > before; }); !heard) return heard;
    if (i >= run.warm_up) samples.push_back(us_between(begin, Clock::now()));
  }
  if (hearing.wrong() > 0) return wrong_deliveries("osc hop", target, hearing.wrong());
  add_quantiles(figures, "osc hop", target, samples);
  return {};
}

Result<void> run_all(const std::string& program, const Run& run, Figures& figures) {
  const std::vector<int> cores = usable_cores();
  const auto server_core = cores.size() > 1 ? std::optional(cores[0]) : std::nullopt;
  const auto server = Serving::start_server(program, server_core, Serving::With::osc);
  if (!server) return server.error();
  const auto relay = Serving::start_relay(server_core);
  if (!relay) return relay.error();
  const auto before_it = Serving::start_datagram_relay((*relay)->port(), server_core);
  if (!before_it) return before_it.error();
  if (server_core) {
    if (auto pinned = pin_to(cores[1]); !pinned) return pinned;
  }
  const Spinners spinners(cores);
  const Descriptor to_router{connect_to((*server)->osc_port(), SOCK_DGRAM)};
  const Descriptor to_relays{connect_to((*before_it)->port(), SOCK_DGRAM)};
  OscMessage message;
  for (std::uint64_t round = 0; round < run.rounds; ++round) {
    std::uint64_t number = 0;
    const Target router{.name = "router ws", .protocol = Protocol::websocket, .port = (*server)->port(), .is_router = true};
    if (auto done = measure(run, router, "/osc/v", to_router.value, [&] { return message.with(++number); }, figures); !done) return done;
    Counting counting(Protocol::relay, "/osc/v");
    const Target relays{.name = "relay", .protocol = Protocol::relay, .port = (*relay)->port()};
    if (auto done = measure(run, relays, "/osc/v", to_relays.value, [&] { return counting.next(); }, figures); !done) return done;
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Run run;
  std::string program;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--quick") run = {.samples = 20, .warm_up = 5, .rounds = 1};
    else if (argument == "--rounds" && i + 1 < argc) run.rounds = std::strtoull(argv[++i], nullptr, 10);
    else if (!argument.starts_with('-') && program.empty()) program = argument;
    else program.clear(), i = argc;
  }
  if (program.empty()) {
    fmt::print(stderr, "usage: clasp_osc_hop_bench [--rounds N] [--quick] CLASP\n");
    return 2;
  }
  Figures figures;
  const auto done = run_all(program, run, figures);
  fmt::print("{}", figures.table());
  if (done) return 0;
  fmt::print(stderr, "clasp_osc_hop_bench: {}\n", done.error().message);
  return 1;
}
