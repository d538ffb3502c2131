// Modules by the content of their files, so that what two lenses use, or what was in use before a reload, is compiled once. Compiling takes long: not
// on the router's thread. Any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "clasp/error.hpp"
#include "lens/module.hpp"

namespace clasp::lens {

using ReadFile = std::function<Result<std::string>(const std::string& path)>;
Result<std::string> read_module_file(const std::string& path);  // not more than a module may have; the error says why

class ModuleShelf {
 public:
  explicit ModuleShelf(ReadFile read = read_module_file, std::size_t stack_bytes = stack_bytes_default)
      : read_(std::move(read)), stack_bytes_(stack_bytes) {}

  // The error begins with "Failed to read WASM lens: " or "Failed to load WASM lens: ", and the path.
  Result<std::shared_ptr<const Module>> module(const std::string& path);

  const ReadFile& reader() const { return read_; }

 private:
  LensResult<std::shared_ptr<const Module>> compiled(const std::string& bytes);

  ReadFile read_;
  std::size_t stack_bytes_;
  std::mutex mutex_;
  std::shared_ptr<Runtime> runtime_;                          // opened for the first module
  std::map<std::string, std::weak_ptr<const Module>> known_;  // by SHA-256
};

}  // namespace clasp::lens
