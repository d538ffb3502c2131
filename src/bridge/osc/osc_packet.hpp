// OSC datagrams to CLASP values (bridges specification, sections 3.2, 3.3 and 3.5). No I/O, no clock, no exceptions, no recursion.
//
// A datagram is foreign: whatever it says, nothing is read past its end, and memory and time are bounded by its size and OscLimits. The
// readable part is used, the rest counted: a bad message never discards its neighbours; only what follows a bad element *size* is lost,
// because nobody can tell where the next element begins.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "bridge/osc/osc_time.hpp"
#include "core/byte_buffer.hpp"
#include "core/bytes.hpp"
#include "core/value_view.hpp"

namespace clasp::bridge::osc {

inline constexpr std::string_view bundle_mark{"#bundle\0", 8};

// What an `I` argument becomes: "infinitum" in OSC 1.0, "impulse" in 1.1.
enum class Impulse : std::uint8_t { infinity, null, boolean_true };

struct OscLimits {
  std::size_t depth_max = 32;        // bundles inside each other, and brackets inside each other
  std::size_t elements_max = 4'096;  // messages and bundles of one datagram
};

struct OscMessage {
  std::string_view address;             // UTF-8, starts with '/'
  ValueView value;                      // no argument: null; one: its value; several: an array
  TimeTag time = TimeTag::immediately;  // of the innermost bundle, unless an outer one is later
  bool bundled = false;
  Bytes raw;  // the message as received
};

// How many parts of a datagram could not be used, and why.
struct OscFaults {
  std::uint32_t malformed = 0;    // lengths that lie, no terminator, no slash, brackets that do not match …
  std::uint32_t unknown_tag = 0;  // messages with an argument type nobody knows the size of
  std::uint32_t too_deep = 0;
  std::uint32_t too_many = 0;   // 1 if the datagram had more elements than allowed
  std::uint32_t too_large = 0;  // messages whose value would not fit a CLASP frame
  std::uint32_t total() const { return malformed + unknown_tag + too_deep + too_many + too_large; }
  bool operator==(const OscFaults&) const = default;
};

// Keeps its memory from datagram to datagram. What messages() returns points into the datagram and into the decoder: valid until the next
// decode(), as long as the datagram is.
class OscDecoder {
 public:
  explicit OscDecoder(OscLimits limits = {}, Impulse impulse = Impulse::infinity) : limits_(limits), impulse_(impulse) {}

  void decode(Bytes datagram);

  std::span<const OscMessage> messages() const { return messages_; }  // nested bundles flattened, depth first
  const OscFaults& faults() const { return faults_; }

 private:
  struct Extent {  // where in store_ a message's value is, and its address if that had to be repaired
    std::size_t value_from = 0, value_to = 0;
    std::size_t address_bytes = 0;  // 0: not repaired; else right before the value
  };

  void read_bundle(Bytes bundle);
  void read_message(Bytes bytes, TimeTag time, bool bundled);
  bool write_arguments(std::string_view tags, Bytes data, std::size_t value_bytes_max);
  bool write_argument(char tag, Bytes& data);
  bool write_text(std::string_view text);

  OscLimits limits_;
  Impulse impulse_;
  std::vector<OscMessage> messages_;
  std::vector<Extent> extents_;
  ByteBuffer store_;
  OscFaults faults_;
};

}  // namespace clasp::bridge::osc
