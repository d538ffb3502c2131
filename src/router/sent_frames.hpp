// The frames that were handed to the link of a session that may be resumed, until its client has said that they arrived: each can be given again,
// byte for byte and in its place (contract 29).
//
// A frame that shows a commit is remembered by that commit's seq, four bytes, and encoded again from the commit log; any other is kept whole.
// Bounded, each and all together: beyond the limits the oldest are forgotten, and who did not receive those cannot be given them again. In the steady
// state nothing is allocated. Numbers count from 0 and never fall.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/byte_buffer.hpp"
#include "router/types.hpp"

namespace clasp::router {

class SentFrames {
 public:
  static constexpr std::size_t frames_max = 65'536;
  static constexpr std::size_t bytes_max = 1'048'576;  // of those that are kept whole

  // What all that share it may hold together, in bytes of memory. Once it is used up nothing grows any more, but for the first 256 bytes of each. It has to
  // outlive them.
  struct Budget {
    std::size_t bytes_max = 0;
    std::size_t bytes = 0;
    bool used_up() const { return bytes >= bytes_max; }
  };

  explicit SentFrames(Budget& budget) : budget_(budget) {}
  SentFrames(const SentFrames&) = delete;
  SentFrames& operator=(const SentFrames&) = delete;
  ~SentFrames() { budget_.bytes -= counted_; }

  // `plain`: a SET without the lifetime and the lock flags of its commit.
  void add(Seq shown, bool plain = false) { push((static_cast<std::uint32_t>(shown) & low_mask) | (plain ? plain_flag : 0)); }
  void add(Bytes frame);  // one whole frame

  std::uint64_t first() const { return end_ - count_; }  // the oldest there is
  std::uint64_t end() const { return end_; }             // of the next one
  // Everything before `number` has arrived. What is below first() or above end() changes nothing.
  void arrived(std::uint64_t number);
  void forget() { arrived(end_); }
  void shrink();  // gives back memory that is not needed now

  // What first(), first() + 1, … end() - 1 were, one after the other. Nothing may be added meanwhile; arrived() may be called.
  struct Item {
    bool whole = false;
    bool plain = false;
    std::uint32_t shown = 0;  // the lower 30 bits of a seq
    Bytes frame;
  };
  void rewind() { next_ = first(), next_byte_ = bytes_gone_; }
  bool at_end() const { return next_ == end_; }
  Item peek() const;  // only when !at_end()
  void skip();

  // The seq whose lower bits these are, if it is one of the last 2^30 up to `newest`.
  static Seq widen(std::uint32_t shown, Seq newest) { return newest - ((newest - shown) & low_mask); }
  std::size_t memory_bytes() const { return entries_.capacity() * sizeof(std::uint32_t) + bytes_.capacity(); }

 private:
  static constexpr std::uint32_t low_mask = 0x3fff'ffff;
  static constexpr std::uint32_t plain_flag = 0x4000'0000;
  static constexpr std::uint32_t whole_flag = 0x8000'0000;
  static constexpr std::size_t entries_min = 64;

  void push(std::uint32_t entry) {
    if (count_ == entries_.size()) [[unlikely]]
      make_room();
    entries_[place(end_++)] = entry;
    ++count_;
  }
  void make_room();
  void make_bytes(std::size_t bytes);
  void compact();
  void count_memory();
  void pop();
  void grow(std::size_t capacity);
  std::size_t place(std::uint64_t number) const { return static_cast<std::size_t>(number) & (entries_.size() - 1); }
  Bytes frame_at(std::uint64_t byte) const;

  Budget& budget_;
  std::size_t counted_ = 0;  // of this in budget_
  std::vector<std::uint32_t> entries_;  // a ring; its size is a power of two
  std::uint64_t end_ = 0;
  std::size_t count_ = 0;
  ByteBuffer bytes_;  // frames kept whole, back to back, from bytes_start_ on
  std::size_t bytes_start_ = 0;
  std::uint64_t bytes_gone_ = 0;  // ever taken from the front
  std::uint64_t next_ = 0;        // being given again
  std::uint64_t next_byte_ = 0;
};

}  // namespace clasp::router
