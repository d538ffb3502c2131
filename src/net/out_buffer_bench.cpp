// What copying a frame into each subscriber's output costs, beside what the kernel takes to send it: the question of docs/decisions/copy-out.md.
#include "net/out_buffer.hpp"

#include <benchmark/benchmark.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <vector>

namespace clasp::net {
namespace {

constexpr std::size_t outputs = 100;

void BM_CopyToHundred(benchmark::State& state) {
  const std::vector<std::byte> frame(static_cast<std::size_t>(state.range(0)), std::byte{1});
  BlockPool pool;
  std::array<OutBuffer, outputs> buffers;
  for (auto _ : state) {
    for (OutBuffer& buffer : buffers) buffer.append(pool, frame);
    for (OutBuffer& buffer : buffers) buffer.clear(pool);
  }
  for (OutBuffer& buffer : buffers) buffer.clear(pool);
  state.counters["ns/delivery"] =
      benchmark::Counter(static_cast<double>(state.iterations() * outputs), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_CopyToHundred)->Arg(64)->Arg(1'024)->Arg(8'192)->Arg(65'000);

// The least a delivery can cost: a write to a socket pair of this process, and the read that makes room again.
void BM_SendOne(benchmark::State& state) {
  const std::vector<std::byte> frame(static_cast<std::size_t>(state.range(0)), std::byte{1});
  std::vector<std::byte> room(frame.size());
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) return state.SkipWithError("no socket pair");
  for (auto _ : state) {
    std::size_t left = frame.size();
    while (left > 0) {
      const ssize_t sent = ::send(ends[0], frame.data(), left, MSG_DONTWAIT);
      if (sent > 0) left -= static_cast<std::size_t>(sent);
      if (::recv(ends[1], room.data(), room.size(), MSG_DONTWAIT) < 0 && sent < 0) return state.SkipWithError("neither send nor read");
    }
  }
  ::close(ends[0]);
  ::close(ends[1]);
}
BENCHMARK(BM_SendOne)->Arg(64)->Arg(1'024)->Arg(8'192)->Arg(65'000);

}  // namespace
}  // namespace clasp::net
