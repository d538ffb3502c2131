// The last commits, in one bounded byte ring: the one sequence that history, observers and later readers (journal, resume, SSE ids) read from.
//
// Records are whole (address, value, meta) and contiguous. The oldest go when space is needed; positions before first_seq() are gone.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "core/byte_buffer.hpp"
#include "router/hooks.hpp"
#include "router/types.hpp"

namespace clasp::router {

// What a commit is made from; `Commit` (hooks.hpp) is what readers see.
struct CommitInput {
  CommitKind kind = CommitKind::set;
  std::string_view address;
  std::optional<ValueView> value;
  Revision revision = 0;
  SignalType signal = SignalType::param;
  GesturePhase phase = GesturePhase::start;
  std::optional<std::uint32_t> id;
  std::optional<std::uint32_t> rate;
  std::optional<Bytes> samples;
  std::optional<UnixTime> timestamp;
  std::optional<Ttl> ttl;
  bool lock = false;    // flags of the SET, for the frame; not kept in the log
  bool unlock = false;
  Provenance provenance;
  UnixTime time;
  std::uint64_t bundle = 0;
};

// One record as history shows it: everything a frame needs.
struct LoggedCommit {
  Commit commit;  // `writer` is empty here: resolve provenance.writer
  std::optional<std::uint32_t> rate;
  std::optional<Bytes> samples;
  std::optional<UnixTime> timestamp;
};

class CommitLog {
 public:
  explicit CommitLog(std::size_t bytes_max);

  // The next seq. The first commit of a run has seq 1.
  Seq append(const CommitInput& input);
  Seq last_seq() const;
  Seq first_seq() const;  // of the oldest record still there; last_seq() + 1 if none
  std::size_t memory_bytes() const;

  // Walks from the newest to the oldest until `visit` returns false. Views are valid during the call.
  void walk_back(const std::function<bool(const LoggedCommit&)>& visit) const;
  // Walks from `from` (or the oldest there is) to the newest.
  void walk_from(Seq from, const std::function<bool(const LoggedCommit&)>& visit) const;

 private:
  struct RecordHeader;
  // Ring of segments, allocated as they are needed: an idle router pays for one.
  struct Segment {
    ByteBuffer bytes;
    std::vector<std::uint32_t> starts;
    Seq first = 0;
  };
  std::size_t bytes_max_;
  std::vector<Segment> segments_;  // oldest first
  Seq last_ = 0;
};

}  // namespace clasp::router
