// WebSocket framing: any bytes, cut anywhere. What is parsed again after being written must be the same.
#include <cstddef>
#include <cstdint>

#include "cut_stream.hpp"
#include "net/websocket_frame.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clasp;
  if (size < 2) return 0;
  const net::Role role = (data[0] & 1) != 0 ? net::Role::client : net::Role::server;
  const std::size_t limit = (data[0] & 2) != 0 ? 200 : net::websocket_message_bytes_max;
  const std::size_t read_bytes = data[1] + 1U;
  const std::span<const std::uint8_t> stream{data + 2, size - 2};
  const std::size_t held_max = limit + 256;
  const fuzz::Split whole = fuzz::split<net::WebSocketFramer>(stream, stream.size() + 1, 2 * held_max, role, limit);
  fuzz::require(whole == fuzz::split<net::WebSocketFramer>(stream, read_bytes, held_max, role, limit), "cuts don't matter");

  // The same bytes as one message of ours come back whole.
  const net::Mask mask{std::byte{data[0]}, std::byte{data[1]}, std::byte{0x55}, std::byte{0}};
  ByteBuffer out;
  net::append_websocket_frame(out, net::Opcode::binary, std::as_bytes(stream), &mask);
  net::WebSocketFramer framer{net::Role::server};
  std::span<std::byte> input{out.data(), out.size()};
  if (stream.size() > net::websocket_message_bytes_max) return 0;
  const auto piece = framer.next(input);
  fuzz::require(piece && same_bytes(piece->payload, std::as_bytes(stream)), "round trip");
  return 0;
}
