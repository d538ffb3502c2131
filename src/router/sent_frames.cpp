#include "router/sent_frames.hpp"

#include <algorithm>
#include <cstring>

#include "core/check.hpp"
#include "core/codec.hpp"

namespace clasp::router {

void SentFrames::add(Bytes frame) {
  make_bytes(frame.size());
  if (budget_.used_up() && frame.size() > bytes_.capacity() - bytes_.size()) {  // it cannot be kept, and nothing before it is of use then
    forget();
    ++end_;
    return;
  }
  bytes_.append(frame);
  push(whole_flag);
  count_memory();
}

// Room for a frame that is kept whole: by growing while that is allowed, by forgetting the oldest otherwise.
void SentFrames::make_bytes(std::size_t bytes) {
  const auto kept = [&] { return bytes_.size() - bytes_start_; };
  while (count_ > 0 && kept() + bytes > bytes_max) pop();
  if (bytes_start_ > 4'096 && bytes_start_ > bytes_.size() / 2) compact();
  if (bytes <= bytes_.capacity() - bytes_.size() || !budget_.used_up()) return;
  // A quarter more than is needed now, so that the next ones need not move everything again.
  while (count_ > 0 && kept() + bytes > bytes_.capacity() / 4 * 3) pop();
  compact();
}

void SentFrames::compact() {
  if (bytes_start_ == 0) return;
  const std::size_t kept = bytes_.size() - bytes_start_;
  std::memmove(bytes_.data(), bytes_.data() + bytes_start_, kept);
  bytes_.truncate(kept);
  bytes_start_ = 0;
}

void SentFrames::count_memory() {
  const std::size_t bytes = memory_bytes();
  budget_.bytes += bytes - counted_;
  counted_ = bytes;
}

void SentFrames::make_room() {
  if (count_ == frames_max || (budget_.used_up() && entries_.size() >= entries_min)) pop();
  else grow(std::max(entries_min, entries_.size() * 2));
}

void SentFrames::pop() {
  const std::uint64_t number = first();
  if ((entries_[place(number)] & whole_flag) != 0) {
    const std::size_t size = frame_at(bytes_gone_).size();
    bytes_start_ += size;
    bytes_gone_ += size;
    if (bytes_start_ == bytes_.size()) bytes_.clear(), bytes_start_ = 0;
  }
  --count_;
  if (next_ < first()) next_ = first(), next_byte_ = bytes_gone_;
}

void SentFrames::arrived(std::uint64_t number) {
  if (number > end_) return;
  while (first() < number) pop();
}

void SentFrames::grow(std::size_t capacity) {
  std::vector<std::uint32_t> larger(capacity);
  for (std::uint64_t number = first(); number < end_; ++number) larger[static_cast<std::size_t>(number) & (capacity - 1)] = entries_[place(number)];
  entries_ = std::move(larger);
  count_memory();
}

void SentFrames::shrink() {
  if (count_ == 0) {
    entries_ = std::vector<std::uint32_t>();
    bytes_.release();
    bytes_start_ = 0;
    count_memory();
    return;
  }
  std::size_t capacity = entries_min;
  while (capacity < count_) capacity *= 2;
  if (capacity < entries_.size()) grow(capacity);
  ByteBuffer kept;
  kept.append(bytes_.view(bytes_start_));
  bytes_ = std::move(kept);
  bytes_start_ = 0;
  count_memory();
}

Bytes SentFrames::frame_at(std::uint64_t byte) const {
  const Bytes rest = bytes_.view(bytes_start_ + static_cast<std::size_t>(byte - bytes_gone_));
  const auto expected = frame_bytes_expected(rest);
  CLASP_CHECK(expected && *expected && **expected <= rest.size());
  return rest.first(**expected);
}

SentFrames::Item SentFrames::peek() const {
  CLASP_CHECK(!at_end());
  const std::uint32_t entry = entries_[place(next_)];
  if ((entry & whole_flag) == 0) return {.whole = false, .plain = (entry & plain_flag) != 0, .shown = entry & low_mask, .frame = {}};
  return {.whole = true, .plain = false, .shown = 0, .frame = frame_at(next_byte_)};
}

void SentFrames::skip() {
  const Item item = peek();
  ++next_;
  next_byte_ += item.frame.size();
}

}  // namespace clasp::router
