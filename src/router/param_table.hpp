// The records of all params in chunks that never move, with their addresses and values in slabs, in two orders: a free list of ids and a list that
// says which param to evict first. Knows no rules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/value_view.hpp"
#include "router/address_index.hpp"
#include "router/lifetimes.hpp"
#include "router/param_store.hpp"
#include "router/removed_revisions.hpp"
#include "router/slab.hpp"

namespace clasp::router {

// How the record says what lifetime it has; the seconds are in Lifetimes.
enum class Lifetime : std::uint8_t { by_default, never, sliding, absolute };

struct Param {
  static constexpr std::uint32_t none = 0xffff'ffff;

  Revision revision = 0;
  Seq last_seq = 0;
  UnixTime time;
  SteadyTime renewed;  // the lifetime counts from here: the last access if it slides, the last write if it is absolute
  Slabs::Ref address = Slabs::Ref::none;
  Slabs::Ref value = Slabs::Ref::none;
  std::uint32_t value_bytes : 24 = 0;  // Slabs::bytes_max fits
  std::uint32_t generation : 8 = 0;    // RemovedRevisions::Generation: which raises its revision has seen
  WriterId writer{};
  Lifetimes::Id lifetime_row = Lifetimes::Id::none;
  std::uint32_t before = none;  // in the order of eviction
  std::uint32_t after = none;   // or the next free record
  ParamStore::MatchSlot match;
  std::uint16_t address_bytes = 0;
  ValueTag tag = ValueTag::null;
  ConflictStrategy strategy : 4 = ConflictStrategy::lww;
  Lifetime lifetime : 2 = Lifetime::by_default;
  bool locked : 1 = false;  // the holder is in LockTable
  bool used : 1 = false;    // else a free record
};
static_assert(sizeof(Param) <= 72);

class ParamTable final : public AddressSource {
 public:
  static constexpr std::size_t params_max = Slabs::slots_per_class_max - 1;

  ParamTable() = default;
  ParamTable(const ParamTable&) = delete;

  std::uint32_t create(std::string_view address);  // a record with this address and otherwise as new; in no order yet
  void destroy(std::uint32_t id);                  // is in no order any more

  Param& operator[](std::uint32_t id) { return chunks_[id >> chunk_shift][id & chunk_mask]; }
  const Param& operator[](std::uint32_t id) const { return chunks_[id >> chunk_shift][id & chunk_mask]; }
  bool exists(std::uint32_t id) const { return id >> chunk_shift < chunks_.size() && (*this)[id].used; }

  std::string_view address(std::uint32_t id) const override {
    const Param& param = (*this)[id];
    return as_text(addresses_.view(param.address, param.address_bytes));
  }
  ValueView value(const Param& param) const { return {param.tag, values_.view(param.value, param.value_bytes)}; }
  void set_value(Param& param, const ValueView& value) {
    param.tag = value.tag;
    if (param.value_bytes == value.data.size()) values_.overwrite(param.value, value.data);
    else resize_value(param, value.data);
  }

  void append(std::uint32_t id);  // evicted last
  void unlink(std::uint32_t id);
  std::uint32_t first() const { return first_; }

  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const;

 private:
  static constexpr unsigned chunk_shift = 10;
  static constexpr std::uint32_t chunk_mask = (1u << chunk_shift) - 1;

  void make_chunk();
  void resize_value(Param& param, Bytes bytes);

  std::vector<std::unique_ptr<Param[]>> chunks_;
  Slabs addresses_;
  Slabs values_;
  std::uint32_t free_ = Param::none;
  std::uint32_t first_ = Param::none;
  std::uint32_t last_ = Param::none;
  std::size_t size_ = 0;
};

}  // namespace clasp::router
