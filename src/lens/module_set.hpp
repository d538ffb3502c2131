// The modules a configuration has given names, for {"type":"wasm","module_id":"NAME"} in mappings, rules and transforms.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "clasp/error.hpp"
#include "lens/module_shelf.hpp"
#include "transform/transform.hpp"

namespace clasp::lens {

using ModuleFiles = std::map<std::string, std::string>;  // name → file

// "NAME=FILE".
Result<void> add_module_file(std::string_view text, ModuleFiles& out);

class ModuleSet {
 public:
  // Compiles all of them, or says which cannot be had.
  static Result<ModuleSet> load(const ModuleFiles& files, ModuleShelf& shelf);
  ModuleSet() = default;

  // Makes lenses of them; quick, any thread but one at a time. What it has made keeps what it needs.
  transform::LensLoader loader() const;

  std::size_t size() const { return modules_ ? modules_->size() : 0; }

 private:
  using Modules = std::map<std::string, std::shared_ptr<const Module>, std::less<>>;
  std::shared_ptr<const Modules> modules_;
};

// For whoever only wants to know whether a configuration makes sense, without the time that compiling takes: knows the names, and its lenses change
// nothing.
transform::LensLoader names_only(const ModuleFiles& files);

}  // namespace clasp::lens
