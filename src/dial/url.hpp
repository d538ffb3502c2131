// URLs of what bridges connect to.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "clasp/error.hpp"

namespace clasp::dial {

struct Scheme {
  std::string_view name;  // in lower case
  std::uint16_t port;     // if the URL gives none
  bool tls = false;
  bool websocket = false;
};

struct Url {
  std::string scheme;  // in lower case
  bool tls = false;
  bool websocket = false;
  std::string user;  // percent-decoded, as the password; "" if there is none
  std::string password;
  std::string host;  // without brackets
  std::uint16_t port = 0;
  std::string target;  // path and query as written, at least "/"
  bool operator==(const Url&) const = default;
};

// "scheme://[user[:password]@]host[:port][/path][?query]". Without a scheme the first of `schemes` is meant. The error names what is wrong and never
// shows a password.
Result<Url> parse_url(std::string_view text, std::span<const Scheme> schemes);

}  // namespace clasp::dial
