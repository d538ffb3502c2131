// TCP sockets without their waiting: nothing here blocks.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "bridge/osc/socket_address.hpp"
#include "clasp/error.hpp"
#include "core/bytes.hpp"

namespace clasp::bridge::osc {

// The caller owns the descriptors. Errors name the address and the reason.
Result<int> listen_tcp(std::string_view bind);
Result<int> connect_tcp(const sockaddr_storage& to);  // under way: connected once it can be written and connect_error() is empty
std::string connect_error(int descriptor);

struct Accepted {
  enum class State { connection, nothing, no_descriptors } state = State::nothing;
  int descriptor = -1;
  Endpoint from;
};
Accepted accept_tcp(int listener);
void close_descriptor(int descriptor);

struct StreamRead {
  enum class State { bytes, nothing, ended } state = State::nothing;
  std::size_t bytes = 0;
};
StreamRead receive_some(int descriptor, std::span<std::byte> buffer);
std::optional<std::size_t> send_some(int descriptor, Bytes bytes);  // how many went; nothing if the connection broke

}  // namespace clasp::bridge::osc
