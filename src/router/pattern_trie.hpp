// Every pattern somebody subscribed to, segment by segment, so that an address finds those that match it without asking each. Means exactly what
// Pattern::matches() means (wire format, section 9); the two are fuzzed against each other.
//
// Nodes have no maps of their own: segments are interned, and one index for the whole trie leads from (node, segment) to a child. A look-up walks
// with a set of active nodes, each at most once per segment of the address, so "**" upon "**" stays bounded. Adding costs the depth of the
// pattern; removing too, by the links to the parents, and takes every node that has become useless with it.
//
// Look-ups share scratch memory: one thread, not reentrant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/pattern.hpp"
#include "router/flat_index.hpp"
#include "router/stable_rows.hpp"

namespace clasp::router {

class PatternTrie {
 public:
  using Item = std::uint32_t;  // a small number the owner gives to what it adds; the trie keeps a row per number up to the largest

  explicit PatternTrie(std::uint64_t hash_seed);
  PatternTrie(const PatternTrie&) = delete;

  void add(const Pattern& pattern, Item item);  // not in it yet
  void remove(Item item);                       // it is there
  // Appends the items whose pattern matches, each once, in no order.
  void match(std::string_view address, std::vector<Item>& items) const;

  std::size_t size() const { return size_; }
  std::size_t node_count() const { return nodes_.size(); }  // 1 when empty: the root
  std::size_t segment_count() const { return segments_.size(); }
  // Nodes that were active in all look-ups so far: what walking costs.
  std::uint64_t visits() const { return visits_; }

 private:
  struct Node {
    std::uint32_t parent = FlatIndex::none;
    std::uint32_t segment = FlatIndex::none;       // key in edges_; `any_one` and `any_run` for the wildcards, which are not in it
    std::uint32_t any_one = FlatIndex::none;       // child "*"
    std::uint32_t any_run = FlatIndex::none;       // child "**"
    std::uint32_t partials = FlatIndex::none;      // first child like "zone5*"
    std::uint32_t next_partial = FlatIndex::none;  // siblings of a partial
    std::uint32_t previous_partial = FlatIndex::none;
    std::uint32_t literals = 0;         // number of children without wildcard
    mutable std::uint64_t visited = 0;  // step at which a "**" became active
    std::vector<Item> items;
  };
  struct Segment {
    std::string text;
    std::uint32_t count = 0;
  };
  struct Place {
    std::uint32_t node = FlatIndex::none;
    std::uint32_t index = 0;  // in the node's items
  };

  std::uint32_t child_for(std::uint32_t parent, std::string_view text);
  std::uint32_t find_child(std::uint32_t parent, std::uint32_t segment) const;
  std::uint32_t new_node(std::uint32_t parent, std::uint32_t segment);
  void link_partial(std::uint32_t node);
  void prune(std::uint32_t node);
  void detach(std::uint32_t node);
  std::uint32_t find_segment(std::string_view text) const;
  std::uint32_t intern_segment(std::string_view text);
  void release_segment(std::uint32_t segment);
  std::uint64_t edge_hash(std::uint32_t parent, std::uint32_t segment) const;
  void activate(std::uint32_t node, std::vector<std::uint32_t>& active) const;
  void step(std::string_view text) const;

  std::uint64_t seed_;
  StableRows<Node> nodes_;
  StableRows<Segment> segments_;
  FlatIndex edges_;
  FlatIndex segment_index_;
  std::vector<Place> places_;  // by item
  std::size_t size_ = 0;
  mutable std::vector<std::uint32_t> active_;
  mutable std::vector<std::uint32_t> next_;
  mutable std::uint64_t step_ = 0;
  mutable std::uint64_t visits_ = 0;
};

}  // namespace clasp::router
