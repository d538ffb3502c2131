// From a specification to nodes. Inside this module only; transform.hpp is the door.
//
// Every builder reads its members through Spec, which knows where in the document it is, so that each mistake is told with a JSON pointer.
// The first one counts; builders go on with defaults until the compiler notices.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clasp/error.hpp"
#include "transform/condition.hpp"
#include "transform/expression.hpp"
#include "transform/node.hpp"
#include "transform/transform.hpp"

namespace clasp::transform {

class Compiler {
 public:
  explicit Compiler(const CompileOptions& options) : options_(options) {}

  // nullptr: see error().
  NodePtr transform(const Value& spec, const std::string& pointer);
  ConditionPtr condition(const Value& spec, const std::string& pointer);

  std::size_t new_cell() { return cells_++; }
  std::size_t cells() const { return cells_; }
  void note(std::string text) { notes_.push_back(std::move(text)); }
  std::vector<std::string>& notes() { return notes_; }
  const CompileOptions& options() const { return options_; }

  void fail(std::string_view pointer, std::string_view what);
  bool failed() const { return error_.code != ErrorCode::none; }
  const Error& error() const { return error_; }

 private:
  struct Level;
  NodePtr tagged(const Value& spec, const std::string& pointer);
  NodePtr with_flags(NodePtr node, const Value& spec, const std::string& pointer, bool remembers);

  const CompileOptions& options_;
  std::vector<std::string> notes_;
  Error error_;
  std::size_t cells_ = 0;
  std::size_t depth_ = 0;
  std::size_t nodes_ = 0;
};

// One object of the specification. Absent and null are the same.
class Spec {
 public:
  Spec(const Value& object, std::string pointer, Compiler& compiler) : object_(object), pointer_(std::move(pointer)), compiler_(compiler) {}

  bool has(std::string_view name) const { return find(name) != nullptr; }
  bool has_any(std::initializer_list<std::string_view> names) const;
  const Value* find(std::string_view name) const;  // nullptr if absent or null

  double number(std::string_view name) const;  // required, finite
  double number(std::string_view name, double absent) const;
  std::int64_t integer(std::string_view name, std::int64_t min, std::int64_t max) const;
  std::int64_t integer(std::string_view name, std::int64_t min, std::int64_t max, std::int64_t absent) const;
  bool flag(std::string_view name, bool absent = false) const;
  std::string text(std::string_view name) const;
  std::string text(std::string_view name, std::string_view absent) const;
  std::size_t choice(std::string_view name, std::span<const std::string_view> names) const;
  std::size_t choice(std::string_view name, std::span<const std::string_view> names, std::size_t absent) const;
  const Array& array(std::string_view name) const;
  NodePtr transform(std::string_view name) const;

  std::string at(std::string_view name) const;  // pointer of a member
  void fail(std::string_view name, std::string_view what) const { compiler_.fail(at(name), what); }
  Compiler& compiler() const { return compiler_; }
  const std::string& pointer() const { return pointer_; }
  const Value& object() const { return object_; }

 private:
  const Value& object_;
  std::string pointer_;
  Compiler& compiler_;
};

// A type of transform. `remembers`: the node has a cell, so it cannot be applied to the items of an array one by one.
using Build = std::unique_ptr<Node> (*)(const Spec& spec);
struct TypeRow {
  std::string_view name;
  Build build;
  bool remembers = false;
};
std::span<const TypeRow> numeric_types();
std::span<const TypeRow> remembering_types();
std::span<const TypeRow> value_types();
std::span<const TypeRow> structure_types();

// {"type": name, members…}; members that are null are left out.
Value make_spec(std::string_view type, Map members = {});

// "params" of a lens, or in vocabulary B "wasmParams", which is JSON as a text.
Value lens_params(const Spec& spec);

// Vocabulary D and C: "Invert", {"Scale":{"scale":2,"offset":1}}. The same in vocabulary A; nothing if it is neither.
std::optional<Value> from_tagged(const Value& spec);

}  // namespace clasp::transform
