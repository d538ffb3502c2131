#include "net/recogniser.hpp"

#include <fmt/format.h>

#include "net/http_session.hpp"
#include "net/stream_link.hpp"

namespace clasp::net {

Protocols Protocols::clasp(LinkEngine& engine, HttpHandler& http, const WebSocketOptions& websocket) {
  Protocols all;
  all[Protocol::http] = [&engine, &http, websocket](Stream& stream) { return std::make_unique<HttpSession>(stream, http, &engine, websocket); };
  all[Protocol::length_prefixed] = [&engine](Stream& stream) { return open_stream_link<LengthPrefixedLink>(stream, engine); };
  all[Protocol::bare_frames] = [&engine](Stream& stream) { return open_stream_link<BareLink>(stream, engine); };
  return all;
}

Protocols Protocols::only_http(HttpHandler& http) {
  Protocols all;
  all[Protocol::http] = [&http](Stream& stream) { return std::make_unique<HttpSession>(stream, http, nullptr); };
  return all;
}

void Recogniser::on_bytes(std::span<std::byte>& input) {
  const auto first = std::to_integer<std::uint8_t>(input[0]);
  const Protocol protocol = protocol_of(first);
  NetStats& stats = stream_.loop().stats();
  if (const Protocols::Maker& make = (*known_)[protocol]) return stream_.become(make(stream_));
  if (protocol == Protocol::unknown) {
    ++stats.protocol_unknown;
    known_->tell("unknown", fmt::format("connection closed: its first byte {:#04x} belongs to no protocol spoken here", first), stream_.now());
  } else {
    ++stats.protocol_unavailable;
    const std::string_view name = protocol_name(protocol);
    known_->tell(name, fmt::format("connection closed: {} is not part of this build or not switched on", name), stream_.now());
  }
  input = {};
  stream_.close_after_flush();
}

void Recogniser::on_setup_deadline() {
  ++stream_.loop().stats().setups_timed_out;
  stream_.abort();
}

}  // namespace clasp::net
