// An object of a rule's text, read member by member under all the names a member has had.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clasp/error.hpp"
#include "clasp/value.hpp"
#include "core/pattern.hpp"
#include "core/time.hpp"
#include "transform/transform.hpp"

namespace clasp::rules {

// What is wrong with a rule: the first mistake, and what else its author should know. Both begin with a JSON pointer.
struct Findings {
  std::optional<std::string> mistake{};
  std::vector<std::string> notes{};
  const transform::LensLoader* lenses = nullptr;  // what a transform in it may use
  void fail(std::string_view pointer, std::string_view what);
};

class Members {
 public:
  using Names = std::initializer_list<std::string_view>;

  Members(const Value& object, std::string pointer, Findings& findings) : object_(object), pointer_(std::move(pointer)), findings_(findings) {}

  const Value* find(Names names);  // the first of them that is there and not null
  const Value* find_even_null(Names names);
  bool has(Names names) { return find(names) != nullptr; }

  // What is required fails if it is missing, and reads as something harmless.
  std::string text(Names names);
  std::optional<double> number(Names names);
  bool flag(Names names, bool absent);
  Pattern pattern(Names names);                                         // of addresses
  std::string address(Names names);                                     // of one param
  std::optional<Micros> time(Names names, double unit_us, Micros min);  // a number of units, or a text as "5m"

  std::string at(std::string_view name) const { return pointer_ + "/" + std::string(name); }
  std::string place(Names names);  // of the one that is there, else of the first
  void fail(Names names, std::string_view what) { findings_.fail(place(names), what); }
  void note_unknown();  // everything nobody has asked for: a typing error, perhaps
  const std::string& pointer() const { return pointer_; }
  Findings& findings() { return findings_; }

 private:
  const Value& object_;
  std::string pointer_;
  Findings& findings_;
  std::vector<std::string_view> asked_;
};

std::string shown(const Value& value);  // for error texts: short, printable JSON

}  // namespace clasp::rules
