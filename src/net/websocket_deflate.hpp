// permessage-deflate (RFC 7692): what client and server agree on in the opening handshake. The compression itself is in message_deflater.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "net/http_message.hpp"

namespace clasp::net {

struct ExtensionParameter {
  std::string name;
  std::optional<std::string> value;
  bool operator==(const ExtensionParameter&) const = default;
};
struct Extension {
  std::string name;
  std::vector<ExtensionParameter> parameters;
  bool operator==(const Extension&) const = default;
};

// What all lines of Sec-WebSocket-Extensions list together, in order. Nothing: they don't follow the grammar (RFC 6455, section 9.1).
std::optional<std::vector<Extension>> parse_extensions(const std::vector<HttpField>& fields);

// What a server of ours agrees to. Neither side keeps its window from one message to the next: so a session that is silent costs nothing, and one
// compressor serves all.
struct DeflateAgreement {
  static constexpr std::uint8_t window_bits_max = 15;
  static constexpr std::uint8_t window_bits_min = 9;  // the standard has 8 as well; zlib cannot write such a stream

  std::optional<std::uint8_t> server_window_bits;  // the client asked for a window of at most this size

  std::uint8_t window_bits() const { return server_window_bits.value_or(window_bits_max); }
  std::string header() const;  // the value of Sec-WebSocket-Extensions in the answer
  bool operator==(const DeflateAgreement&) const = default;
};

// The first offer of permessage-deflate that we can keep, if there is one.
std::optional<DeflateAgreement> agree_on_deflate(std::span<const Extension> offered);

}  // namespace clasp::net
