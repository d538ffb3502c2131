#include "bridge/osc/osc_endpoint.hpp"

#include <fmt/format.h>

#include <functional>
#include <string_view>

namespace clasp::bridge::osc {

std::string to_text(const Endpoint& endpoint) {
  const auto& a = endpoint.address;
  if (endpoint.is_ipv4()) return fmt::format("{}.{}.{}.{}:{}", a[12], a[13], a[14], a[15], endpoint.port);
  std::string groups;
  for (std::size_t i = 0; i < a.size(); i += 2) groups += fmt::format("{}{:x}", i == 0 ? "" : ":", a[i] << 8 | a[i + 1]);
  return endpoint.scope == 0 ? fmt::format("[{}]:{}", groups, endpoint.port) : fmt::format("[{}%{}]:{}", groups, endpoint.scope, endpoint.port);
}

std::size_t EndpointHash::operator()(const Endpoint& endpoint) const {
  const std::string_view bytes(reinterpret_cast<const char*>(endpoint.address.data()), endpoint.address.size());
  const std::size_t rest = std::hash<std::uint64_t>{}(std::uint64_t{endpoint.scope} << 16 | endpoint.port);
  return std::hash<std::string_view>{}(bytes) ^ (rest * 0x9e37'79b9'7f4a'7c15ULL);
}

}  // namespace clasp::bridge::osc
