// --lens-module: the modules that transforms of a command may use.
#pragma once

#include "cli/arguments.hpp"
#include "lens/module_set.hpp"

namespace clasp::cli {

inline options::Option lens_module_row(lens::ModuleFiles& files) {
  return {.name = "lens-module",
          .value = "NAME=FILE",
          .help = "A WASM module for {\"type\":\"wasm\",\"module_id\":\"NAME\"}; repeatable (docs/lenses.md).",
          .apply = [&files](std::string_view text) { return lens::add_module_file(text, files); },
          .repeatable = true,
          .in_file = false};
}

inline Result<transform::LensLoader> load_lens_modules(const lens::ModuleFiles& files) {
  lens::ModuleShelf shelf;
  const auto modules = lens::ModuleSet::load(files, shelf);
  if (!modules) return modules.error();
  return modules->loader();
}

}  // namespace clasp::cli
