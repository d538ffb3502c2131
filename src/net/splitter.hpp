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
    while (!tail_.empty() && !input.empty()) {
      const std::size_t missing = framer_.bytes_wanted(tail_.view()) - tail_.size();
      const std::size_t taken = std::min(missing, input.size());
      tail_.append(input.first(taken));
      input = input.subspan(taken);
      if (taken < missing) return std::nullopt;
      std::span<std::byte> rest{tail_.data(), tail_.size()};
      std::optional<Piece> piece = framer_.next(rest);
      if (framer_.fault()) return std::nullopt;
      if (piece || rest.empty()) {
        tail_used_ = true;
        if (piece) return piece;
        tail_used_ = false;
        tail_.release();
      }
    }
    if (input.empty() || framer_.fault()) return std::nullopt;
    std::optional<Piece> piece = framer_.next(input);
    if (!piece && !framer_.fault() && !input.empty()) {
      tail_.append(input);
      input = {};
    }
    return piece;
  }

  std::optional<FramingFault> fault() const { return framer_.fault(); }
  std::size_t bytes_held() const { return tail_.capacity(); }
  F& framer() { return framer_; }

 private:
  F framer_;
  ByteBuffer tail_;  // the beginning of one incomplete piece
  bool tail_used_ = false;
};

}  // namespace clasp::net
