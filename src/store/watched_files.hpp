// SQLite's way to the disk, watched: every operation is shown to a FileWatch first, which counts it, and in tests makes it fail.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace clasp::store {

enum class FileOperation : std::uint8_t { open, read, write, truncate, sync, remove };

class FileWatch {
 public:
  virtual ~FileWatch() = default;
  // Before an operation of any thread. Nothing: go on. An SQLite error code: the operation fails with it; of a write, the first half of the bytes
  // have been written all the same (a short write).
  virtual std::optional<int> before(FileOperation operation) = 0;
};

// What production watches.
class FileCounts final : public FileWatch {
 public:
  std::optional<int> before(FileOperation operation) override {
    if (operation == FileOperation::sync) syncs.fetch_add(1, std::memory_order_relaxed);
    return std::nullopt;
  }
  std::atomic<std::uint64_t> syncs{0};
};

// The name of an SQLite VFS whose files tell `watch`. It lives until the process ends, and so must `watch` as long as a file is open; the same watch
// gets the same name.
const char* watched_files(FileWatch& watch);

}  // namespace clasp::store
