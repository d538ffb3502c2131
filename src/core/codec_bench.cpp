// How fast the codec is on one core. Every loop checks what it computes; the figures are items (messages) per second.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "core/check.hpp"
#include "core/codec.hpp"

namespace clasp {
namespace {

constexpr std::string_view fader_address = "/stage/desk/fader1";  // 18 bytes: a SET of 30 payload bytes, 34 with its header

// Canonical bytes of one f64.
struct Number {
  explicit Number(double number) { store_be(bytes, std::bit_cast<std::uint64_t>(number)); }
  ValueView view() const { return {ValueTag::f64, bytes}; }
  std::byte bytes[8];
};

std::vector<std::byte> frame_of(const Message& message) {
  ByteBuffer out;
  CLASP_CHECK(append_frame(out, message));
  return {out.data(), out.data() + out.size()};
}

void BM_EncodeSet(benchmark::State& state) {
  const Number half(0.5);
  const Set set{.address = fader_address, .value = half.view(), .revision = {}, .ttl = {}};
  ByteBuffer out;
  for (auto _ : state) {
    out.clear();
    CLASP_CHECK(append_frame(out, set) && out.size() == 34);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_EncodeSet);

void BM_DecodeSet(benchmark::State& state) {
  const Number half(0.5);
  const std::vector<std::byte> bytes = frame_of({Set{.address = fader_address, .value = half.view(), .revision = {}, .ttl = {}}});
  Decoder decoder;
  for (auto _ : state) {
    const auto frame = decode_frame(bytes);
    CLASP_CHECK(frame.has_value());
    const auto message = decoder.decode(frame->payload);
    CLASP_CHECK(message.has_value());
    const auto* set = std::get_if<Set>(&message->body);
    CLASP_CHECK(set != nullptr && set->address.size() == fader_address.size() && set->value.data.size() == 8);
    benchmark::DoNotOptimize(set->address.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_DecodeSet);

void BM_DecodePublishWithMap(benchmark::State& state) {
  constexpr std::string_view map =
      "\x00\x02\x00\x03"
      "cue\x08\x00\x05intro\x00\x04"
      "fade\x07\x40\x00\x00\x00\x00\x00\x00\x00";
  const ValueView value{ValueTag::map, as_bytes(std::string_view(map.data(), 2 + 5 + 8 + 6 + 9))};
  const std::vector<std::byte> bytes =
      frame_of({Publish{.address = "/cue/fire", .signal = SignalType::event, .value = value, .samples = {}, .timestamp = {}, .id = {}, .rate = {}}});
  Decoder decoder;
  for (auto _ : state) {
    const auto frame = decode_frame(bytes);
    CLASP_CHECK(frame.has_value());
    const auto message = decoder.decode(frame->payload);
    CLASP_CHECK(message.has_value());
    const auto* publish = std::get_if<Publish>(&message->body);
    CLASP_CHECK(publish != nullptr && publish->value && publish->value->data.size() == value.data.size());
    benchmark::DoNotOptimize(publish->value->data.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_DecodePublishWithMap);

constexpr std::size_t snapshot_params = 100;

std::vector<std::string> snapshot_addresses() {
  std::vector<std::string> addresses;
  for (std::size_t i = 0; i < snapshot_params; ++i) addresses.push_back(fmt::format("/stage/lights/{}/dim", i));
  return addresses;
}

void write_snapshot(ByteBuffer& out, const std::vector<std::string>& addresses, const ValueView& value) {
  SnapshotWriter writer(out);
  for (const std::string& address : addresses) CLASP_CHECK(writer.add(address, value, 7, "1b4e28ba-2fa1-11d2-883f-0016d3cca427", UnixTime{1}));
  writer.finish();
}

void BM_EncodeSnapshot(benchmark::State& state) {
  const std::vector<std::string> addresses = snapshot_addresses();
  const Number half(0.5);
  ByteBuffer out;
  for (auto _ : state) {
    out.clear();
    write_snapshot(out, addresses, half.view());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  CLASP_CHECK(decode_frame(out.view()).has_value());
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(snapshot_params));
}
BENCHMARK(BM_EncodeSnapshot);

void BM_DecodeSnapshot(benchmark::State& state) {
  const Number half(0.5);
  ByteBuffer out;
  write_snapshot(out, snapshot_addresses(), half.view());
  Decoder decoder;
  for (auto _ : state) {
    const auto frame = decode_frame(out.view());
    CLASP_CHECK(frame.has_value());
    const auto message = decoder.decode(frame->payload);
    CLASP_CHECK(message.has_value() && std::get_if<Snapshot>(&message->body)->params.size() == snapshot_params);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(snapshot_params));
}
BENCHMARK(BM_DecodeSnapshot);

}  // namespace
}  // namespace clasp
