// Finding what matches a pattern in the ordered index without looking at everything: from an address that does not match follows how far the
// walk can jump. "/a/*/c" costs a few looks a child of /a, whatever lies below them; "/a/**" is one run.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/pattern.hpp"
#include "router/address_index.hpp"

namespace clasp::router {

class PatternWalk {
 public:
  PatternWalk(const AddressIndex& index, const AddressSource& source) : index_(index), source_(source) {}

  // The first entry behind `after` (empty: from the start) that matches, or AddressIndex::none.
  std::uint32_t next_match(const Pattern& pattern, std::string_view after);

  std::uint64_t visited() const { return visited_; }  // entries looked at, ever

 private:
  enum class Step : std::uint8_t { next, seek, end };

  AddressIndex::Cursor first_behind(std::string_view after);
  Step step_from(const Pattern& pattern, std::string_view address);
  Step seek_child(std::string_view parent, std::string_view segment);
  Step seek_behind(std::string_view subtree);

  const AddressIndex& index_;
  const AddressSource& source_;
  AddressIndex::Cursor last_;  // where the last match was: walks come back with it
  std::string target_;         // of Step::seek; kept for its memory
  std::uint64_t visited_ = 0;
};

}  // namespace clasp::router
