#include "lens/module_shelf.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace clasp::lens {

namespace {

std::string sha256(const std::string& bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

}  // namespace

Result<std::string> read_module_file(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error{ErrorCode::invalid_argument, std::strerror(errno), {}};
  if (std::filesystem::is_directory(path)) return Error{ErrorCode::invalid_argument, std::strerror(EISDIR), {}};
  std::string bytes(module_bytes_max + 1, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (in.bad()) return Error{ErrorCode::invalid_argument, std::strerror(errno), {}};
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  bytes.shrink_to_fit();
  return bytes;
}

Result<std::shared_ptr<const Module>> ModuleShelf::module(const std::string& path) {
  const auto bytes = read_(path);
  if (!bytes) return Error{ErrorCode::invalid_argument, fmt::format("Failed to read WASM lens: {}: {}", path, bytes.error().message), {}};
  auto module = compiled(*bytes);
  if (!module) return Error{ErrorCode::invalid_argument, fmt::format("Failed to load WASM lens: {}: {}", path, module.error().text()), {}};
  return *std::move(module);
}

LensResult<std::shared_ptr<const Module>> ModuleShelf::compiled(const std::string& bytes) {
  const std::scoped_lock lock(mutex_);
  std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<const Module>& known = known_[sha256(bytes)];
  if (auto module = known.lock()) return module;
  if (!runtime_) {
    auto opened = Runtime::open(stack_bytes_);
    if (!opened) return std::unexpected(opened.error());
    runtime_ = *std::move(opened);
  }
  auto module = Module::compile(runtime_, bytes);
  if (module) known = *module;
  return module;
}

}  // namespace clasp::lens
