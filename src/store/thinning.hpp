// What a flood leaves out: of the SETs of one address the newest stays, of a stream's items and a gesture's moves as well. State after recovery is
// the same, the history has fewer values. Only where an ACK does not mean "on the disk", and only beyond what the disk can take in time.
#pragma once

#include <cstdint>
#include <vector>

#include "core/byte_buffer.hpp"
#include "store/entry.hpp"

namespace clasp::store {

// Where in the batch being filled the newest entry of each thing is. A newer one takes its place, as in a queue towards a slow link (contract 13); it
// does not cost the writer anything. Allocates once, when it is first needed; what finds no place in its table stays in the batch twice.
class Thinning {
 public:
  // Nothing that came before may be replaced: another batch is filled, or a snapshot begins, on top of which later entries have to come.
  void forget() { ++generation_; }

  // Whether `next`, which directly follows, leaves nothing of `commit`: the case of one fader that is moved, found without looking into the batch.
  static bool replaces(const router::Commit& commit, const router::Commit& next);

  enum class Taken : std::uint8_t {
    no,        // nothing to replace: append it, and note() where
    replaced,  // it has the place of an older one
    instead,   // the older one is marked as left out, this one has another size: append it, and note() where
  };
  // `items`: what the batch holds, each record behind a byte of its kind. May hand on a lifetime: `entry.ttl`.
  Taken take(ByteBuffer& items, Entry& entry);
  void note(std::size_t offset);  // of the record that was appended after take()

 private:
  static constexpr std::uint32_t no_record = 0xffff'ffff;
  static constexpr std::size_t slots = std::size_t{1} << 18;
  static constexpr std::size_t probes = 8;
  // What of one address replaces each other.
  enum class Group : std::uint8_t { none, param, stream, move };
  struct Slot {
    std::uint32_t generation = 0;
    std::uint32_t hash = 0;
    std::uint32_t offset = 0;
  };

  static Group group_of(const Entry& entry);
  Slot* find(Bytes items, const Entry& entry, Group group);  // where the last one of it stands, or could; null: nowhere

  std::vector<Slot> table_;
  std::uint32_t generation_ = 1;
  std::uint32_t hash_ = 0;  // of the entry take() was last asked about
  Slot* noted_ = nullptr;   // where note() writes
};

}  // namespace clasp::store
