// What a retained message has beside its param: QoS, MQTT 5 properties, and its payload where the param's value would not give the same bytes.
//
// The param is the truth. A note belongs to one revision of it: once anybody else has written the address, the note is worth nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/byte_buffer.hpp"
#include "core/time.hpp"
#include "mqtt/packet.hpp"

namespace clasp::mqtt {

struct RetainedNote {
  std::uint64_t revision = 0;
  Qos qos{};
  bool has_payload = false;  // else the value's rendering is what was published
  std::optional<SteadyTime> expires;
  std::uint32_t forwarded_bytes = 0;
  ByteBuffer bytes;  // forwarded properties, payload

  Bytes forwarded() const { return bytes.view().first(forwarded_bytes); }
  Bytes payload() const { return bytes.view().subspan(forwarded_bytes); }
};

class RetainedNotes {
 public:
  explicit RetainedNotes(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // The note of this revision of the param.
  const RetainedNote* find(std::string_view address, std::uint64_t revision) const {
    const auto at = notes_.find(address);
    return at != notes_.end() && at->second.revision == revision ? &at->second : nullptr;
  }
  const RetainedNote* find_any(std::string_view address) const {
    const auto at = notes_.find(address);
    return at == notes_.end() ? nullptr : &at->second;
  }
  // Is there room for a note of so many bytes? `is_current` is asked about those there are, when it gets tight: the outdated go.
  bool make_room(std::size_t bytes, const std::function<bool(std::string_view address, std::uint64_t revision)>& is_current);
  void put(std::string_view address, RetainedNote note);
  void forget(std::string_view address);

  std::size_t size() const { return notes_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  static std::size_t cost(std::string_view address, const RetainedNote& note) { return note_bytes + address.size() + note.bytes.size(); }
  static constexpr std::size_t note_bytes = 160;  // a note, its key and what the table and the allocator add

  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::unordered_map<std::string, RetainedNote, Hash, std::equal_to<>> notes_;
};

}  // namespace clasp::mqtt
