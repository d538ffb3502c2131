#include "url/url.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/address.hpp"

namespace clasp::url {
namespace {

constexpr std::size_t url_bytes_max = 4'096;
constexpr std::size_t host_bytes_max = 253;
constexpr std::string_view mark = "://";

// Without what stands before an '@': it may be a password.
Error bad_url(std::string_view url, std::string_view why) {
  const std::size_t scheme = url.find(mark);
  const std::size_t from = scheme == std::string_view::npos ? 0 : scheme + mark.size();
  const std::size_t at = url.rfind('@');
  const std::string shown = at != std::string_view::npos && at >= from ? fmt::format("{}…{}", url.substr(0, from), url.substr(at)) : std::string(url);
  return {ErrorCode::invalid_argument, fmt::format("invalid URL \"{}\": {}", printable(shown), why), {}};
}

// What may stand in a request line: anything else would let a URL write lines of its own.
bool is_clean(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    unsigned value = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 2 || fault != std::errc{} || end != digits.data() + 2) return std::nullopt;
    out += static_cast<char>(value);
    i += 2;
  }
  return out;
}

// Where "://" is that ends the scheme; not one in a path or query.
std::size_t end_of_scheme(std::string_view text) {
  const std::size_t at = text.find(mark);
  return at == std::string_view::npos || text.substr(0, at).find_first_of("/?#@") != std::string_view::npos ? std::string_view::npos : at;
}

std::string names_of(std::span<const Scheme> schemes) {
  std::string names;
  for (const Scheme& scheme : schemes) names += fmt::format("{}{}://", names.empty() ? "" : ", ", scheme.name);
  return names;
}

// The pieces of a URL as they are written. The fragment is for browsers only.
struct Pieces {
  std::string_view scheme;
  std::string_view credentials;  // before the last '@'
  bool has_credentials = false;
  std::string_view place;   // host and port
  std::string_view target;  // path and query
};

Pieces pieces_of(std::string_view text) {
  Pieces pieces;
  const std::size_t at = end_of_scheme(text);
  if (at != std::string_view::npos) pieces.scheme = text.substr(0, at);
  std::string_view rest = at == std::string_view::npos ? text : text.substr(at + mark.size());
  rest = rest.substr(0, rest.find('#'));
  pieces.place = rest.substr(0, rest.find_first_of("/?"));
  pieces.target = rest.substr(pieces.place.size());
  if (const std::size_t end = pieces.place.rfind('@'); end != std::string_view::npos) {
    pieces.has_credentials = true;
    pieces.credentials = pieces.place.substr(0, end);
    pieces.place.remove_prefix(end + 1);
  }
  return pieces;
}

struct Place {
  std::string host;
  std::uint16_t port = 0;
};
using PlaceFault = std::string;  // what is wrong

// "fe80::1%25eth0" is how RFC 6874 writes a zone in a URL, "fe80::1%eth0" how everybody does.
std::optional<PlaceFault> read_ipv6(std::string_view literal, std::string& host) {
  const std::string_view address = literal.substr(0, literal.find('%'));
  std::string_view zone = literal.substr(address.size());
  host = address;
  std::array<std::byte, 16> bytes{};
  if (::inet_pton(AF_INET6, host.c_str(), bytes.data()) != 1) return fmt::format("\"{}\" is no IPv6 address", printable(address));
  if (zone.empty()) return std::nullopt;
  zone.remove_prefix(zone.starts_with("%25") ? 3 : 1);
  if (zone.empty()) return fmt::format("the zone behind '%' of {} is empty", address);
  host += '%';
  host += zone;
  return std::nullopt;
}

std::optional<PlaceFault> read_port(std::string_view text, std::uint16_t& port) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (fault == std::errc{} && end == text.data() + text.size() && port != 0) return std::nullopt;
  return fmt::format("\"{}\" is no port number (1 to 65535)", printable(text));
}

// `place.port` stays as it is if the text has none.
std::optional<PlaceFault> read_place(std::string_view text, Place& place) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return "'[' without ']'";
    port = text.substr(bracket + 1);
    if (!port.empty() && !port.starts_with(':')) return "something other than a port behind ']'";
    if (bracket == 1) return "it names no host";
    if (auto fault = read_ipv6(text.substr(1, bracket - 1), place.host)) return fault;
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    place.host = text.substr(0, colon);
    port = text.substr(colon);
    if (port.find(':', 1) != std::string_view::npos) return "an IPv6 address has to stand in brackets";
  }
  if (place.host.empty()) return "it names no host";
  if (place.host.size() > host_bytes_max) return "its host name is too long";
  if (port.size() > 1) return read_port(port.substr(1), place.port);
  return std::nullopt;
}

}  // namespace

Result<Url> parse_url(std::string_view text, std::span<const Scheme> schemes) {
  if (text.empty()) return bad_url(text, "it is empty");
  if (text.size() > url_bytes_max) return Error{ErrorCode::invalid_argument, fmt::format("invalid URL: it is too long, more than {} bytes", url_bytes_max), {}};
  if (!is_clean(text)) return bad_url(text, "it contains spaces or control characters");

  const std::string name = find_scheme(text).value_or(std::string(schemes.front().name));
  const auto scheme = std::ranges::find(schemes, std::string_view(name), &Scheme::name);
  if (scheme == schemes.end()) return bad_url(text, fmt::format("unknown scheme \"{}\" ({} are supported)", name, names_of(schemes)));

  const Pieces pieces = pieces_of(text);
  Place place{.host = {}, .port = scheme->port};
  if (const auto fault = read_place(pieces.place, place)) {
    const bool at_behind = !pieces.has_credentials && text.find('@') != std::string_view::npos;  // then what is wrong may be a piece of a password
    return bad_url(text, at_behind ? "'/', '?' and '#' in a user or password have to be written as %2F, %3F and %23" : *fault);
  }
  const std::size_t between = std::min(pieces.credentials.find(':'), pieces.credentials.size());
  const auto user = percent_decoded(pieces.credentials.substr(0, between));
  const auto password = percent_decoded(pieces.credentials.substr(std::min(between + 1, pieces.credentials.size())));
  if (!user || !password) return bad_url(text, "a '%' in the user or password is not followed by two hexadecimal digits");
  return Url{.scheme = name,
             .tls = scheme->tls,
             .websocket = scheme->websocket,
             .user = *user,
             .password = *password,
             .host = std::move(place.host),
             .port = place.port,
             .target = fmt::format("{}{}", pieces.target.starts_with('/') ? "" : "/", pieces.target)};
}

std::optional<std::string> find_scheme(std::string_view text) {
  const std::size_t at = end_of_scheme(text);
  if (at == std::string_view::npos) return std::nullopt;
  return lower(text.substr(0, at));
}

bool is_origin(std::string_view text) {
  const Pieces pieces = pieces_of(text);
  Place place;
  return is_clean(text) && !pieces.scheme.empty() && !pieces.has_credentials && pieces.target.empty() && text.find('#') == std::string_view::npos &&
         !text.ends_with(':') && !read_place(pieces.place, place);
}

std::string shown_url(std::string_view text) {
  const Pieces pieces = pieces_of(text);
  return fmt::format("{}{}{}{}", pieces.scheme, pieces.scheme.empty() ? "" : mark, pieces.place, pieces.target.substr(0, pieces.target.find('?')));
}

std::string place(std::string_view host, std::uint16_t port) {
  return host.find(':') == std::string_view::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

std::string host_header(std::string_view host, std::uint16_t port, std::uint16_t default_port) {
  const bool literal = host.find(':') != std::string_view::npos;
  if (literal) host = host.substr(0, host.find('%'));
  if (port != default_port) return place(host, port);
  return literal ? fmt::format("[{}]", host) : std::string(host);
}

}  // namespace clasp::url
