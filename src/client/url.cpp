#include "client/url.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/address.hpp"
#include "core/limits.hpp"
#include "url/url.hpp"

namespace clasp::client {

namespace {

constexpr std::array schemes{url::Scheme{"ws", 80, false, true}, url::Scheme{"tcp", wire::default_port}};
constexpr std::array without_scheme{url::Scheme{"ws", wire::default_port, false, true}};
constexpr std::array<std::string_view, 5> not_in_this_build{"wss", "tls", "quic", "serial", "udp"};

}  // namespace

Result<Endpoint> parse_url(std::string_view text) {
  const auto scheme = url::find_scheme(text);
  if (scheme && std::ranges::find(not_in_this_build, std::string_view(*scheme)) != not_in_this_build.end())
    return Error{ErrorCode::invalid_argument, fmt::format("this client is built without {}: use ws:// or tcp://", *scheme), {}};
  auto parsed = scheme ? url::parse_url(text, schemes) : url::parse_url(text, without_scheme);
  if (!parsed) return parsed.error();
  if (!parsed->user.empty() || !parsed->password.empty()) {
    return Error{ErrorCode::invalid_argument,
                 fmt::format("invalid URL \"{}\": user names in the URL are not supported, give a token instead", printable(url::shown_url(text))),
                 {}};
  }
  return Endpoint{.transport = parsed->websocket ? Transport::websocket : Transport::tcp,
                  .host = std::move(parsed->host),
                  .port = parsed->port,
                  .target = std::move(parsed->target)};
}

}  // namespace clasp::client
