#include "core/utf8.hpp"
#include "mqtt/framer.hpp"
#include "mqtt/packet.hpp"

namespace clasp::mqtt {
namespace {

constexpr Fault cut_short{Reason::malformed_packet, "a packet that ends before its fields"};
constexpr Fault too_long{Reason::malformed_packet, "a packet with bytes behind its fields"};
constexpr Fault bad_flags{Reason::malformed_packet, "reserved bits in a fixed header"};
constexpr Fault bad_text{Reason::malformed_packet, "text that is not UTF-8 or holds a zero"};
constexpr Fault no_identifier{Reason::protocol_error, "packet identifier 0"};
constexpr Fault no_filter{Reason::protocol_error, "a list of topic filters that is empty"};
constexpr Fault bad_options{Reason::malformed_packet, "subscription options with reserved bits"};
constexpr Fault bad_qos{Reason::malformed_packet, "QoS 3"};
constexpr Fault bad_duplicate{Reason::malformed_packet, "DUP at QoS 0"};
constexpr Fault bad_protocol_name{Reason::unsupported_protocol_version, "a protocol name other than MQTT"};
constexpr Fault bad_version{Reason::unsupported_protocol_version, "a protocol version other than 3.1.1 and 5"};
constexpr Fault bad_connect_flags{Reason::malformed_packet, "CONNECT flags that contradict each other"};
constexpr Fault not_a_client_packet{Reason::protocol_error, "a packet that only servers send"};

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

using Decoded = std::expected<ClientPacket, Fault>;

template <typename Packet>
Decoded finish(const Fields& fields, const Packet& packet) {
  if (const auto fault = fields.ended()) return std::unexpected(*fault);
  return packet;
}

void read_will(Fields& fields, Connect& connect, std::uint8_t flags) {
  connect.will.emplace();
  connect.will->qos = Qos{static_cast<std::uint8_t>(flags >> 3 & 3U)};
  connect.will->retain = (flags & 0x20) != 0;
  if (connect.version == Version::v5) fields.properties(Holder::will, connect.will->properties);
  connect.will->topic = fields.text();
  connect.will->payload = fields.binary();
}

Decoded decode_connect(Fields fields) {
  Connect connect;
  const std::string_view name = fields.text();
  if (fields.ok() && name != "MQTT") return std::unexpected(bad_protocol_name);
  const std::uint8_t level = fields.u8();
  if (fields.ok() && level != 4 && level != 5) return std::unexpected(bad_version);
  connect.version = Version{level};
  const std::uint8_t flags = fields.u8();
  const bool has_will = (flags & 0x04) != 0;
  const bool has_password = (flags & 0x40) != 0;
  const bool has_name = (flags & 0x80) != 0;
  if ((flags & 0x01) != 0 || (flags & 0x18) == 0x18 || (!has_will && (flags & 0x38) != 0)) fields.fail(bad_connect_flags);
  if (connect.version == Version::v311 && has_password && !has_name) fields.fail(bad_connect_flags);
  connect.clean_start = (flags & 0x02) != 0;
  connect.keep_alive = fields.u16();
  if (connect.version == Version::v5) fields.properties(Holder::connect, connect.properties);
  connect.client_id = fields.text();
  if (has_will) read_will(fields, connect, flags);
  if (has_name) connect.user_name = fields.text();
  if (has_password) connect.password = fields.binary();
  return finish(fields, connect);
}

Decoded decode_publish(std::uint8_t flags, Fields fields, Version version) {
  PublishPacket publish;
  publish.qos = Qos{static_cast<std::uint8_t>(flags >> 1 & 3U)};
  publish.retain = (flags & 1U) != 0;
  publish.duplicate = (flags & 8U) != 0;
  if ((flags & 6U) == 6U) return std::unexpected(bad_qos);
  if (publish.duplicate && publish.qos == Qos::at_most_once) return std::unexpected(bad_duplicate);
  publish.topic = fields.text();
  if (publish.qos != Qos::at_most_once) publish.id = fields.packet_id();
  if (version == Version::v5) fields.properties(Holder::publish, publish.properties);
  if (!fields.ok()) return std::unexpected(fields.fault());
  publish.payload = fields.rest();
  return publish;
}

// Short forms exist in MQTT 5: no reason means success, no properties means none.
Decoded decode_acknowledgement(PacketType type, Fields fields, Version version) {
  Acknowledgement acknowledgement{.type = type, .id = fields.packet_id()};
  if (version == Version::v5 && !fields.rest().empty()) acknowledgement.reason = Reason{fields.u8()};
  if (version == Version::v5 && !fields.rest().empty()) {
    Properties ignored;
    fields.properties(Holder::acknowledgement, ignored);
  }
  return finish(fields, acknowledgement);
}

bool options_are_valid(std::uint8_t options, Version version) {
  if ((options & 3U) == 3U) return false;
  return version == Version::v311 ? (options & 0xfcU) == 0 : (options & 0xc0U) == 0 && (options & 0x30U) != 0x30U;
}

Decoded decode_subscribe(Fields fields, Version version) {
  SubscribePacket subscribe{.id = fields.packet_id(), .properties = {}, .filters = {}};
  if (version == Version::v5) fields.properties(Holder::subscribe, subscribe.properties);
  subscribe.filters = fields.rest();
  if (fields.ok() && subscribe.filters.empty()) fields.fail(no_filter);
  while (fields.ok() && !fields.rest().empty()) {
    fields.text();
    const std::uint8_t options = fields.u8();
    if (!options_are_valid(options, version)) fields.fail(bad_options);
  }
  return finish(fields, subscribe);
}

Decoded decode_unsubscribe(Fields fields, Version version) {
  UnsubscribePacket unsubscribe{.id = fields.packet_id(), .filters = {}};
  Properties ignored;
  if (version == Version::v5) fields.properties(Holder::unsubscribe, ignored);
  unsubscribe.filters = fields.rest();
  if (fields.ok() && unsubscribe.filters.empty()) fields.fail(no_filter);
  while (fields.ok() && !fields.rest().empty()) fields.text();
  return finish(fields, unsubscribe);
}

Decoded decode_disconnect(Fields fields, Version version) {
  Disconnect disconnect;
  if (version == Version::v5 && !fields.rest().empty()) disconnect.reason = Reason{fields.u8()};
  if (version == Version::v5 && !fields.rest().empty()) {
    Properties properties;
    fields.properties(Holder::disconnect, properties);
    disconnect.session_expiry = properties.session_expiry;
  }
  return finish(fields, disconnect);
}

}  // namespace

std::expected<ClientPacket, Fault> decode_packet(Bytes packet, Version version) {
  const auto first = std::to_integer<std::uint8_t>(packet[0]);
  const auto type = PacketType{static_cast<std::uint8_t>(first >> 4)};
  const auto flags = static_cast<std::uint8_t>(first & 0x0f);
  const Fields fields(packet.subspan(1 + read_variable_integer(packet.subspan(1)).bytes));
  const bool wants_two = type == PacketType::pubrel || type == PacketType::subscribe || type == PacketType::unsubscribe;
  if (type != PacketType::publish && flags != (wants_two ? 2 : 0)) return std::unexpected(bad_flags);
  switch (type) {
    case PacketType::connect: return decode_connect(fields);
    case PacketType::publish: return decode_publish(flags, fields, version);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp: return decode_acknowledgement(type, fields, version);
    case PacketType::subscribe: return decode_subscribe(fields, version);
    case PacketType::unsubscribe: return decode_unsubscribe(fields, version);
    case PacketType::pingreq: return finish(fields, PingRequest{});
    case PacketType::disconnect: return decode_disconnect(fields, version);
    case PacketType::auth:
      if (version == Version::v5) return Auth{};
      break;
    default: break;
  }
  return std::unexpected(not_a_client_packet);
}

std::optional<FilterEntry> next_filter(Bytes& filters) {
  const auto text = next_filter_text(filters);
  if (!text) return std::nullopt;
  const auto options = std::to_integer<std::uint8_t>(filters[0]);
  filters = filters.subspan(1);
  return FilterEntry{.filter = *text,
                     .options = {.qos = Qos{static_cast<std::uint8_t>(options & 3U)},
                                 .no_local = (options & 4U) != 0,
                                 .retain_as_published = (options & 8U) != 0,
                                 .retain_handling = static_cast<std::uint8_t>(options >> 4 & 3U)}};
}

std::optional<std::string_view> next_filter_text(Bytes& filters) {
  if (filters.empty()) return std::nullopt;
  const std::size_t bytes = load_be<std::uint16_t>(filters.data());
  const std::string_view text = as_text(filters.subspan(2, bytes));
  filters = filters.subspan(2 + bytes);
  return text;
}

}  // namespace clasp::mqtt
