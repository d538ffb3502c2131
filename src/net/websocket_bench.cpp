// What framing costs a frame: parsing and unmasking of a full read, and writing headers.
#include <benchmark/benchmark.h>

#include <vector>

#include "core/byte_buffer.hpp"
#include "core/check.hpp"
#include "net/length_framer.hpp"
#include "net/splitter.hpp"
#include "net/websocket_frame.hpp"

namespace clasp::net {
namespace {

constexpr std::size_t read_bytes = 65'536;

// One read full of client frames with payloads of the given size. Masking is an involution: parsing twice restores the buffer's lengths, and
// only payload bytes change, so the same buffer can be parsed again and again.
ByteBuffer masked_frames(std::size_t payload_bytes, std::size_t& count) {
  ByteBuffer out;
  const std::vector<std::byte> payload(payload_bytes, std::byte{0x5a});
  const Mask mask{std::byte{0x12}, std::byte{0x34}, std::byte{0x56}, std::byte{0x78}};
  for (count = 0; count == 0 || out.size() + payload_bytes + 14 <= read_bytes; ++count) append_websocket_frame(out, Opcode::binary, payload, &mask);
  return out;
}

void BM_WebSocketParseAndUnmask(benchmark::State& state) {
  std::size_t count = 0;
  ByteBuffer frames = masked_frames(static_cast<std::size_t>(state.range(0)), count);
  Splitter<WebSocketFramer> splitter{Role::server};
  for (auto _ : state) {
    std::span<std::byte> input{frames.data(), frames.size()};
    std::size_t seen = 0;
    while (const auto piece = splitter.next(input)) seen += piece->payload.size() == static_cast<std::size_t>(state.range(0));
    CLASP_CHECK(seen == count);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(frames.size()));
}
BENCHMARK(BM_WebSocketParseAndUnmask)->Arg(20)->Arg(60)->Arg(1'000)->Arg(65'000);

void BM_Unmask(benchmark::State& state) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(0)));
  const Mask mask{std::byte{0x12}, std::byte{0x34}, std::byte{0x56}, std::byte{0x78}};
  for (auto _ : state) {
    apply_mask(bytes, mask);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Unmask)->Arg(20)->Arg(60)->Arg(65'536);

void BM_LengthPrefixedParse(benchmark::State& state) {
  ByteBuffer frames;
  std::size_t count = 0;
  for (; frames.size() + 64 <= read_bytes; ++count) {
    frames.u32(60);
    frames.extend(60);
  }
  Splitter<LengthFramer> splitter;
  for (auto _ : state) {
    std::span<std::byte> input{frames.data(), frames.size()};
    std::size_t seen = 0;
    while (splitter.next(input)) ++seen;
    CLASP_CHECK(seen == count);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(count));
}
BENCHMARK(BM_LengthPrefixedParse);

void BM_WriteHeader(benchmark::State& state) {
  std::byte out[websocket_header_bytes_max];
  const auto payload_bytes = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    CLASP_CHECK(write_websocket_header(out, Opcode::binary, payload_bytes) == websocket_header_bytes(payload_bytes));
    benchmark::DoNotOptimize(out);
  }
}
BENCHMARK(BM_WriteHeader)->Arg(60)->Arg(1'000)->Arg(70'000);

}  // namespace
}  // namespace clasp::net
