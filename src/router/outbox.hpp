// What waits for one slow link, in order (engine design, section 4; contract 13–16).
//
// While the link keeps up, everything is an encoded frame and nothing is merged. conflate() turns the waiting param frames into marks: at most one
// per param, at the place of the first; from then on a param is a mark, which has no bytes and is rendered from the store when it leaves, so
// another change of a marked param costs nothing. Of streams the newest of a key waits. All else is kept, in order, and counted against the
// limits the caller enforces. Once empty it keeps up again. Belongs to its session; exists only while something waits.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <unordered_map>

#include "core/time.hpp"
#include "router/shared_frame.hpp"
#include "router/types.hpp"

namespace clasp::router {

enum class ItemKind : std::uint8_t {
  param,      // an encoded SET of `entry`
  mark,       // the value `entry` has when this leaves
  stream,     // stream item or gesture move
  kept,       // event, gesture edge, timeline, removal, SET towards a session that must not be conflated
  reply,      // WELCOME, ACK, ERROR, …
  get_ready,  // answer to a GET, rendered
  get,        // a GET to be answered when this leaves; the frame holds the address
};

struct OutboxItem {
  ItemKind kind = ItemKind::kept;
  bool missing_is_error = false;  // of a GET
  bool own = false;               // the session caused it
  EntryId entry = no_entry;
  std::uint64_t key = 0;  // of a stream
  SharedFrame frame;
  SteadyTime queued;
};

class Outbox {
 public:
  static constexpr std::size_t item_bytes = sizeof(OutboxItem) + 24;  // an item, its frame's head and what the allocator adds

  bool empty() const { return live_ == 0; }
  bool congested() const { return congested_; }
  std::size_t items() const { return live_; }
  std::size_t waiting_bytes() const { return bytes_; }           // of all frames
  // What kept items and replies cost in memory: of short ones the item is more than the frame.
  std::size_t undroppable_bytes() const { return kept_bytes_; }
  std::size_t reply_bytes() const { return reply_bytes_; }
  std::size_t memory_bytes() const { return bytes_ + items_.size() * item_bytes + (marks_.size() + streams_.size()) * 48; }
  SteadyTime oldest() const;  // when the first item was queued; only when !empty()
  std::uint64_t params_conflated() const { return params_conflated_; }
  std::uint64_t streams_dropped() const { return streams_dropped_; }

  // `frame` may be empty when congested(). `key` stands for the address, see forget_older().
  void push_param(EntryId entry, SharedFrame frame, SteadyTime now, std::uint64_t key = 0);
  // The param was removed: its mark, if there is one, becomes this frame at its place, else the frame is added. EntryIds may be reused afterwards.
  void push_removal(EntryId entry, SharedFrame frame, SteadyTime now, std::uint64_t key = 0);
  // The param was removed, which the session is about to hear of in another way, unless it had a mark: true, that is this frame now. What waits
  // must not show whoever gets the id next.
  bool entry_removed(EntryId entry, const SharedFrame& frame, std::uint64_t key);
  void push_stream(std::uint64_t key, SharedFrame frame, SteadyTime now);
  void push_kept(SharedFrame frame, SteadyTime now);
  void push_reply(SharedFrame frame, SteadyTime now);
  void push_get(ItemKind kind, SharedFrame frame, bool missing_is_error, SteadyTime now);

  void conflate();
  OutboxItem pop();  // oldest first; only when !empty()

  // A GET answer or SNAPSHOT has just shown the newest value of this address: frames that wait with an older one must not follow (contract 7).
  void forget_older(std::uint64_t key);
  // Of the params that wait as frames, those that `keep` names stay frames for good: congestion does not turn them into marks.
  void keep_frames_if(const std::function<bool(const OutboxItem&)>& keep);
  // Drops waiting items for which `drop` says so (revocation, UNSUBSCRIBE). Marks and param frames come with their entry.
  void drop_if(const std::function<bool(const OutboxItem&)>& drop);

 private:
  void add(OutboxItem item);
  bool replace_mark(EntryId entry, const SharedFrame& frame, std::uint64_t key);
  OutboxItem* at(std::uint64_t number);
  void forget(OutboxItem& item);  // makes it dead in place
  void bury();                    // takes the dead out if they are the most
  void account(const OutboxItem& item, bool in);

  std::deque<OutboxItem> items_;  // a dead one has kind kept, no frame and queued.us < 0
  std::uint64_t first_ = 0;       // number of items_.front()
  std::size_t live_ = 0;
  std::size_t bytes_ = 0;
  std::size_t kept_bytes_ = 0;
  std::size_t reply_bytes_ = 0;
  bool congested_ = false;
  std::unordered_map<std::uint32_t, std::uint64_t> marks_;        // entry → item number
  std::unordered_map<std::uint64_t, std::uint64_t> streams_;      // key → item number, only while congested
  std::unordered_map<std::uint64_t, std::uint32_t> kept_params_;  // key → how many kept items show that param
  std::uint64_t params_conflated_ = 0;
  std::uint64_t streams_dropped_ = 0;
};

}  // namespace clasp::router
