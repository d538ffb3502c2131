// The engine's only way out. A Sink takes what leaves the engine; it stores or writes it and never calls back into the engine (checked).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/byte_buffer.hpp"
#include "core/message.hpp"
#include "router/types.hpp"

namespace clasp::router {

// One committed change or message: what the log keeps, and on its way to a session what that session gets. All views are valid during the call only.
class Delivery {
 public:
  Seq seq = 0;                             // 0: it had to wait, and its place is not known any more
  CommitKind kind = CommitKind::set;
  Presence presence = Presence::live;
  EntryId entry = no_entry;
  std::string_view address;
  std::optional<ValueView> value;
  Revision revision = 0;                   // params only
  SignalType signal = SignalType::param;   // of a PUBLISH
  GesturePhase phase = GesturePhase::start;
  std::optional<Bytes> samples;
  std::optional<UnixTime> timestamp;       // as the sender gave it
  std::optional<std::uint32_t> id;         // gesture id
  std::optional<std::uint32_t> rate;
  std::optional<Ttl> ttl;
  bool lock = false;
  bool unlock = false;
  bool any_type = false;                   // a PUBLISH that does not say what it is: for subscribers of every type
  bool own = false;                        // the receiving session caused it
  Provenance provenance;
  UnixTime time;                           // of the commit
  std::uint64_t bundle = 0;                // equal for the members of one bundle, 0 outside
  std::span<const std::uint32_t> subscriptions;  // ids of the receiving session's subscriptions that match

  // The whole CLASP frame. Encoded once, on the first call, and shared by all sinks of this commit.
  Bytes frame() const;
  explicit Delivery(ByteBuffer& scratch) : scratch_(&scratch) {}
  void set_frame(Bytes frame) { frame_ = frame; }
  void rebind(ByteBuffer& scratch) {  // encode anew, into another buffer
    scratch_ = &scratch;
    frame_ = {};
  }

 private:
  ByteBuffer* scratch_;
  mutable Bytes frame_;
};

// An answer to one session: WELCOME, SNAPSHOT, ACK, ERROR, RESULT, SYNC, PONG, replayed frames.
struct Reply {
  const Message* message = nullptr;  // nullptr: only the frame exists (SNAPSHOT chunks to CLASP links)
  Bytes frame;                       // the whole CLASP frame; empty towards sinks of `view` sessions
  bool stamp_t3 = false;             // SYNC: the link writes the time of sending into the last 8 bytes
};

enum class CloseCode : std::uint16_t { normal = 1000, going_away = 1001, protocol_error = 1002, policy = 1008, too_big = 1009, try_later = 1013 };

struct CloseReason {
  CloseCode code = CloseCode::normal;  // WebSocket close code
  std::string_view text;               // for people
};

class Sink {
 public:
  virtual ~Sink() = default;

  // Both return how many bytes now wait for the outside world because of this call; the link reports them with Router::sent() when they are
  // gone. In-process sinks return 0: for them nothing ever waits.
  virtual std::size_t deliver(const Delivery& delivery) = 0;
  virtual std::size_t reply(const Reply& reply) = 0;

  virtual void caught_up(std::uint32_t subscription) { static_cast<void>(subscription); }  // its snapshot is complete (`view` sessions only)
  virtual void read(bool on) { static_cast<void>(on); }  // stop or resume reading from the peer (flow control)
  virtual bool ping() { return false; }                  // probe the peer; true if a live peer must answer
  virtual void close(const CloseReason& reason) = 0;     // the engine has ended it: send what it was given, then close
};

}  // namespace clasp::router
