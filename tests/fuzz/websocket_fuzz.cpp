// WebSocket framing and compression: any bytes, cut anywhere. What is parsed again after being written must be the same.
//
// Input: flags, then the size of all reads, or (flag 8) how many bytes with sizes follow, then the stream.
#include <cstddef>
#include <cstdint>

#include "core/utf8.hpp"
#include "cut_stream.hpp"
#include "net/message_deflater.hpp"
#include "net/websocket_frame.hpp"

namespace {

using namespace clasp;

// Text is UTF-8 as a whole, too, and what a compressed message becomes keeps to the limit.
void check_pieces(std::span<const std::uint8_t> stream, std::size_t limit, net::Role role, net::Deflate deflate) {
  net::Splitter<net::WebSocketFramer> splitter{role, limit, deflate};
  net::MessageDeflater deflater;
  fuzz::in_reads(stream, stream.size() + 1, [&](std::span<std::byte> input) {
    while (const auto piece = splitter.next(input)) {
      if (!piece->compressed) {
        fuzz::require(piece->kind != net::PieceKind::text || is_utf8(as_text(piece->payload)), "text is UTF-8");
        fuzz::require(piece->payload.size() <= limit, "messages are bounded");
      } else if (const auto plain = deflater.inflate(*piece, limit)) {
        fuzz::require(plain->payload.size() <= limit, "inflated messages are bounded");
        fuzz::require(plain->kind != net::PieceKind::text || is_utf8(as_text(plain->payload)), "inflated text is UTF-8");
      }
    }
    return !splitter.fault();
  });
}

void check_compression(Bytes message, std::uint8_t window_bits) {
  net::MessageDeflater deflater;
  const auto payload = deflater.deflate(message, window_bits);
  if (!payload) return;
  fuzz::require(payload->size() < message.size(), "compression pays");
  const auto plain = deflater.inflate({.compressed = true, .payload = *payload}, message.size());
  fuzz::require(plain && same_bytes(plain->payload, message), "compression loses nothing");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const net::Role role = (data[0] & 1) != 0 ? net::Role::client : net::Role::server;
  const std::size_t limit = (data[0] & 2) != 0 ? 200 : net::websocket_message_bytes_max;
  const net::Deflate deflate = (data[0] & 4) != 0 ? net::Deflate::yes : net::Deflate::no;
  const std::size_t sizes = (data[0] & 8) != 0 ? std::min<std::size_t>(data[1], size - 2) : 0;
  const fuzz::Cuts cuts = sizes > 0 ? fuzz::Cuts{std::span{data + 2, sizes}} : fuzz::Cuts{data[1] + std::size_t{1}};
  const std::span<const std::uint8_t> stream{data + 2 + sizes, size - 2 - sizes};

  const std::size_t held_max = limit + 256;
  const fuzz::Split whole = fuzz::split<net::WebSocketFramer>(stream, stream.size() + 1, 2 * held_max, role, limit, deflate);
  fuzz::require(whole == fuzz::split<net::WebSocketFramer>(stream, cuts, held_max, role, limit, deflate), "cuts don't matter");
  check_pieces(stream, limit, role, deflate);
  check_compression(std::as_bytes(stream), static_cast<std::uint8_t>(9 + data[1] % 7));

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
