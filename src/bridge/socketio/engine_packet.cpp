#include "bridge/socketio/engine_packet.hpp"

#include "core/address.hpp"
#include "core/base64.hpp"

namespace clasp::bridge::socketio {

namespace {

constexpr char separator = '\x1e';
constexpr char binary_mark = 'b';

}  // namespace

std::optional<EnginePacket> decode_engine_packet(std::string_view text) {
  if (text.empty() || text[0] < '0' || text[0] > '6' || !valid_utf8(text)) return std::nullopt;
  return EnginePacket{.type = static_cast<EngineType>(text[0]), .text = text.substr(1), .blob = {}};
}

std::optional<EnginePacket> PayloadReader::next() {
  const std::size_t end = rest_.find(separator);
  const std::string_view item = rest_.substr(0, end);
  done_ = end == std::string_view::npos;
  rest_ = done_ ? std::string_view{} : rest_.substr(end + 1);
  std::optional<EnginePacket> packet;
  if (!item.starts_with(binary_mark)) {
    packet = decode_engine_packet(item);
  } else if (auto blob = base64_decode(item.substr(1))) {
    packet = EnginePacket{.type = EngineType::message, .text = {}, .blob = std::move(blob)};
  }
  if (!packet) done_ = true;
  return packet;
}

void PayloadWriter::separate() {
  if (!body_.empty()) body_ += separator;
}

void PayloadWriter::add_text(EngineType type, std::string_view text) {
  separate();
  body_ += static_cast<char>(type);
  body_ += text;
}

void PayloadWriter::add_binary(Bytes message) {
  separate();
  body_ += binary_mark;
  body_ += base64_encode(message);
}

}  // namespace clasp::bridge::socketio
