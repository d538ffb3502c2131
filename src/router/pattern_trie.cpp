#include "router/pattern_trie.hpp"

#include <utility>

#include "core/address.hpp"
#include "core/check.hpp"
#include "router/seeded_hash.hpp"

namespace clasp::router {
namespace {

constexpr std::uint32_t none = FlatIndex::none;
constexpr std::uint32_t root = 0;

// What Node::segment holds: the number of an interned text, marked if it is a partial wildcard (an address may, without strict checks, contain
// the same text; it must not find that node as a literal), or one of the two whole-segment wildcards.
constexpr std::uint32_t partial_mark = 0x8000'0000;
constexpr std::uint32_t any_one_key = 0xffff'fffe;
constexpr std::uint32_t any_run_key = 0xffff'fffd;

bool is_interned(std::uint32_t key) { return key < any_run_key; }
bool is_partial(std::uint32_t key) { return is_interned(key) && (key & partial_mark) != 0; }

}  // namespace

PatternTrie::PatternTrie(std::uint64_t hash_seed) : seed_(hash_seed) { CLASP_CHECK(nodes_.take() == root); }

void PatternTrie::add(const Pattern& pattern, Item item) {
  std::uint32_t node = root;
  for (std::size_t i = 0; i < pattern.segment_count(); ++i) node = child_for(node, pattern.segment(i));

  if (item >= places_.size()) places_.resize(std::size_t{item} + 1);
  CLASP_CHECK(places_[item].node == none);
  std::vector<Item>& items = nodes_[node].items;
  places_[item] = {node, static_cast<std::uint32_t>(items.size())};
  items.push_back(item);
  ++size_;
}

void PatternTrie::remove(Item item) {
  CLASP_CHECK(item < places_.size() && places_[item].node != none);
  const Place place = std::exchange(places_[item], Place{});
  std::vector<Item>& items = nodes_[place.node].items;
  if (items.back() != item) {  // the last takes the gap
    places_[items.back()].index = place.index;
    items[place.index] = items.back();
  }
  items.pop_back();
  --size_;
  prune(place.node);
}

void PatternTrie::match(std::string_view address, std::vector<Item>& items) const {
  if (!address.starts_with('/')) return;
  active_.clear();
  ++step_;
  activate(root, active_);
  for (SegmentCursor segments(address); !segments.done() && !active_.empty();) step(segments.next());
  for (const std::uint32_t node : active_) items.insert(items.end(), nodes_[node].items.begin(), nodes_[node].items.end());
}

// From all nodes that are active before this segment of the address to those behind it.
void PatternTrie::step(std::string_view text) const {
  ++step_;
  next_.clear();
  bool looked_up = false;
  std::uint32_t segment = none;
  for (const std::uint32_t at : active_) {
    const Node& node = nodes_[at];
    if (node.segment == any_run_key) activate(at, next_);
    if (node.any_one != none) activate(node.any_one, next_);
    for (std::uint32_t child = node.partials; child != none; child = nodes_[child].next_partial) {
      if (segment_matches(segments_[nodes_[child].segment & ~partial_mark].text, text)) activate(child, next_);
    }
    if (node.literals == 0) continue;
    if (!looked_up) segment = find_segment(text);
    looked_up = true;
    if (segment == none) continue;
    if (const std::uint32_t child = find_child(at, segment); child != none) activate(child, next_);
  }
  active_.swap(next_);
}

// A node together with the "**" that follow it, for they may match nothing. Only a "**" can be reached twice in one step: from its parent and
// from itself.
void PatternTrie::activate(std::uint32_t node, std::vector<std::uint32_t>& active) const {
  for (; node != none; node = nodes_[node].any_run) {
    if (nodes_[node].segment == any_run_key && std::exchange(nodes_[node].visited, step_) == step_) return;
    active.push_back(node);
    ++visits_;
  }
}

std::uint32_t PatternTrie::child_for(std::uint32_t parent, std::string_view text) {
  if (text == "**") {
    if (nodes_[parent].any_run == none) nodes_[parent].any_run = new_node(parent, any_run_key);
    return nodes_[parent].any_run;
  }
  if (text == "*") {
    if (nodes_[parent].any_one == none) nodes_[parent].any_one = new_node(parent, any_one_key);
    return nodes_[parent].any_one;
  }
  const std::uint32_t mark = is_pattern(text) ? partial_mark : 0;
  if (const std::uint32_t known = find_segment(text); known != none) {
    if (const std::uint32_t child = find_child(parent, known | mark); child != none) return child;
  }
  const std::uint32_t node = new_node(parent, intern_segment(text) | mark);
  edges_.insert(edge_hash(parent, nodes_[node].segment), node);
  if (mark != 0)
    link_partial(node);
  else
    ++nodes_[parent].literals;
  return node;
}

void PatternTrie::link_partial(std::uint32_t node) {
  Node& parent = nodes_[nodes_[node].parent];
  nodes_[node].next_partial = parent.partials;
  if (parent.partials != none) nodes_[parent.partials].previous_partial = node;
  parent.partials = node;
}

// Takes away `node` and those above it that lead nowhere any more.
void PatternTrie::prune(std::uint32_t node) {
  while (node != root) {
    const Node& at = nodes_[node];
    if (!at.items.empty() || at.literals != 0 || at.any_one != none || at.any_run != none || at.partials != none) return;
    const std::uint32_t parent = at.parent;
    detach(node);
    nodes_.give_back(node);
    node = parent;
  }
}

void PatternTrie::detach(std::uint32_t node) {
  const Node& child = nodes_[node];
  Node& parent = nodes_[child.parent];
  if (child.segment == any_one_key) {
    parent.any_one = none;
    return;
  }
  if (child.segment == any_run_key) {
    parent.any_run = none;
    return;
  }
  edges_.erase(edge_hash(child.parent, child.segment), node);
  if (is_partial(child.segment)) {
    if (child.previous_partial != none)
      nodes_[child.previous_partial].next_partial = child.next_partial;
    else
      parent.partials = child.next_partial;
    if (child.next_partial != none) nodes_[child.next_partial].previous_partial = child.previous_partial;
  } else {
    --parent.literals;
  }
  release_segment(child.segment & ~partial_mark);
}

std::uint32_t PatternTrie::new_node(std::uint32_t parent, std::uint32_t segment) {
  const std::uint32_t node = nodes_.take();
  nodes_[node].parent = parent;
  nodes_[node].segment = segment;
  return node;
}

std::uint32_t PatternTrie::find_child(std::uint32_t parent, std::uint32_t segment) const {
  return edges_.find(edge_hash(parent, segment),
                     [&](std::uint32_t node) { return nodes_[node].parent == parent && nodes_[node].segment == segment; });
}

std::uint32_t PatternTrie::find_segment(std::string_view text) const {
  return segment_index_.find(hash_text(text, seed_), [&](std::uint32_t segment) { return segments_[segment].text == text; });
}

std::uint32_t PatternTrie::intern_segment(std::string_view text) {
  std::uint32_t segment = find_segment(text);
  if (segment == none) {
    segment = segments_.take();
    CLASP_CHECK(segment < (any_run_key & ~partial_mark));
    segments_[segment].text = text;
    segment_index_.insert(hash_text(text, seed_), segment);
  }
  ++segments_[segment].count;
  return segment;
}

void PatternTrie::release_segment(std::uint32_t segment) {
  if (--segments_[segment].count > 0) return;
  segment_index_.erase(hash_text(segments_[segment].text, seed_), segment);
  segments_.give_back(segment);
}

std::uint64_t PatternTrie::edge_hash(std::uint32_t parent, std::uint32_t segment) const {
  return hash_word(std::uint64_t{parent} << 32 | segment, seed_);
}

}  // namespace clasp::router
