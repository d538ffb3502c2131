#include "net/chunked_body.hpp"

#include <algorithm>

namespace clasp::net {

namespace {

constexpr HttpFault malformed{400, "malformed chunk", "body"};

std::optional<unsigned> hex_digit(unsigned char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  const unsigned char lower = byte | 0x20U;
  if (lower >= 'a' && lower <= 'f') return lower - 'a' + 10U;
  return std::nullopt;
}

bool is_text(unsigned char byte) { return byte == '\t' || (byte >= 0x20 && byte != 0x7F); }

}  // namespace

std::optional<HttpFault> ChunkedBody::take(std::span<std::byte>& input, std::string& body) {
  while (!input.empty() && !done()) {
    if (state_ == State::data) {
      const std::size_t bytes = std::min(input.size(), chunk_bytes_);
      body.append(reinterpret_cast<const char*>(input.data()), bytes);
      input = input.subspan(bytes);
      chunk_bytes_ -= bytes;
      if (chunk_bytes_ == 0) state_ = State::data_cr;
      continue;
    }
    if (const auto fault = take_byte(std::to_integer<unsigned char>(input[0]), body.size())) return fault;
    input = input.subspan(1);
  }
  return std::nullopt;
}

std::optional<HttpFault> ChunkedBody::take_byte(unsigned char byte, std::size_t body_bytes) {
  const auto expect = [&](unsigned char wanted, State next) -> std::optional<HttpFault> {
    if (byte != wanted) return malformed;
    state_ = next;
    return std::nullopt;
  };
  switch (state_) {
    case State::size_begin:
    case State::size:
      if (const auto digit = hex_digit(byte)) {
        chunk_bytes_ = chunk_bytes_ * 16 + *digit;  // does not overflow: the limit is far below
        if (chunk_bytes_ > body_bytes_max_ - body_bytes) return HttpFault{413, "request body too large", "body"};
        state_ = State::size;
      } else if (state_ == State::size_begin) {
        return malformed;
      } else if (byte == '\r') {
        state_ = State::size_lf;
      } else if (byte == ';' || byte == ' ' || byte == '\t') {
        state_ = State::extension;
      } else {
        return malformed;
      }
      break;
    case State::extension:
      if (byte == '\r') {
        state_ = State::size_lf;
      } else if (!is_text(byte)) {
        return HttpFault{400, "malformed chunk extension", "body"};
      }
      break;
    case State::size_lf:
      line_bytes_ = 0;
      return expect('\n', chunk_bytes_ > 0 ? State::data : State::trailer_begin);
    case State::data_cr:
      return expect('\r', State::data_lf);
    case State::data_lf:
      return expect('\n', State::size_begin);
    case State::trailer_begin:
    case State::trailer:
      if (byte == '\r') {
        state_ = state_ == State::trailer ? State::trailer_lf : State::end_lf;
      } else if (is_text(byte)) {
        state_ = State::trailer;
      } else {
        return HttpFault{400, "malformed trailer field", "body"};
      }
      if (++line_bytes_ > trailer_bytes_max) return HttpFault{431, "trailer fields too large", "body"};
      return std::nullopt;
    case State::trailer_lf:
      return expect('\n', State::trailer_begin);
    case State::end_lf:
      return expect('\n', State::done);
    case State::data:
    case State::done:
      break;
  }
  if (++line_bytes_ > line_bytes_max) return HttpFault{400, "chunk line too long", "body"};
  return std::nullopt;
}

}  // namespace clasp::net
