// What tests of the journal share: a folder of their own, entries made briefly, and the state that recovery finds, as text.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "store/recovery.hpp"

namespace clasp::store {

class TempFolder {
 public:
  TempFolder() {
    // In memory, if there is such a place: tests open files thousands of times, and what a sync costs is not what they are about.
    const std::filesystem::path memory = "/dev/shm";
    std::string name = ((::access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path()) / "clasp-store-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  TempFolder(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(std::string_view name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}
inline void write_file(const std::string& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
}

// A SET as it would be committed.
struct MadeSet {
  MadeSet(std::string at, const Value& content, std::uint64_t number) : address(std::move(at)), value(content), revision(number) {}
  std::string address;
  EncodedValue value;
  std::uint64_t revision;
  Entry entry() const {
    return {.time = {1'700'000'000'000'000 + revision}, .author = "desk", .address = address, .value = value.view(), .revision = revision};
  }
};

// The state as lines "/a=1 rev=3 by=desk at=5 ttl=sliding:60", by address.
class StateSink final : public RecoverySink {
 public:
  void param(const ParamImage& param) override { state[std::string(param.address)] = line(param.value, param.revision, param.writer, param.time, param.ttl); }
  void entry(const Entry& entry) override {
    if (entry.kind == EntryKind::removed) state.erase(std::string(entry.address));
    else state[std::string(entry.address)] = line(entry.value.value_or(ValueView{}), entry.revision, entry.author, entry.time, entry.ttl);
  }
  void removed_revisions_max(std::uint64_t revision) override { removed_max = revision; }

  static std::string line(const ValueView& value, std::uint64_t revision, std::string_view writer, UnixTime time, const std::optional<Ttl>& ttl) {
    const char* modes[] = {"never", "sliding", "absolute"};
    return fmt::format("{} rev={} by={} at={}{}", to_json(to_value(value)), revision, writer, time.us,
                       ttl ? fmt::format(" ttl={}:{}", modes[static_cast<std::size_t>(ttl->mode)], ttl->seconds) : "");
  }

  std::map<std::string, std::string> state;
  std::uint64_t removed_max = 0;
};

}  // namespace clasp::store
