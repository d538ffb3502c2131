// HTTP requests, upgrades and the client's side of the handshake: any bytes, cut anywhere.
#include <cstddef>
#include <cstdint>
#include <optional>

#include "cut_stream.hpp"
#include "net/http_request.hpp"
#include "net/websocket_handshake.hpp"

namespace {

using namespace clasp;

struct Parsed {
  std::vector<std::string> requests;
  bool faulty = false;
  bool operator==(const Parsed&) const = default;
};

constexpr net::HttpLimits limits{.head_bytes_max = 512, .body_bytes_max = 1'000};

Parsed parse(std::span<const std::uint8_t> stream, std::size_t read_bytes) {
  net::HttpRequestParser parser{limits};
  Parsed parsed;
  fuzz::in_reads(stream, read_bytes, [&](std::span<std::byte> input) {
    while (const auto request = parser.next(input)) {
      parsed.requests.push_back(request->method + " " + request->target + " " + request->body);
      fuzz::require(request->body.size() <= limits.body_bytes_max, "bodies are bounded");
      const net::HttpResponse response = net::answer_upgrade(*request);
      ByteBuffer out;
      net::append_response(out, response, net::Persist::yes, net::Body::send);
      fuzz::require(out.size() > 16, "an answer is written");
    }
    fuzz::require(parser.fault() || input.empty(), "bytes are either taken or faulty");
    fuzz::require(parser.bytes_held() <= 32'768, "memory for an incomplete request is bounded");
    return !parser.fault();
  });
  parsed.faulty = parser.fault().has_value();
  return parsed;
}

std::optional<bool> shake(std::span<const std::uint8_t> stream, std::size_t read_bytes) {
  net::ClientHandshake handshake{net::WebSocketUrl{.tls = false, .host = "h", .port = 80, .target = "/"}, net::WebSocketNonce{}};
  std::optional<bool> outcome;
  fuzz::in_reads(stream, read_bytes, [&](std::span<std::byte> input) {
    if (const auto result = handshake.next(input)) outcome = result->has_value();
    return !outcome;
  });
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t read_bytes = data[1] + 1U;
  const std::span<const std::uint8_t> stream{data + 2, size - 2};
  if ((data[0] & 1) != 0) {
    const std::optional<bool> whole = shake(stream, stream.size() + 1);
    const std::optional<bool> cut = shake(stream, read_bytes);
    fuzz::require(whole.value_or(false) == cut.value_or(false), "cuts don't matter to the handshake");
  } else {
    fuzz::require(parse(stream, stream.size() + 1) == parse(stream, read_bytes), "cuts don't matter to requests");
  }
  return 0;
}
