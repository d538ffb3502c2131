// What decoding the packets of clients (packet_decode.cpp) and of servers (server_packet.cpp) has in common.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "core/bytes.hpp"
#include "core/utf8.hpp"
#include "mqtt/packet.hpp"
#include "mqtt/properties.hpp"

namespace clasp::mqtt::decoding {

inline constexpr Fault cut_short{Reason::malformed_packet, "a packet that ends before its fields"};
inline constexpr Fault too_long{Reason::malformed_packet, "a packet with bytes behind its fields"};
inline constexpr Fault bad_flags{Reason::malformed_packet, "reserved bits in a fixed header"};
inline constexpr Fault bad_text{Reason::malformed_packet, "text that is not UTF-8 or holds a zero"};
inline constexpr Fault no_identifier{Reason::protocol_error, "packet identifier 0"};
inline constexpr Fault bad_qos{Reason::malformed_packet, "QoS 3"};
inline constexpr Fault bad_duplicate{Reason::malformed_packet, "DUP at QoS 0"};

// Takes fields off the front; once something is missing everything that follows is empty, so that callers ask once.
class Fields {
 public:
  explicit Fields(Bytes bytes) : rest_(bytes) {}

  std::uint8_t u8() { return take(1) ? std::to_integer<std::uint8_t>(taken_[0]) : std::uint8_t{0}; }
  std::uint16_t u16() { return take(2) ? load_be<std::uint16_t>(taken_.data()) : std::uint16_t{0}; }
  PacketId packet_id() {
    const PacketId id{u16()};
    if (ok() && id == PacketId::none) fault_ = &no_identifier;
    return id;
  }
  Bytes binary() {
    const std::size_t bytes = u16();
    return take(bytes) ? taken_ : Bytes{};
  }
  std::string_view text() {
    const std::string_view text = as_text(binary());
    if (ok() && (text.find('\0') != std::string_view::npos || !is_utf8(text))) fault_ = &bad_text;
    return text;
  }
  void properties(Holder holder, Properties& out) {
    if (!ok()) return;
    if (const auto fault = read_properties(rest_, holder, out)) {
      property_fault_ = *fault;
      fault_ = &property_fault_;
    }
  }
  void fail(const Fault& fault) {
    if (ok()) fault_ = &fault;
  }
  bool ok() const { return fault_ == nullptr; }
  Bytes rest() const { return rest_; }
  const Fault& fault() const { return *fault_; }
  // The end: nothing may be left.
  std::optional<Fault> ended() const { return !ok() ? std::optional(*fault_) : rest_.empty() ? std::nullopt : std::optional(too_long); }

 private:
  bool take(std::size_t bytes) {
    if (!ok()) return false;
    if (rest_.size() < bytes) {
      fault_ = &cut_short;
      return false;
    }
    taken_ = rest_.first(bytes);
    rest_ = rest_.subspan(bytes);
    return true;
  }

  Bytes rest_;
  Bytes taken_;
  const Fault* fault_ = nullptr;
  Fault property_fault_;
};

template <typename Packet>
std::expected<Packet, Fault> finish(const Fields& fields, const auto& packet) {
  if (const auto fault = fields.ended()) return std::unexpected(*fault);
  return packet;
}

template <typename Packet>
std::expected<Packet, Fault> decode_publish(std::uint8_t flags, Fields fields, Version version, Holder holder) {
  PublishPacket publish;
  publish.qos = Qos{static_cast<std::uint8_t>(flags >> 1 & 3U)};
  publish.retain = (flags & 1U) != 0;
  publish.duplicate = (flags & 8U) != 0;
  if ((flags & 6U) == 6U) return std::unexpected(bad_qos);
  if (publish.duplicate && publish.qos == Qos::at_most_once) return std::unexpected(bad_duplicate);
  publish.topic = fields.text();
  if (publish.qos != Qos::at_most_once) publish.id = fields.packet_id();
  if (version == Version::v5) fields.properties(holder, publish.properties);
  if (!fields.ok()) return std::unexpected(fields.fault());
  publish.payload = fields.rest();
  return publish;
}

// Short forms exist in MQTT 5: no reason means success, no properties means none.
template <typename Packet>
std::expected<Packet, Fault> decode_acknowledgement(PacketType type, Fields fields, Version version) {
  Acknowledgement acknowledgement{.type = type, .id = fields.packet_id()};
  if (version == Version::v5 && !fields.rest().empty()) acknowledgement.reason = Reason{fields.u8()};
  if (version == Version::v5 && !fields.rest().empty()) {
    Properties ignored;
    fields.properties(Holder::acknowledgement, ignored);
  }
  return finish<Packet>(fields, acknowledgement);
}

}  // namespace clasp::mqtt::decoding
