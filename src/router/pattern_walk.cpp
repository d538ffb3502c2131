#include "router/pattern_walk.hpp"

#include "core/address.hpp"
#include "core/check.hpp"

namespace clasp::router {

std::uint32_t PatternWalk::next_match(const Pattern& pattern, std::string_view after) {
  const std::string_view prefix = pattern.literal_prefix();
  AddressIndex::Cursor cursor = after.empty() || compare_addresses(after, prefix) < 0 ? index_.seek(prefix) : first_behind(after);
  for (std::uint32_t entry; (entry = index_.at(cursor)) != AddressIndex::none;) {
    const std::string_view address = source_.address(entry);
    ++visited_;
    if (pattern.matches(address)) {
      last_ = cursor;
      return entry;
    }
    switch (step_from(pattern, address)) {
      case Step::next: cursor = index_.next(cursor); break;
      case Step::seek: cursor = index_.seek(target_); break;
      case Step::end: return AddressIndex::none;
    }
  }
  return AddressIndex::none;
}

// The place of the last match is only a guess: it is right if it still holds the address we come back with.
AddressIndex::Cursor PatternWalk::first_behind(std::string_view after) {
  AddressIndex::Cursor cursor = index_.holds(last_) && source_.address(index_.at(last_)) == after ? last_ : index_.seek(after);
  const std::uint32_t entry = index_.at(cursor);
  return entry != AddressIndex::none && source_.address(entry) == after ? index_.next(cursor) : cursor;
}

// Walks address and pattern together up to the first difference. All targets are behind `address` in the order of compare_addresses, and
// nothing between can match.
PatternWalk::Step PatternWalk::step_from(const Pattern& pattern, std::string_view address) {
  bool fixed = true;       // no wildcard so far: nothing behind the subtree can match either
  std::size_t parent = 0;  // bytes of the address up to here, without a slash at the end
  for (std::size_t i = 0; i < pattern.segment_count(); ++i) {
    const std::string_view wanted = pattern.segment(i);
    if (wanted == "**") return Step::next;  // whatever follows may come at any depth
    const std::size_t star = wanted.find('*');
    const std::string_view literal = wanted.substr(0, star);
    const std::string_view above = address.substr(0, parent);
    if (parent == address.size()) return literal.empty() ? Step::next : seek_child(address, literal);  // too short

    const std::size_t end = std::min(address.find('/', parent + 1), address.size());
    const std::string_view segment = address.substr(parent + 1, end - parent - 1);
    const int order =
        star == std::string_view::npos ? compare_addresses(segment, literal) : compare_addresses(segment.substr(0, literal.size()), literal);
    if (order < 0) return seek_child(above, literal);
    if (order > 0) return fixed ? Step::end : seek_behind(above);
    if (star != std::string_view::npos) {
      if (!segment_matches(wanted, segment)) return seek_behind(address.substr(0, end));
      fixed = false;
    }
    parent = end;
  }
  return fixed ? Step::end : seek_behind(address.substr(0, parent));  // too long
}

PatternWalk::Step PatternWalk::seek_child(std::string_view parent, std::string_view segment) {
  target_.assign(parent).append(1, '/').append(segment);
  return Step::seek;
}

// Slash is the lowest character and NUL the next one, so this is where the subtree has ended.
PatternWalk::Step PatternWalk::seek_behind(std::string_view subtree) {
  target_.assign(subtree).append(1, '\0');
  return Step::seek;
}

}  // namespace clasp::router
