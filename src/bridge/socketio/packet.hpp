// Socket.IO packets, protocol revision 5 (servers and clients of version 3 and 4). No I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clasp/error.hpp"
#include "clasp/value.hpp"
#include "core/bytes.hpp"

namespace clasp::bridge::socketio {

enum class PacketType : std::uint8_t { connect, disconnect, event, ack, connect_error, binary_event, binary_ack };

struct Packet {
  PacketType type = PacketType::event;  // binary ones arrive as what they are without their attachments
  std::string nsp = "/";
  std::optional<std::uint64_t> id;
  Value data;  // null: there was none. Of events and acks an array, with the attachments in their places
};

struct PacketLimits {
  std::size_t attachments_max = 64;
  std::size_t bytes_max = 1'000'000;  // of one packet with its attachments
  std::size_t values_max = 100'000;   // in its JSON
  std::size_t namespace_bytes_max = 256;
};

// Puts packets together out of a text message and the binary ones behind it. An error is final: the peer does not speak the protocol, or sends more
// than may be; the connection has to end.
class PacketAssembler {
 public:
  explicit PacketAssembler(const PacketLimits& limits = {}) : limits_(limits) {}

  // A packet if one is complete; nothing if attachments are to come.
  Result<std::optional<Packet>> take_text(std::string_view text);
  Result<std::optional<Packet>> take_binary(Bytes attachment);
  bool waits_for_attachments() const { return attachments_expected_ > 0; }

 private:
  Result<std::optional<Packet>> complete();

  PacketLimits limits_;
  Packet packet_;  // that waits
  std::size_t attachments_expected_ = 0;
  std::vector<Value> attachments_;
  std::size_t bytes_ = 0;
};

// One packet as text and the binary messages behind it.
struct EncodedPacket {
  std::string text;
  std::vector<std::string> attachments;
};
// `data` null: none. Bytes in it become attachments, and the type the binary one.
EncodedPacket encode_packet(PacketType type, std::string_view nsp, std::optional<std::uint64_t> id, const Value& data);

// Names that Socket.IO keeps for itself: no event may have them.
bool is_reserved_event(std::string_view name);

}  // namespace clasp::bridge::socketio
