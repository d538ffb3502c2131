// What other brokers send, cut into pieces for net::Splitter: a message is a piece of kind `frame` with the message's payload alone; whatever else
// the broker says is `text`, `ping` or `pong`. Only what the load generator asks for is understood; anything else is a fault.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/bytes.hpp"
#include "net/framing.hpp"

namespace clasp::bench {

inline constexpr std::size_t broker_piece_bytes_max = 1'048'576;

// The part that all three share: a broken stream stays broken.
class BrokerFramer {
 public:
  std::optional<net::FramingFault> fault() const { return fault_; }

 protected:
  std::nullopt_t fail(std::string_view text) {
    fault_ = net::FramingFault{.close_code = 1002, .text = text};
    return std::nullopt;
  }
  // The line that begins at `from`, without CRLF.
  static std::optional<std::string_view> line_at(Bytes input, std::size_t from) {
    const std::string_view text = as_text(input);
    const std::size_t end = text.find('\r', from);
    if (end == std::string_view::npos || end + 1 >= text.size()) return std::nullopt;
    return text.substr(from, end - from);
  }
  static std::optional<std::size_t> number(std::string_view digits) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size() || value > broker_piece_bytes_max) return std::nullopt;
    return value;
  }

  std::optional<net::FramingFault> fault_;
};

// The NATS client protocol: "MSG subject sid bytes\r\n" payload "\r\n", and lines.
class NatsFramer : public BrokerFramer {
 public:
  std::optional<net::Piece> next(std::span<std::byte>& input) {
    if (fault_) return std::nullopt;
    const auto line = line_at(input, 0);
    if (!line) return input.size() > broker_piece_bytes_max ? fail("NATS: an endless line") : std::nullopt;
    const std::size_t line_bytes = line->size() + 2;
    if (!line->starts_with("MSG ")) {
      const auto kind = *line == "PING" ? net::PieceKind::ping : *line == "PONG" ? net::PieceKind::pong : net::PieceKind::text;
      if (line->starts_with("-ERR")) return fail("NATS: -ERR");
      input = input.subspan(line_bytes);
      return net::Piece{.kind = kind, .payload = as_bytes(*line)};
    }
    const auto bytes = number(line->substr(line->rfind(' ') + 1));
    if (!bytes) return fail("NATS: a MSG without a length");
    if (input.size() < line_bytes + *bytes + 2) return std::nullopt;
    const net::Piece piece{.kind = net::PieceKind::frame, .payload = input.subspan(line_bytes, *bytes)};
    input = input.subspan(line_bytes + *bytes + 2);
    return piece;
  }
  std::size_t bytes_wanted(Bytes input) const {
    const auto line = line_at(input, 0);
    if (!line || !line->starts_with("MSG ")) return input.size() + 1;
    return std::max(input.size() + 1, line->size() + 2 + number(line->substr(line->rfind(' ') + 1)).value_or(0) + 2);
  }
};

// Redis's RESP2: an array of bulk strings whose first is "message" is a message, and its last the payload.
class RedisFramer : public BrokerFramer {
 public:
  std::optional<net::Piece> next(std::span<std::byte>& input) {
    if (fault_) return std::nullopt;
    Reader reader{input};
    const auto first = reader.line();
    if (!first) return std::nullopt;
    if (first->starts_with('-')) return fail("Redis: an error reply");
    std::string_view kind;
    std::string_view last;
    if (first->starts_with('*')) {
      const auto items = number(first->substr(1));
      if (!items) return fail("Redis: an array without a length");
      for (std::size_t i = 0; i < *items; ++i) {
        const auto item = reader.item();
        if (!item) return reader.broken ? fail("Redis: an item that is none") : std::nullopt;
        if (i == 0) kind = *item;
        last = *item;
      }
    }
    const bool message = kind == "message" || kind == "pmessage";
    input = input.subspan(reader.at);
    return net::Piece{.kind = message ? net::PieceKind::frame : net::PieceKind::text, .payload = as_bytes(message ? last : *first)};
  }
  std::size_t bytes_wanted(Bytes input) const { return input.size() + 1; }

 private:
  struct Reader {
    Bytes input;
    std::size_t at = 0;
    bool broken = false;

    std::optional<std::string_view> line() {
      const auto found = line_at(input, at);
      if (found) at += found->size() + 2;
      return found;
    }
    std::optional<std::string_view> item() {
      const auto head = line();
      if (!head) return std::nullopt;
      if (head->starts_with(':')) return head->substr(1);
      const auto bytes = head->starts_with('$') ? number(head->substr(1)) : std::nullopt;
      broken = !bytes;
      if (broken || input.size() < at + *bytes + 2) return std::nullopt;
      const std::string_view text = as_text(input.subspan(at, *bytes));
      at += *bytes + 2;
      return text;
    }
  };
};

// MQTT 3.1.1: a PUBLISH is a message, its payload what follows the topic and, at QoS 1, the packet identifier.
class MqttFramer : public BrokerFramer {
 public:
  std::optional<net::Piece> next(std::span<std::byte>& input) {
    if (fault_) return std::nullopt;
    const auto whole = packet_bytes(input);
    if (!whole || input.size() < whole->header + whole->rest) return std::nullopt;
    const Bytes body = input.subspan(whole->header, whole->rest);
    const unsigned type = std::to_integer<unsigned>(input[0]) >> 4;
    net::Piece piece{.kind = net::PieceKind::text, .payload = body};
    if (type == 3) {
      const std::size_t id = (std::to_integer<unsigned>(input[0]) & 6U) != 0 ? 2 : 0;
      const std::size_t topic = body.size() < 2 ? broker_piece_bytes_max : load_be<std::uint16_t>(body.data());
      if (body.size() < 2 + topic + id) return fail("MQTT: a PUBLISH without a topic");
      piece = {.kind = net::PieceKind::frame, .payload = body.subspan(2 + topic + id)};
    }
    input = input.subspan(whole->header + whole->rest);
    return piece;
  }
  std::size_t bytes_wanted(Bytes input) const {
    const auto whole = packet_bytes(input);
    return whole ? std::max(input.size() + 1, whole->header + whole->rest) : input.size() + 1;
  }

 private:
  struct Whole {
    std::size_t header = 0;
    std::size_t rest = 0;
  };
  static std::optional<Whole> packet_bytes(Bytes input) {
    Whole whole{.header = 1};
    for (unsigned shift = 0; whole.header < input.size() && shift <= 21; shift += 7) {
      const unsigned digit = std::to_integer<unsigned>(input[whole.header++]);
      whole.rest |= static_cast<std::size_t>(digit & 0x7fU) << shift;
      if (digit < 0x80) return whole;
    }
    return std::nullopt;
  }
};

static_assert(net::Framer<NatsFramer> && net::Framer<RedisFramer> && net::Framer<MqttFramer>);

}  // namespace clasp::bench
