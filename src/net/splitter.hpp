// A framer together with the memory for the one piece that a read cut in two.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "core/byte_buffer.hpp"
#include "net/framing.hpp"

namespace clasp::net {

// Pieces that lie whole in a read are handed out where they lie; of a piece that is cut, only its own bytes are copied, each once, so that a
// peer which sends byte by byte costs no more than one that does not. The memory is bounded by the framer's largest piece and released as soon
// as that piece is complete.
template <Framer F>
class Splitter {
 public:
  template <typename... Args>
  explicit Splitter(Args&&... args) : framer_(std::forward<Args>(args)...) {}

  // The next piece; its payload is valid until the next call, and as long as `input`'s bytes are. Nothing: all of `input` was taken and more is
  // needed, or the stream is broken (fault()).
  std::optional<Piece> next(std::span<std::byte>& input) {
    if (tail_used_) {
      tail_used_ = false;
      tail_.release();
    }
    if (tail_.empty()) return next_in_place(input);
    return next_with_tail(input);
  }

  std::optional<FramingFault> fault() const { return framer_.fault(); }
  const F& framer() const { return framer_; }
  std::size_t bytes_held() const { return tail_.capacity(); }

 private:
  std::optional<Piece> next_in_place(std::span<std::byte>& input) {
    std::optional<Piece> piece = framer_.next(input);  // the only thing returned: a copy of it would cost more than the framing
    if (!piece && !input.empty() && !framer_.fault()) {
      tail_.append(input);
      input = {};
    }
    return piece;
  }

  // Completes the piece that was cut, with no more bytes than it needs.
  std::optional<Piece> next_with_tail(std::span<std::byte>& input) {
    while (!input.empty()) {
      const std::size_t missing = framer_.bytes_wanted(tail_.view()) - tail_.size();
      const std::size_t taken = std::min(missing, input.size());
      tail_.append(input.first(taken));
      input = input.subspan(taken);
      if (taken < missing) {
        if constexpr (requires { framer_.look_ahead(Bytes{}); }) framer_.look_ahead(tail_.view());
        return std::nullopt;
      }
      std::span<std::byte> rest{tail_.data(), tail_.size()};
      if (std::optional<Piece> piece = framer_.next(rest)) {
        tail_used_ = true;
        return piece;
      }
      if (framer_.fault()) return std::nullopt;
      if (!rest.empty()) continue;  // that was the header; now its length is known
      tail_.release();              // a fragment, which the framer has kept
      return next_in_place(input);
    }
    return std::nullopt;
  }

  F framer_;
  ByteBuffer tail_;  // the beginning of one incomplete piece
  bool tail_used_ = false;
};

}  // namespace clasp::net
