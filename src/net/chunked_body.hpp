// A body in the transfer coding "chunked" (RFC 9112, section 7.1), out of pieces of any size: byte by byte outside of the data, so that where the
// pieces end can't matter. Extensions and trailer fields are read over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "net/http_message.hpp"

namespace clasp::net {

class ChunkedBody {
 public:
  static constexpr std::size_t line_bytes_max = 4'096;     // of one chunk-size line with its extensions
  static constexpr std::size_t trailer_bytes_max = 8'192;  // of all trailer fields

  explicit ChunkedBody(std::size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

  // Takes what belongs to the body off the front of `input` and appends the data to `body`. A fault is final.
  std::optional<HttpFault> take(std::span<std::byte>& input, std::string& body);
  bool done() const { return state_ == State::done; }

 private:
  enum class State : std::uint8_t { size_begin, size, extension, size_lf, data, data_cr, data_lf, trailer_begin, trailer, trailer_lf, end_lf, done };

  std::optional<HttpFault> take_byte(unsigned char byte, std::size_t body_bytes);

  std::size_t body_bytes_max_;
  std::size_t chunk_bytes_ = 0;  // of the current chunk that are still to come
  std::size_t line_bytes_ = 0;   // of the current line, or of all trailer lines
  State state_ = State::size_begin;
};

}  // namespace clasp::net
