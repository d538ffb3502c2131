// The last commits, in one bounded byte ring: the one sequence that history, observers and later readers (journal, resume, SSE ids) read from.
//
// Records are whole (address, value, meta) and contiguous. The oldest go, a segment at a time, when space is needed; positions before first_seq()
// are gone. Appending allocates nothing once the ring is full.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "router/hooks.hpp"
#include "router/sink.hpp"
#include "router/types.hpp"

namespace clasp::router {

class CommitLog {
 public:
  explicit CommitLog(std::size_t bytes_max);

  // The next seq. The first commit of a run has seq 1.
  Seq append(const Delivery& commit);
  Seq last_seq() const { return last_; }
  Seq first_seq() const;                                      // of the oldest record still there; last_seq() + 1 if none
  std::size_t memory_bytes() const { return memory_bytes_; }  // at most bytes_max, but always room for one record

  // Of the visited commits `writer` is empty: resolve provenance.writer.
  // Walks from the newest to the oldest until `visit` returns false. Views are valid during the call; `visit` must not append.
  void walk_back(const std::function<bool(const Commit&)>& visit) const;
  // The commit of that seq; nothing if it is not there any more, or not yet. Views are valid until the next append().
  std::optional<Commit> find(Seq seq) const;
  // Walks from `from` (or the oldest there is) to the newest. Finding the start costs a search among the segments.
  void walk_from(Seq from, const std::function<bool(const Commit&)>& visit) const;

 private:
  // An address, a value that was widened to up to 8 times the frame it came in, and samples: more is a bug of the caller.
  static constexpr std::size_t record_bytes_max = 1'048'576;

  struct RecordHeader;
  struct RecordDetails;
  // Ring of segments, allocated as they are needed: an idle router pays for one.
  struct Segment {
    std::unique_ptr<std::byte[]> memory;
    std::size_t capacity = 0;
    std::size_t used = 0;  // by records, from the front; `count` u32 starts fill it from the back
    std::uint32_t count = 0;
    Seq first = 0;
  };

  std::byte* room_for(std::size_t bytes);
  static std::byte* append_details(std::byte* at, const Delivery& commit);
  void add_segment(std::size_t bytes_min);
  Commit record(const Segment& segment, std::uint32_t index) const;

  std::size_t bytes_max_;
  std::size_t segment_bytes_;
  std::size_t memory_bytes_ = 0;
  std::vector<Segment> segments_;  // oldest first
  Seq last_ = 0;
};

}  // namespace clasp::router
