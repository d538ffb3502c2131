// Which process listens on a TCP port of this machine, as far as /proc shows it to us.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace clasp::net {

struct PortOwner {
  int pid = 0;
  std::string name;
};
std::optional<PortOwner> find_port_owner(std::uint16_t port);

}  // namespace clasp::net
