#include "client/url.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>

#include "core/address.hpp"
#include "core/limits.hpp"

namespace clasp::client {

namespace {

constexpr std::size_t url_bytes_max = 4'096;
constexpr std::size_t host_bytes_max = 253;

struct Scheme {
  std::string_view name;
  std::optional<Transport> transport;  // none: known, but not in this build
  std::uint16_t port;
};
constexpr std::array schemes{
    Scheme{"ws", Transport::websocket, 80}, Scheme{"tcp", Transport::tcp, wire::default_port},
    Scheme{"wss", std::nullopt, 443},       Scheme{"tls", std::nullopt, 7330},
    Scheme{"quic", std::nullopt, 7331},     Scheme{"serial", std::nullopt, 0},
    Scheme{"udp", std::nullopt, 7331},
};

Error bad_url(std::string_view url, std::string_view why) {
  return Error{ErrorCode::invalid_argument, fmt::format("invalid URL \"{}\": {}", printable(url), why), {}};
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

const Scheme* find_scheme(std::string_view name) {
  for (const Scheme& scheme : schemes) {
    if (scheme.name == name) return &scheme;
  }
  return nullptr;
}

// What may stand in a request line or a header: anything else would let an URL write lines of its own.
bool is_clean(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return false;
  }
  return true;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (fault != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

}  // namespace

Result<Endpoint> parse_url(std::string_view url) {
  if (url.empty()) return bad_url(url, "it is empty");
  if (url.size() > url_bytes_max) return bad_url(url, "it is too long");
  if (!is_clean(url)) return bad_url(url, "it contains spaces or control characters");

  Endpoint endpoint;
  std::string_view rest = url;
  if (const std::size_t at = url.find("://"); at != std::string_view::npos) {
    const std::string name = lower(url.substr(0, at));
    const Scheme* scheme = find_scheme(name);
    if (scheme == nullptr) return bad_url(url, fmt::format("unknown scheme \"{}\" (ws and tcp are supported)", name));
    if (!scheme->transport) {
      return Error{ErrorCode::invalid_argument, fmt::format("this client is built without {}: use ws:// or tcp://", name), {}};
    }
    endpoint.transport = *scheme->transport;
    endpoint.port = scheme->port;
    rest.remove_prefix(at + 3);
  } else {
    endpoint.port = wire::default_port;
  }
  const std::uint16_t scheme_port = endpoint.transport == Transport::websocket ? 80 : wire::default_port;

  if (const std::size_t fragment = rest.find('#'); fragment != std::string_view::npos) rest = rest.substr(0, fragment);
  const std::size_t path = rest.find_first_of("/?");
  std::string_view authority = rest.substr(0, path);
  if (path != std::string_view::npos) {
    endpoint.target = rest.substr(path);
    if (endpoint.target.front() == '?') endpoint.target.insert(0, "/");
  }
  if (authority.find('@') != std::string_view::npos) return bad_url(url, "user names in the URL are not supported, give a token instead");

  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) return bad_url(url, "'[' without ']'");
    endpoint.host = authority.substr(1, bracket - 1);
    port = authority.substr(bracket + 1);
    if (!port.empty() && !port.starts_with(':')) return bad_url(url, "something other than a port behind ']'");
  } else {
    const std::size_t colon = authority.find(':');
    if (colon != std::string_view::npos && authority.find(':', colon + 1) != std::string_view::npos) {
      return bad_url(url, "an IPv6 address has to stand in brackets");
    }
    endpoint.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon);
  }
  if (endpoint.host.empty()) return bad_url(url, "it names no host");
  if (endpoint.host.size() > host_bytes_max) return bad_url(url, "its host name is too long");
  if (!port.empty()) {
    const std::optional<std::uint16_t> number = parse_port(port.substr(1));
    if (!number) return bad_url(url, fmt::format("\"{}\" is no port number", printable(port.substr(1))));
    endpoint.port = *number;
  }
  endpoint.port_is_default = endpoint.port == scheme_port;
  return endpoint;
}

std::string host_header(const Endpoint& endpoint) {
  const bool literal = endpoint.host.find(':') != std::string::npos;
  std::string host = literal ? fmt::format("[{}]", endpoint.host) : endpoint.host;
  return endpoint.port_is_default ? host : fmt::format("{}:{}", host, endpoint.port);
}

}  // namespace clasp::client
