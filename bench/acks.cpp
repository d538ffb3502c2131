// clasp_ack_bench [--writers N] [--in-flight N] [--seconds S] PORT: confirmed SETs to a router of this machine, each writer with so many unanswered
// at a time and an address of its own; prints how many were acknowledged a second. bench/journal_speed.py is who asks.
#include <fmt/format.h>
#include <poll.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

#include "bench/session.hpp"
#include "core/codec.hpp"
#include "core/message.hpp"
#include "core/value_view.hpp"

namespace {

using namespace clasp;
using namespace clasp::bench;

struct Run {
  std::uint64_t writers = 64;
  std::uint64_t in_flight = 1;
  double seconds = 5;
  std::uint16_t port = 0;
};

struct Writer {
  std::unique_ptr<Peer> peer;
  ByteBuffer frame;  // one confirmed SET
  std::uint64_t acknowledged = 0;
  std::uint64_t refused = 0;

  void put(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) peer->put(frame.view());
  }
  // Sends one more for each ACK.
  Result<void> go_on() {
    std::uint64_t acks = 0;
    const auto read = peer->read([&](Bytes bytes) {
      const auto came = decode_frame(bytes);
      if (!came || came->payload.empty()) return;
      acks += came->payload[0] == std::byte{0x50} ? 1 : 0;
      refused += came->payload[0] == std::byte{0x51} ? 1 : 0;
    });
    if (!read) return read.error();
    acknowledged += acks;
    put(acks);
    return peer->flush();
  }
};

Result<std::vector<Writer>> connect_all(const Run& run) {
  const Target target{.name = "router", .protocol = Protocol::tcp, .port = run.port, .is_router = true};
  const EncodedValue value{Value(0.5)};
  std::vector<Writer> writers(run.writers);
  for (std::size_t i = 0; i < writers.size(); ++i) {
    auto session = open_session(target, Interest::publishing);
    if (!session) return session.error();
    writers[i].peer = std::move(session->peer);
    const std::string address = fmt::format("/bench/{}", i);
    if (!append_frame(writers[i].frame, Message{Set{.address = address, .value = value.view()}}, Qos::confirm))
      return bench_error("the SET does not fit a frame");
  }
  return writers;
}

Result<double> acks_a_second(const Run& run) {
  auto writers = connect_all(run);
  if (!writers) return writers.error();
  std::vector<pollfd> watched;
  for (Writer& writer : *writers) {
    watched.push_back({.fd = writer.peer->descriptor(), .events = POLLIN, .revents = 0});
    writer.put(run.in_flight);
    if (auto sent = writer.peer->flush(); !sent) return sent.error();
  }
  const auto begin = Clock::now();
  const auto end = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(run.seconds));
  auto heard = begin;
  while (Clock::now() < end) {
    if (::poll(watched.data(), watched.size(), 100) > 0) heard = Clock::now();
    if (Clock::now() - heard > answer_max) return bench_error("the router acknowledges nothing any more");
    for (std::size_t i = 0; i < watched.size(); ++i) {
      if (watched[i].revents == 0) continue;
      if (auto done = (*writers)[i].go_on(); !done) return done.error();
      if ((*writers)[i].refused != 0) return bench_error("the router refuses SETs");
    }
  }
  const std::chrono::duration<double> took = Clock::now() - begin;
  std::uint64_t acknowledged = 0;
  for (const Writer& writer : *writers) acknowledged += writer.acknowledged;
  return static_cast<double>(acknowledged) / took.count();
}

}  // namespace

int main(int argc, char** argv) {
  Run run;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "0";
    if (argument == "--writers")
      run.writers = std::strtoull(value, nullptr, 10), ++i;
    else if (argument == "--in-flight")
      run.in_flight = std::strtoull(value, nullptr, 10), ++i;
    else if (argument == "--seconds")
      run.seconds = std::strtod(value, nullptr), ++i;
    else
      run.port = static_cast<std::uint16_t>(std::strtoul(argv[i], nullptr, 10));
  }
  if (run.port == 0 || run.writers == 0 || run.in_flight == 0 || run.seconds <= 0) {
    fmt::print(stderr, "usage: clasp_ack_bench [--writers N] [--in-flight N] [--seconds S] PORT\n");
    return 2;
  }
  const auto rate = acks_a_second(run);
  if (rate)
    fmt::print("{:.0f}\n", *rate);
  else
    fmt::print(stderr, "clasp_ack_bench: {}\n", rate.error().message);
  return rate ? 0 : 1;
}
