#include "bridge/socketio/event_map.hpp"

#include <fmt/format.h>

#include <bit>
#include <iterator>
#include <memory>

namespace clasp::bridge::socketio {

namespace {

constexpr std::string_view room_marker = "room/";

// One segment, or several, of an address as the name it stands for.
std::string decoded(std::string_view segments) {
  static const NamespaceMap no_prefix;
  std::string name;
  return no_prefix.to_name(fmt::format("/{}", segments), name) ? name : std::string{};
}

// Only what a newer value makes worthless may be replaced while it waits (contract, rules 13 to 15).
bool may_be_replaced(const LinkDelivery& delivery) {
  if (delivery.is_set) return true;
  return delivery.signal == SignalType::stream || (delivery.signal == SignalType::gesture && delivery.phase == GesturePhase::move);
}

}  // namespace

std::optional<std::string> address_of(const EventNames& names, std::string_view nsp, std::string_view event) {
  const std::string name = nsp == "/" ? std::string(event) : fmt::format("{}/{}", nsp.substr(1), event);
  std::string address;
  return names.ns.to_address(name, address) ? std::optional(address) : std::nullopt;
}

std::string_view tail_of(const EventNames& names, std::string_view address) {
  const std::string& prefix = names.ns.prefix();
  if (!address.starts_with(prefix) || address.size() <= prefix.size() + 1 || address[prefix.size()] != '/') return {};
  return address.substr(prefix.size());
}

bool is_in_namespace(std::string_view tail, std::string_view nsp) {
  return nsp == "/" || (tail.starts_with(nsp) && tail.size() > nsp.size() && tail[nsp.size()] == '/');
}

EventPlace place_of(const EventNames& names, std::string_view tail, std::string_view nsp) {
  std::string_view rest = tail.substr(nsp == "/" ? 1 : nsp.size() + 1);
  EventPlace place{.nsp = std::string(nsp), .room = {}, .event = {}};
  if (rest.starts_with(room_marker)) {
    const std::string_view behind = rest.substr(room_marker.size());
    if (const std::size_t slash = behind.find('/'); slash != std::string_view::npos && slash > 0) {
      place.room = decoded(behind.substr(0, slash));
      rest = behind.substr(slash + 1);
    }
  }
  place.event = decoded(names.last_segment ? rest.substr(rest.rfind('/') + 1) : rest);
  return place;
}

Value value_of_event(const Array& event) {
  if (event.size() == 2) return event[1];
  return Array(event.begin() + 1, event.end());
}

std::optional<Value> value_of(const LinkDelivery& delivery) {
  if (delivery.value) return to_value(*delivery.value);
  if (!delivery.samples) return std::nullopt;
  Array numbers;
  for (std::size_t at = 0; at + 8 <= delivery.samples->size(); at += 8)
    numbers.emplace_back(std::bit_cast<double>(load_be<std::uint64_t>(delivery.samples->data() + at)));
  return numbers;
}

std::string key_of(char as, std::string_view nsp, const LinkDelivery& delivery) {
  if (!may_be_replaced(delivery)) return {};
  std::string key = fmt::format("{}{},{}", as, nsp, delivery.address);
  if (!delivery.is_set) key += fmt::format(",{},{}", static_cast<int>(delivery.signal), delivery.id.value_or(0));
  return key;
}

web::SharedMessage message_of(PacketType type, std::string_view nsp, std::optional<std::uint64_t> id, const Value& data) {
  EncodedPacket encoded = encode_packet(type, nsp, id, data);
  return std::make_shared<web::OutMessage>(web::OutMessage{.text = std::move(encoded.text), .attachments = std::move(encoded.attachments)});
}

}  // namespace clasp::bridge::socketio
