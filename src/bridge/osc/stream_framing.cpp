#include "bridge/osc/stream_framing.hpp"

#include <algorithm>

namespace clasp::bridge::osc {

namespace {

constexpr std::size_t length_bytes = 4;
constexpr std::byte slip_end{0xC0};
constexpr std::byte slip_escape{0xDB};
constexpr std::byte slip_escaped_end{0xDC};
constexpr std::byte slip_escaped_escape{0xDD};

std::optional<StreamFraming> framing_of(std::byte first) {
  if (first == std::byte{0x00}) return StreamFraming::length;
  if (first == slip_end || first == std::byte{'/'} || first == std::byte{'#'}) return StreamFraming::slip;
  return std::nullopt;
}

}  // namespace

bool StreamSplitter::feed(Bytes bytes, const std::function<void(Bytes packet)>& packet) {
  if (!fault_.empty()) return false;
  if (bytes.empty()) return true;
  if (framing_ == StreamFraming::automatic) {
    const auto framing = framing_of(bytes.front());
    if (!framing) return fail("the stream begins neither with a packet length nor with a SLIP packet");
    framing_ = *framing;
  }
  return framing_ == StreamFraming::length ? feed_length(bytes, packet) : feed_slip(bytes, packet);
}

bool StreamSplitter::feed_length(Bytes bytes, const std::function<void(Bytes)>& packet) {
  while (!bytes.empty()) {
    const std::size_t wanted = pending_.size() < length_bytes ? length_bytes : length_bytes + load_be<std::uint32_t>(pending_.data());
    const std::size_t taken = std::min(bytes.size(), wanted - pending_.size());
    pending_.append(bytes.first(taken));
    bytes = bytes.subspan(taken);
    if (pending_.size() < length_bytes) return true;
    const std::size_t length = load_be<std::uint32_t>(pending_.data());
    if (length > packet_bytes_max_) return fail("a packet is longer than permitted");
    if (pending_.size() < length_bytes + length) continue;
    if (length > 0) packet(pending_.view(length_bytes));
    pending_.clear();
  }
  if (pending_.empty()) pending_.release();
  return true;
}

bool StreamSplitter::feed_slip(Bytes bytes, const std::function<void(Bytes)>& packet) {
  for (const std::byte byte : bytes) {
    if (byte == slip_end) {
      if (escaped_) return fail("a SLIP escape is followed by the end of the packet");
      if (!pending_.empty()) packet(pending_.view());
      pending_.clear();
      continue;
    }
    std::byte plain = byte;
    if (escaped_) {
      if (byte != slip_escaped_end && byte != slip_escaped_escape) return fail("a SLIP escape is followed by a byte that needs none");
      plain = byte == slip_escaped_end ? slip_end : slip_escape;
      escaped_ = false;
    } else if (byte == slip_escape) {
      escaped_ = true;
      continue;
    }
    if (pending_.size() == packet_bytes_max_) return fail("a packet is longer than permitted");
    *pending_.extend(1) = plain;
  }
  if (pending_.empty()) pending_.release();
  return true;
}

void append_framed(ByteBuffer& out, Bytes packet, StreamFraming framing) {
  if (framing == StreamFraming::length) {
    out.u32(static_cast<std::uint32_t>(packet.size()));
    out.append(packet);
    return;
  }
  *out.extend(1) = slip_end;
  for (const std::byte byte : packet) {
    if (byte == slip_end || byte == slip_escape) {
      *out.extend(1) = slip_escape;
      *out.extend(1) = byte == slip_end ? slip_escaped_end : slip_escaped_escape;
    } else {
      *out.extend(1) = byte;
    }
  }
  *out.extend(1) = slip_end;
}

}  // namespace clasp::bridge::osc
