// Entries in the order of compare_addresses, so that a subtree is one run: ids in leaves of at most 128 under a vector of leaves.
//
// Costs 5 to 10 bytes an entry: a leaf that fills up at its end starts a new one instead of being halved (addresses often come in order), and
// neighbours that fit into one leaf are merged. The addresses themselves stay where the source keeps them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace clasp::router {

// Where the index reads the address of an entry. The same answer as long as the entry is in the index.
class AddressSource {
 public:
  virtual std::string_view address(std::uint32_t entry) const = 0;

 protected:
  ~AddressSource() = default;
};

class AddressIndex {
 public:
  static constexpr std::uint32_t none = 0xffff'ffff;

  explicit AddressIndex(const AddressSource& source) : source_(source) {}
  AddressIndex(const AddressIndex&) = delete;

  void insert(std::uint32_t entry);  // its address is not in the index yet
  void erase(std::uint32_t entry);   // is in the index

  // A place between two changes of the index.
  struct Cursor {
    std::size_t leaf = 0;
    std::size_t place = 0;
    bool operator==(const Cursor&) const = default;
  };
  Cursor begin() const { return {}; }
  Cursor seek(std::string_view address) const;  // the first entry whose address is not before this one
  std::uint32_t at(Cursor cursor) const { return cursor.leaf < leaves_.size() ? leaves_[cursor.leaf]->entries[cursor.place] : none; }
  Cursor next(Cursor cursor) const;  // call only when at(cursor) != none
  bool holds(Cursor cursor) const { return cursor.leaf < leaves_.size() && cursor.place < leaves_[cursor.leaf]->used; }  // also for an old one

  std::size_t size() const { return size_; }
  std::size_t memory_bytes() const { return sizeof *this + leaves_.capacity() * sizeof(leaves_[0]) + leaves_.size() * sizeof(Leaf); }

 private:
  static constexpr std::size_t leaf_entries_max = 128;
  static constexpr std::size_t merged_entries_max = 112;  // room for some inserts before the next split
  static constexpr std::size_t first_bytes_max = 44;
  struct Leaf {
    std::uint16_t used = 0;
    std::uint16_t first_bytes = 0;  // of the whole address
    char first[first_bytes_max];    // the address of entries[0], as much as fits: choosing a leaf looks at no record
    std::uint32_t entries[leaf_entries_max];
  };

  bool before_leaf(std::string_view address, const Leaf& leaf) const;
  std::size_t leaf_for(std::string_view address) const;  // the last one that starts at or before it; 0 if none does
  std::size_t place_in(const Leaf& leaf, std::string_view address) const;
  void insert_into_full(std::size_t which, std::size_t place, std::uint32_t entry);
  void merge_after(std::size_t which);
  void put(Leaf& leaf, std::size_t place, std::uint32_t entry) const;
  void note_first(Leaf& leaf) const;

  const AddressSource& source_;
  std::vector<std::unique_ptr<Leaf>> leaves_;  // none is empty
  std::size_t size_ = 0;
  std::size_t last_leaf_ = 0;  // of the last insert: a hint
};

}  // namespace clasp::router
