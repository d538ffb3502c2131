// URLs of what we connect to, as people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "clasp/error.hpp"

namespace clasp::url {

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
  std::string host;  // a name, an IPv4 or IPv6 address; of the latter without brackets, its zone behind a '%'
  std::uint16_t port = 0;
  std::string target;  // path and query as written, at least "/"
  bool operator==(const Url&) const = default;
};

// "scheme://[user[:password]@]host[:port][/path][?query]". Without a scheme the first of `schemes` is meant; an empty port is none (RFC 3986, 3.2.3).
// The error names what is wrong and never shows a password.
Result<Url> parse_url(std::string_view text, std::span<const Scheme> schemes);

// What stands before "://", in lower case; nothing if there is none, which is how an address is told from a URL.
std::optional<std::string> find_scheme(std::string_view text);

// "https://desk.example" or "https://desk.example:8443", and nothing behind: what web pages say of themselves (RFC 6454).
bool is_origin(std::string_view text);

// scheme://host[:port]/path of a URL, however wrong it is: what may be logged of it.
std::string shown_url(std::string_view text);

std::string place(std::string_view host, std::uint16_t port);  // "host:1883", "[::1]:1883"
// The same for the Host header of a request: without the port if it is the default, and without the zone, which means nothing over there (RFC 6874, 4).
std::string host_header(std::string_view host, std::uint16_t port, std::uint16_t default_port);

}  // namespace clasp::url
