#include "store/opening.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace clasp::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view journal_endings[] = {"", "-wal", "-shm"};

std::string folder_of(const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  return folder.empty() ? "." : folder.string();
}

// Why a journal cannot be used that is not to blame for it.
Error unusable(const std::string& path, const Error& error) {
  const bool by_folder = is_read_only(error) && ::access(path.c_str(), W_OK) == 0;
  return {error.code, fmt::format("cannot use {}: {}", path, by_folder ? fmt::format("no permission to write into its folder {}", folder_of(path)) : error.message), {}};
}

// Writes what is written to every table and takes it back: some damage shows in nothing that is read.
Result<void> try_to_write(JournalFile& file) {
  Result<void> done = file.begin();
  if (done) {
    const auto appended = file.append({.address = "/"});
    if (!appended) done = appended.error();
  }
  if (done) done = file.write_out();
  if (done) done = file.add_gap(0, 0, {});
  if (done) done = file.set_unclean_starts(1);
  if (done) done = file.begin_snapshot(0, {});
  if (done) done = file.finish_snapshot();
  file.roll_back();
  return done;
}

// What is wrong with the file as a whole; nothing: it can be read and written. An error: it is not the file's fault. What could be mended is noted.
Result<std::optional<std::string>> fault_of(Result<JournalFile>& file, const std::string& path, const char* vfs, std::vector<std::string>& notes) {
  // Read-only without a reason in its permissions, or its folder's, where its log has to be made, is a header that says so.
  const auto blame = [&](const Error& error) -> Result<std::optional<std::string>> {
    if (is_damage(error) || (is_read_only(error) && ::access(path.c_str(), W_OK) == 0 && ::access(folder_of(path).c_str(), W_OK) == 0)) return std::optional(error.message);
    return error;
  };
  if (!file) return blame(file.error());
  auto database = Database::open(path, Access::read, vfs);
  if (!database) return blame(database.error());
  if (auto fault = check_pages(*database)) return fault;
  auto written = try_to_write(*file);
  if (!written && is_damage(written.error()) && file->rebuild_indexes()) {
    notes.push_back(fmt::format("{}: an index was damaged ({}); it was made anew", path, written.error().message));
    written = try_to_write(*file);
  }
  if (!written) return blame(written.error());
  return std::optional<std::string>{};
}

// As far as it can be read. Opened for writing, since its log may still have to be taken in.
Recovered recover_aside(const std::string& path, RecoverySink& sink, const char* vfs) {
  auto database = Database::open(path, Access::write, vfs);
  if (database) return recover(*database, sink);
  Recovered recovered;
  recovered.notes.push_back(database.error().message);
  return recovered;
}

// As far as a damaged file still says.
std::uint64_t count_in(const std::string& path, std::string_view key, const char* vfs) {
  auto database = Database::open(path, Access::read, vfs);
  if (!database) return 0;
  const auto count = database->number(fmt::format("SELECT value FROM clasp_meta WHERE key = '{}'", key).c_str());
  return count && *count > 0 && *count < (std::int64_t{1} << 36) ? static_cast<std::uint64_t>(*count) : 0;
}

}  // namespace

Result<std::string> set_aside(const std::string& path, std::span<const std::string_view> endings) {
  for (int n = 1;; ++n) {
    const std::string aside = fmt::format("{}.damaged-{}", path, n);
    std::error_code error;
    if (fs::exists(aside, error)) continue;
    for (const std::string_view ending : endings) {
      const std::string from = fmt::format("{}{}", path, ending);
      if (!fs::exists(from, error)) continue;
      fs::rename(from, fmt::format("{}{}", aside, ending), error);
      if (error) return Error{ErrorCode::unavailable, fmt::format("cannot move the damaged {} out of the way: {}", from, error.message()), {}};
    }
    return aside;
  }
}

Result<Opened> open_journal(const std::string& path, RecoverySink& sink, const char* vfs) {
  Opened opened;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return Error{ErrorCode::unavailable, fmt::format("cannot open {}: it is a folder", path), {}};
  auto lock = FileLock::take(path);
  if (!lock) return lock.error();
  opened.lock = std::move(*lock);
  if (auto torn = torn_tail(path)) opened.notes.push_back(std::move(*torn));

  auto file = JournalFile::open(path, vfs);
  const auto fault = fault_of(file, path, vfs, opened.notes);
  if (!fault) return unusable(path, fault.error());  // full, not permitted: nothing that moving it would help
  if (!*fault) {
    auto database = Database::open(path, Access::read, vfs);
    if (!database) return database.error();
    opened.recovered = recover(*database, sink);
    opened.unclean_starts = file->unclean_starts();
    opened.raises = file->raises();
    opened.file = std::move(*file);
  } else {
    file = Error{};  // closes it
    auto aside = set_aside(path, journal_endings);
    if (!aside) return aside.error();
    opened.set_aside = std::move(*aside);
    opened.notes.push_back(fmt::format("{} is damaged ({}); it is kept as {}, and what can be read of it was recovered", path, **fault, opened.set_aside));
    opened.recovered = recover_aside(opened.set_aside, sink, vfs);
    opened.unclean_starts = count_in(opened.set_aside, "unclean_starts", vfs) + 1;
    opened.raises = std::max(count_in(opened.set_aside, "raises", vfs) + 1, opened.unclean_starts);
    auto fresh = JournalFile::open(path, vfs);
    if (!fresh) return fresh.error();
    opened.file = std::move(*fresh);
    if (auto continued = opened.file.continue_after(opened.recovered.last_seq); !continued) return continued.error();
  }
  // On the disk before anybody is answered: whatever ends this run, the next one knows that there was one.
  Result<void> marked = opened.file.begin();
  if (marked) marked = opened.file.set_unclean_starts(opened.unclean_starts + 1);
  if (marked) marked = opened.file.set_raises(opened.raises);
  if (marked) marked = opened.file.commit();
  if (!marked) return marked.error();
  for (const std::string& note : opened.recovered.notes) opened.notes.push_back(fmt::format("{}: {}", path, note));
  return opened;
}

}  // namespace clasp::store
