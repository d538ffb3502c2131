// CLASP values to OSC messages (bridges specification, section 3.4).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/byte_buffer.hpp"
#include "core/bytes.hpp"
#include "core/value_view.hpp"

namespace clasp::bridge::osc {

// Most OSC software understands only i f s b. `automatic` keeps to these as long as the value fits: i, else h; f, else (beyond the range of a
// float) d. `native32` never leaves them: integers saturate, numbers beyond a float become infinite. `native64` always sends h and d.
enum class NumberFormat : std::uint8_t { automatic, native32, native64 };

struct OscEncoding {
  NumberFormat number_format = NumberFormat::automatic;
  bool null_as_nil = false;         // N instead of no argument
  bool nested_arrays = false;       // [ ] around arrays inside the value, instead of one flat list
  bool strings_as_symbols = false;  // S instead of s
};

// The arguments of one message, built value by value. Keeps its memory over clear().
class OscArguments {
 public:
  explicit OscArguments(OscEncoding encoding = {}) : encoding_(encoding) { clear(); }

  void clear() {
    tags_ = ",";
    data_.clear();
  }
  // An array adds its items, a map its JSON text. A NUL inside a string, which OSC cannot carry, becomes U+FFFD.
  void add(const ValueView& value);
  void add_samples(Bytes samples);  // n × f64 big-endian, as in PUBLISH; a rest of less than 8 bytes is ignored
  void add_text(std::string_view text);

  std::string_view tags() const { return tags_; }  // begins with ','
  Bytes data() const { return data_.view(); }

 private:
  void add(ValueTag tag, Bytes& rest, bool outermost);
  void add_integer(std::int64_t value);
  void add_floating(double value);
  void add_blob(Bytes bytes);

  OscEncoding encoding_;
  std::string tags_;
  ByteBuffer data_;
};

// Appends one message, a multiple of 4 bytes. False and `out` unchanged if it would be longer than `bytes_max` or the address is none OSC can
// carry (no leading slash, NUL inside).
bool append_message(ByteBuffer& out, std::string_view address, const OscArguments& arguments, std::size_t bytes_max);

}  // namespace clasp::bridge::osc
