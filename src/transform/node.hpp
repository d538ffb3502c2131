// What a transform is compiled to: a tree of nodes that change a value in place. Inside this module only; users see transform.hpp.
//
// A node is immutable and shared by all addresses. What it remembers lies in cells, one set for each address (state_table.hpp); a node that
// remembers something knows which cell is its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "clasp/value.hpp"
#include "core/time.hpp"
#include "transform/outcome.hpp"

namespace clasp::transform {

class Aggregator;

// What one node remembers about one address. What the fields mean is up to the node.
struct Cell {
  bool set = false;
  double number = 0;
  double second = 0;
  std::int64_t count = 0;
  SteadyTime at;
  std::unique_ptr<Aggregator> aggregator;
};
using Cells = std::vector<Cell>;

class Node;
using Trace = std::function<void(const Node& node, const Value& after, Outcome outcome)>;

// One value on its way through the nodes.
struct Run {
  std::string_view address;
  const Now& now;
  Cells* cells = nullptr;           // of this address; nullptr if no node remembers anything
  std::uint64_t* faults = nullptr;  // expressions that could not be evaluated
  const char** fault = nullptr;     // why the last one could not
  const Trace* trace = nullptr;     // told after each member of a chain
};

class Node {
 public:
  virtual ~Node() = default;
  virtual Outcome apply(Value& value, Run& run) const = 0;

  Value spec;                    // in canonical form: compiles to the same node
  std::optional<Value> inverse;  // spec of what undoes this node, if anything does
};
using NodePtr = std::unique_ptr<const Node>;

}  // namespace clasp::transform
