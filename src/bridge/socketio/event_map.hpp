// How events and addresses become each other, for server and client alike (bridges specification, 10.2 and 10.4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bridge/router_link.hpp"
#include "bridge/socketio/packet.hpp"
#include "bridge/socketio/server_config.hpp"
#include "bridge/web/out_queue.hpp"
#include "clasp/value.hpp"

namespace clasp::bridge::socketio {

// The address of an event in a namespace; nothing if it makes none.
std::optional<std::string> address_of(const EventNames& names, std::string_view nsp, std::string_view event);

// <prefix>[/<namespace>][/room/<room>]/<event>
struct EventPlace {
  std::string nsp;
  std::optional<std::string> room;
  std::string event;
};
// What of an address lies behind the prefix, with its slash; empty: it is not below it.
std::string_view tail_of(const EventNames& names, std::string_view address);
// Does the tail begin with that namespace?
bool is_in_namespace(std::string_view tail, std::string_view nsp);
EventPlace place_of(const EventNames& names, std::string_view tail, std::string_view nsp);

// The arguments of an event as a value: one is itself, several are an array.
Value value_of_event(const Array& event);
// The value of a delivery; samples are numbers.
std::optional<Value> value_of(const LinkDelivery& delivery);
// Under which key it waits for one client (OutQueue): as what, in which namespace, where; empty: no other takes its place.
std::string key_of(char as, std::string_view nsp, const LinkDelivery& delivery);
web::SharedMessage message_of(PacketType type, std::string_view nsp, std::optional<std::uint64_t> id, const Value& data);

}  // namespace clasp::bridge::socketio
