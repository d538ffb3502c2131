// Reads the primitives of the compact encoding (wire format, section 3). Internal to the codec.
//
// Failure sticks: after the first bad read every further one yields zero or empty, and failed() says so. So a layout is written down as a
// straight list of fields and checked once; only loops over foreign counts look at failed() themselves.
#pragma once

#include <bit>
#include <optional>

#include "core/payload_decoder.hpp"
#include "core/utf8.hpp"
#include "core/value_scan.hpp"

namespace clasp {

//
// The compiler can keep a reader in registers as long as nobody outside sees its address; hence the free function for values.
// It sets `view` to where the value lies, or to its rewritten form in the scratch.
ValueScan find_value(ValueTag tag, const std::byte* at, const std::byte* end, Scratch& scratch, ValueView& view);

class CompactReader {
 public:
  CompactReader(Bytes payload, Scratch& scratch) : begin_(payload.data()), at_(begin_), end_(begin_ + payload.size()), scratch_(scratch) {}

  bool failed() const { return failed_; }
  const DecodeError& error() const { return error_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

  std::uint8_t u8() { return number<std::uint8_t>(); }
  std::uint16_t u16() { return number<std::uint16_t>(); }
  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }
  double f64() { return std::bit_cast<double>(u64()); }
  UnixTime time() { return {u64()}; }

  std::string_view text() {
    const Bytes bytes = run(u16());
    if (!is_utf8(as_text(bytes))) [[unlikely]] {
      at_ = bytes.data();
      fail(DecodeFault::bad_utf8);
      return {};
    }
    return as_text(bytes);
  }

  // A count of elements that need at least `element_bytes` each; fails if they cannot all be there. So it is safe to reserve for it.
  std::size_t count(std::size_t element_bytes) {
    const std::size_t elements = u16();
    if (left() < elements * element_bytes) {
      fail(DecodeFault::truncated_message);
      return 0;
    }
    return elements;
  }

  Bytes run(std::size_t bytes) {
    if (left() < bytes) [[unlikely]] {
      fail(DecodeFault::truncated_message);
      return {};
    }
    const std::byte* const start = at_;
    at_ += bytes;
    return {start, bytes};
  }

  ValueView tagged_value() { return value(static_cast<ValueTag>(u8())); }
  ValueView value(ValueTag tag) {
    ValueView view;
    read_value(tag, view);
    return view;
  }

  // Into its place at once: copying a view right after its parts were stored one by one stalls the processor.
  void read_tagged_value(ValueView& view) { read_value(static_cast<ValueTag>(u8()), view); }
  void read_value(ValueTag tag, ValueView& view) {
    if ((tag == ValueTag::f64 || tag == ValueTag::i64) && left() >= 8) [[likely]] {
      view.tag = tag;
      view.data = run(8);
      return;
    }
    if (tag == ValueTag::string || tag == ValueTag::bytes) {  // canonical where they lie, but for text that takes a closer look
      const std::size_t bytes = left() < 2 ? 0 : 2 + std::size_t{load_be<std::uint16_t>(at_)};
      if (bytes != 0 && bytes <= left() && (tag == ValueTag::bytes || is_ascii(as_text({at_ + 2, bytes - 2})))) [[likely]] {
        view.tag = tag;
        view.data = run(bytes);
        return;
      }
    }
    const ValueScan scan = find_value(tag, at_, end_, scratch_, view);
    at_ = scan.at;
    if (!scan.ok) [[unlikely]]
      fail(scan.fault);
  }

  // What a message inside this one may see: the next `bytes` bytes. Offsets of errors stay those of the whole payload.
  CompactReader inner(std::size_t bytes) {
    CompactReader reader = *this;
    const Bytes inside = run(bytes);
    reader.end_ = reader.at_ + inside.size();
    return reader;
  }
  void fail_as(const CompactReader& inner) {
    at_ = inner.begin_ + inner.error_.offset;
    fail(inner.error_.fault);
  }
  void step_back(std::size_t bytes) { at_ -= bytes; }

  void fail(DecodeFault fault) {
    if (failed_) return;
    failed_ = true;
    error_ = {fault, static_cast<std::uint32_t>(at_ - begin_)};
    end_ = at_;
  }

 private:
  template <std::unsigned_integral T>
  T number() {
    if (left() < sizeof(T)) [[unlikely]] {
      fail(DecodeFault::truncated_message);
      return 0;
    }
    const T result = load_be<T>(at_);
    at_ += sizeof(T);
    return result;
  }

  const std::byte* begin_;
  const std::byte* at_;
  const std::byte* end_;
  Scratch& scratch_;
  DecodeError error_;
  bool failed_ = false;
};

}  // namespace clasp
