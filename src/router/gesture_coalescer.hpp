// Thins gesture moves to one per interval and (sender, address, id), keeping the newest (contract 9; router specification, section 13).
//
// Start, end and cancel are never held or lost; a waiting move goes out just before end or cancel. The interval counts from the last move that
// was forwarded, so a stream faster than the interval keeps flowing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/byte_buffer.hpp"
#include "core/message.hpp"
#include "router/types.hpp"

namespace clasp::router {

struct GestureLimits {
  Micros interval{16'000};
  Micros age_max{300'000'000};  // from its start; then it is forgotten, its waiting move forwarded
  std::size_t gestures_max = 65'536;
};

// A move that waited, with everything needed to publish it later.
struct HeldMove {
  SessionId session = nobody;
  std::string address;
  std::uint32_t id = 0;
  ByteBuffer frame;  // payload of the PUBLISH as it came (compact)
  Provenance provenance;
};

enum class GestureAction : std::uint8_t { forward, hold };

class GestureCoalescer {
 public:
  explicit GestureCoalescer(GestureLimits limits);
  ~GestureCoalescer();
  GestureCoalescer(const GestureCoalescer&) = delete;

  // What to do with this message now. `before`: a waiting move that has to go out first (end, cancel).
  GestureAction handle(SessionId session, const Publish& publish, const Provenance& provenance, SteadyTime now, std::optional<HeldMove>& before);
  // Moves that are due, in the order they became due.
  void advance(SteadyTime now, std::vector<HeldMove>& due);
  // The session ended: its waiting moves go out, then it is forgotten.
  void end_session(SessionId session, std::vector<HeldMove>& due);
  std::optional<SteadyTime> next_deadline() const;
  std::size_t size() const;
  std::uint64_t untracked() const;
  std::uint64_t coalesced() const;
  std::uint64_t abandoned() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace clasp::router
