#include "client/arguments.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "core/address.hpp"
#include "core/limits.hpp"

namespace clasp::client {

std::optional<Error> find_fault(std::string_view address, const EncodedValue* value) {
  if (const auto fault = check_address(address)) {
    return Error{ErrorCode::invalid_address, describe_address_fault(*fault, address), std::string(address)};
  }
  if (value != nullptr && !value->ok()) {
    return Error{ErrorCode::invalid_value, "the value exceeds the limits of the wire: 65535 bytes a string, 65535 entries, 64 levels",
                 std::string(address)};
  }
  return std::nullopt;
}

std::optional<Error> find_fault(std::string_view address, const SetOptions& options) {
  if (!options.lifetime) return std::nullopt;
  const auto length = options.lifetime->length.count();
  if (length >= 0 && length <= std::int64_t{wire::ttl_seconds_max}) return std::nullopt;
  return Error{ErrorCode::invalid_argument, fmt::format("a lifetime of {} s is out of range (0 to {})", length, wire::ttl_seconds_max),
               std::string(address)};
}

}  // namespace clasp::client
