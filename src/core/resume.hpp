// What the two ends of a link say to each other so that a session can outlive it (contract 29, docs/resume.md): the key "resume" in the blocks of
// HELLO and WELCOME, and MARK, with which either tells the other how many of its frames have arrived.
//
// Both ends count the frames of each direction from the first one after WELCOME on, across all links of the session. MARK counts as any other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/byte_buffer.hpp"
#include "core/value_view.hpp"

namespace clasp::resume {

inline constexpr std::string_view key = "resume";
inline constexpr std::uint8_t mark_code = 0x70;

// After so much that arrived, MARK is due: how much either end has to keep of what it has sent.
inline constexpr std::uint64_t mark_frames = 128;
inline constexpr std::uint64_t mark_bytes = 32'768;

using Secret = std::array<std::byte, 16>;
bool same_secret(const Secret& a, const Secret& b);  // takes equally long whatever differs

// HELLO: what a client that was here before holds.
struct Claim {
  std::string session;  // UUID, as WELCOME gave it
  Secret secret{};
  std::uint64_t epoch = 0;   // of the run of the router that gave them
  std::uint64_t frames = 0;  // received of it
  bool operator==(const Claim&) const = default;
};
// HELLO: "I should like to be able to", or a claim. `malformed`: something else, which claims nothing.
struct Request {
  bool malformed = false;
  std::optional<Claim> claim;
};

// Why a claim is refused.
inline constexpr std::string_view why_unknown = "unknown";      // no such session (any more), or not its secret
inline constexpr std::string_view why_restarted = "restarted";  // it was a session of another run of the router
inline constexpr std::string_view why_overrun = "overrun";      // the router does not remember everything that was missed
inline constexpr std::string_view why_rights = "rights";        // they are not what they were
inline constexpr std::string_view why_invalid = "invalid";      // it makes no sense

// WELCOME: what came of it, and what to claim the next time.
struct Offer {
  Secret secret{};
  std::uint64_t epoch = 0;
  std::uint64_t window_ms = 0;
  bool resumed = false;
  std::uint64_t frames = 0;  // received of the client; 0 in a new session
  std::string why;           // a claim was refused: one word
  bool operator==(const Offer&) const = default;
};

Value to_value(const Request& request);
Value to_value(const Offer& offer);
Request read_request(const ValueView& value);
std::optional<Offer> read_offer(const ValueView& value);  // nothing: it makes no sense

struct Mark {
  std::uint64_t frames = 0;  // received so far
  bool leaving = false;      // whoever says so will not come back: its session ends with the link
  bool operator==(const Mark&) const = default;
};
void append_mark(ByteBuffer& out, const Mark& mark);  // a whole frame
std::optional<Mark> find_mark(Bytes payload);         // nothing: the payload is no MARK

}  // namespace clasp::resume
