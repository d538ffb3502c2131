// The modules a configuration has given names, for {"type":"wasm","module_id":"NAME"} in mappings, rules and transforms.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "clasp/error.hpp"
#include "lens/module_shelf.hpp"
#include "lens/stage.hpp"
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

  // For /metrics: each module with the numbers of the lenses made of it that are still there, added up.
  void for_each(const std::function<void(const std::string& name, const StageStats& stats, std::size_t instances)>& visit) const;

 private:
  struct Entry {
    std::shared_ptr<const Module> module;
    std::vector<std::weak_ptr<const Stage>> made;
  };
  using Modules = std::map<std::string, Entry, std::less<>>;
  std::shared_ptr<Modules> modules_;
};

// For whoever only wants to know whether a configuration makes sense, without the time that compiling takes: knows the names, and its lenses change
// nothing.
transform::LensLoader names_only(const ModuleFiles& files);

}  // namespace clasp::lens
