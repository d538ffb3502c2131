#include "dial/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/address.hpp"
#include "dial/target.hpp"

namespace clasp::dial {
namespace {

constexpr std::size_t url_bytes_max = 4'096;
constexpr std::size_t host_bytes_max = 253;

// Without what stands before an '@': it may be a password.
Error bad_url(std::string_view url, std::string_view why) {
  const std::size_t scheme = url.find("://");
  const std::size_t from = scheme == std::string_view::npos ? 0 : scheme + 3;
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

std::string names_of(std::span<const Scheme> schemes) {
  std::string names;
  for (const Scheme& scheme : schemes) names += fmt::format("{}{}://", names.empty() ? "" : ", ", scheme.name);
  return names;
}

}  // namespace

std::string place(const std::string& host, std::uint16_t port) {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

Result<Url> parse_url(std::string_view text, std::span<const Scheme> schemes) {
  if (text.empty()) return bad_url(text, "it is empty");
  if (text.size() > url_bytes_max) return Error{ErrorCode::invalid_argument, "invalid URL: it is too long", {}};
  if (!is_clean(text)) return bad_url(text, "it contains spaces or control characters");

  const std::size_t colon = text.find("://");
  const std::string name = colon == std::string_view::npos ? std::string(schemes.front().name) : lower(text.substr(0, colon));
  const auto scheme = std::ranges::find(schemes, std::string_view(name), &Scheme::name);
  if (scheme == schemes.end()) return bad_url(text, fmt::format("unknown scheme \"{}\" ({} are supported)", name, names_of(schemes)));
  Url url{.scheme = name, .tls = scheme->tls, .websocket = scheme->websocket, .port = scheme->port};

  std::string_view rest = colon == std::string_view::npos ? text : text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  url.target = rest.substr(authority.size());
  if (!url.target.starts_with('/')) url.target.insert(0, "/");

  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    const std::string_view credentials = authority.substr(0, at);
    const std::size_t between = std::min(credentials.find(':'), credentials.size());
    const auto user = percent_decoded(credentials.substr(0, between));
    const auto password = percent_decoded(credentials.substr(std::min(between + 1, credentials.size())));
    if (!user || !password) return bad_url(text, "a '%' in the user or password is not followed by two hexadecimal digits");
    url.user = *user;
    url.password = *password;
    authority.remove_prefix(at + 1);
  }

  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos) return bad_url(text, "'[' without ']'");
    url.host = authority.substr(1, bracket - 1);
    port = authority.substr(bracket + 1);
    if (!port.empty() && !port.starts_with(':')) return bad_url(text, "something other than a port behind ']'");
  } else {
    const std::size_t at = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, at);
    port = authority.substr(at);
    if (port.find(':', 1) != std::string_view::npos) return bad_url(text, "an IPv6 address has to stand in brackets");
  }
  if (url.host.empty()) return bad_url(text, "it names no host");
  if (url.host.size() > host_bytes_max) return bad_url(text, "its host name is too long");
  if (port.size() > 1) {
    port.remove_prefix(1);
    const auto [end, fault] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (fault != std::errc{} || end != port.data() + port.size() || url.port == 0)
      return bad_url(text, fmt::format("\"{}\" is no port number", port));
  }
  return url;
}

}  // namespace clasp::dial
