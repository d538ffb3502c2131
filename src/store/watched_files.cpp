#include "store/watched_files.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/check.hpp"

namespace clasp::store {
namespace {

struct WatchedVfs {
  sqlite3_vfs vfs{};
  sqlite3_vfs* real = nullptr;
  FileWatch* watch = nullptr;
  std::string name;
};

// Lies before the real file in the memory SQLite gives.
struct WatchedFile {
  sqlite3_file base;
  FileWatch* watch;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

WatchedFile& watched(sqlite3_file* file) { return *reinterpret_cast<WatchedFile*>(file); }
sqlite3_file* real(sqlite3_file* file) { return watched(file).real(); }

int close_file(sqlite3_file* file) { return real(file)->pMethods->xClose(real(file)); }

int read_file(sqlite3_file* file, void* to, int bytes, sqlite3_int64 at) {
  if (const auto failed = watched(file).watch->before(FileOperation::read)) return *failed;
  return real(file)->pMethods->xRead(real(file), to, bytes, at);
}

int write_file(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 at) {
  const auto failed = watched(file).watch->before(FileOperation::write);
  if (!failed) return real(file)->pMethods->xWrite(real(file), from, bytes, at);
  if (bytes > 1) static_cast<void>(real(file)->pMethods->xWrite(real(file), from, bytes / 2, at));
  return *failed;
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  if (const auto failed = watched(file).watch->before(FileOperation::truncate)) return *failed;
  return real(file)->pMethods->xTruncate(real(file), size);
}

int sync_file(sqlite3_file* file, int flags) {
  if (const auto failed = watched(file).watch->before(FileOperation::sync)) return *failed;
  return real(file)->pMethods->xSync(real(file), flags);
}

int size_of_file(sqlite3_file* file, sqlite3_int64* size) { return real(file)->pMethods->xFileSize(real(file), size); }
int lock_file(sqlite3_file* file, int level) { return real(file)->pMethods->xLock(real(file), level); }
int unlock_file(sqlite3_file* file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }
int check_reserved(sqlite3_file* file, int* out) { return real(file)->pMethods->xCheckReservedLock(real(file), out); }
int control_file(sqlite3_file* file, int what, void* with) { return real(file)->pMethods->xFileControl(real(file), what, with); }
int sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int device_characteristics(sqlite3_file* file) { return real(file)->pMethods->xDeviceCharacteristics(real(file)); }
int map_shared(sqlite3_file* file, int page, int bytes, int extend, void volatile** out) {
  return real(file)->pMethods->xShmMap(real(file), page, bytes, extend, out);
}
int lock_shared(sqlite3_file* file, int offset, int n, int flags) { return real(file)->pMethods->xShmLock(real(file), offset, n, flags); }
void shared_barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
int unmap_shared(sqlite3_file* file, int erase) { return real(file)->pMethods->xShmUnmap(real(file), erase); }

// Version 2: without memory-mapped reading, which would pass the watch by.
constexpr sqlite3_io_methods methods{.iVersion = 2,
                                     .xClose = close_file,
                                     .xRead = read_file,
                                     .xWrite = write_file,
                                     .xTruncate = truncate_file,
                                     .xSync = sync_file,
                                     .xFileSize = size_of_file,
                                     .xLock = lock_file,
                                     .xUnlock = unlock_file,
                                     .xCheckReservedLock = check_reserved,
                                     .xFileControl = control_file,
                                     .xSectorSize = sector_size,
                                     .xDeviceCharacteristics = device_characteristics,
                                     .xShmMap = map_shared,
                                     .xShmLock = lock_shared,
                                     .xShmBarrier = shared_barrier,
                                     .xShmUnmap = unmap_shared,
                                     .xFetch = nullptr,
                                     .xUnfetch = nullptr};

WatchedVfs& owner_of(sqlite3_vfs* vfs) { return *static_cast<WatchedVfs*>(vfs->pAppData); }

int open_file(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* file, int flags, int* flags_out) {
  WatchedVfs& owner = owner_of(vfs);
  WatchedFile& opened = watched(file);
  opened.base.pMethods = nullptr;
  opened.watch = owner.watch;
  if (const auto failed = owner.watch->before(FileOperation::open)) return *failed;
  opened.real()->pMethods = nullptr;
  const int result = owner.real->xOpen(owner.real, name, opened.real(), flags, flags_out);
  if (opened.real()->pMethods != nullptr) opened.base.pMethods = &methods;
  return result;
}

int delete_file(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  WatchedVfs& owner = owner_of(vfs);
  if (const auto failed = owner.watch->before(FileOperation::remove)) return *failed;
  return owner.real->xDelete(owner.real, name, sync_folder);
}

}  // namespace

const char* watched_files(FileWatch& watch) {
  static std::mutex mutex;
  static std::vector<std::unique_ptr<WatchedVfs>> all;
  const std::scoped_lock lock(mutex);
  const auto known = std::ranges::find_if(all, [&](const auto& vfs) { return vfs->watch == &watch; });
  if (known != all.end()) return (*known)->name.c_str();

  auto made = std::make_unique<WatchedVfs>();
  made->real = sqlite3_vfs_find(nullptr);
  CLASP_CHECK(made->real != nullptr);
  made->watch = &watch;
  made->name = fmt::format("clasp-watched-{}", all.size());
  made->vfs = *made->real;
  made->vfs.szOsFile = static_cast<int>(sizeof(WatchedFile)) + made->real->szOsFile;
  made->vfs.pNext = nullptr;
  made->vfs.zName = made->name.c_str();
  made->vfs.pAppData = made.get();
  made->vfs.xOpen = open_file;
  made->vfs.xDelete = delete_file;
  CLASP_CHECK(sqlite3_vfs_register(&made->vfs, 0) == SQLITE_OK);
  all.push_back(std::move(made));
  return all.back()->name.c_str();
}

}  // namespace clasp::store
