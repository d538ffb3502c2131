// What is left out of a batch that is more than the disk can take: of the SETs of one address the last stays, of a stream's items and a gesture's moves
// as well. State after recovery is the same, the history has fewer values. Only where an ACK does not mean "on the disk".
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "store/handover.hpp"

namespace clasp::store {

class Thinning {
 public:
  // Looks at the items of a batch; how many are left out. The views die with the batch.
  std::size_t plan(const Batch& batch);
  bool left_out(std::size_t item) const { return things_[item].left_out; }
  // Of a SET that stays, where one that is left out gave the param a lifetime and it does not: that one.
  const std::optional<Ttl>& lifetime(std::size_t item) const { return things_[item].lifetime; }

 private:
  // What of one address replaces each other.
  enum class Group : std::uint8_t { none, param, stream, move };
  struct Thing {
    std::string_view address;
    std::uint32_t id = 0;
    Group group = Group::none;
    bool left_out = false;
    std::optional<Ttl> lifetime;
  };

  static Group group_of(const Entry& entry);
  std::uint32_t& last_of(const Thing& thing);  // where in table_ the last one of its kind stands

  std::vector<Thing> things_;            // one an item
  std::vector<std::uint32_t> table_;     // open addressing: item + 1, 0: free
};

}  // namespace clasp::store
