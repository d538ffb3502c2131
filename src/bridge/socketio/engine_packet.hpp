// Engine.IO 4 packets and the payloads of polling (Engine.IO protocol, revision 4). No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "clasp/value.hpp"
#include "core/bytes.hpp"

namespace clasp::bridge::socketio {

enum class EngineType : char { open = '0', close = '1', ping = '2', pong = '3', message = '4', upgrade = '5', noop = '6' };

// One packet in a text frame or between two separators; of a binary message `blob` has the bytes. Views are of the input.
struct EnginePacket {
  EngineType type = EngineType::noop;
  std::string_view text;  // behind the type
  std::optional<Blob> blob;
};

// Nothing: no packet (empty, an unknown type, text that is not UTF-8).
std::optional<EnginePacket> decode_engine_packet(std::string_view text);

// The packets of one POST, or of the answer to one GET, one after the other.
class PayloadReader {
 public:
  explicit PayloadReader(std::string_view body) : rest_(body), done_(false) {}
  bool done() const { return done_; }
  // Call only when !done(). Nothing: the next one is no packet, and neither is what follows.
  std::optional<EnginePacket> next();

 private:
  std::string_view rest_;
  bool done_;
};

// Packets joined for polling.
class PayloadWriter {
 public:
  void add_text(EngineType type, std::string_view text);
  void add_binary(Bytes message);
  bool empty() const { return body_.empty(); }
  std::size_t bytes() const { return body_.size(); }
  const std::string& body() const { return body_; }

 private:
  void separate();
  std::string body_;
};

}  // namespace clasp::bridge::socketio
