#include "store/state_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "store/checksum.hpp"
#include "store/opening.hpp"
#include "store/param_text.hpp"

namespace clasp::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view begin_mark = R"({"params":[)";
constexpr std::string_view checksum_mark = R"(,"checksum":)";

std::uint32_t checksum_of(std::string_view text) { return Checksum().add_fixed(as_bytes(text)).value(); }

// The last member is the checksum of everything before it. The reference's files have none, nor need one that somebody has changed by hand.
Result<void> check(std::string_view text) {
  const auto at = text.rfind(checksum_mark);
  if (at == std::string_view::npos) return {};
  if (text.substr(at) == fmt::format("{}{}}}\n", checksum_mark, checksum_of(text.substr(0, at)))) return {};
  return Error{ErrorCode::invalid_value, "its checksum is not that of what it contains; who changes it by hand removes the checksum", {}};
}

Error fault(std::string_view what, const std::string& path) {
  return {ErrorCode::unavailable, fmt::format("cannot {} {}: {}", what, path, std::strerror(errno)), {}};
}

class Descriptor {
 public:
  Descriptor(Disk& disk, const std::string& path, int flags) : descriptor_(disk.open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

Result<void> write_synced(Disk& disk, const std::string& path, std::string_view text) {
  const Descriptor file(disk, path, O_WRONLY | O_CREAT | O_TRUNC);
  if (file.get() < 0) return fault("open", path);
  while (!text.empty()) {
    const auto written = disk.write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return fault("write", path);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (disk.fsync(file.get()) != 0) return fault("sync", path);
  return {};
}

std::string previous_of(const std::string& path) { return path + ".previous"; }

Result<StateRead> read_text(std::string_view text, RecoverySink& sink) {
  StateRead state;
  const auto read = read_state_text(text, [&](const ParamImage& param) {
    ++state.params;
    sink.param(param);
  });
  if (!read) return read.error();
  sink.removed_revisions_max(read->removed_revisions_max);
  state.unclean_starts = read->unclean_starts;
  state.raises = raises_of(read->unclean_starts, read->raises);
  return state;
}

// Nothing of a text is taken unless all of it can be read.
class Nothing final : public RecoverySink {
 public:
  void param(const ParamImage&) override {}
  void entry(const Entry&) override {}
  void removed_revisions_max(std::uint64_t) override {}
};

// A file that cannot be read to its end, or is a folder, is not damaged: nobody moves it out of the way.
Result<std::string> read_whole(const std::string& path) {
  const Descriptor file(real_disk(), path, O_RDONLY);
  if (file.get() < 0) return fault("open", path);
  std::string text;
  std::array<char, 65'536> buffer;
  while (true) {
    const auto got = ::read(file.get(), buffer.data(), buffer.size());
    if (got == 0) return text;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fault("read", path);
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

Result<StateRead> read_one(const std::string& path, RecoverySink& sink) {
  const auto text = read_whole(path);
  if (!text) return text.error();
  Nothing nothing;
  if (const auto whole = check(*text); !whole) return whole.error();
  if (const auto tried = read_text(*text, nothing); !tried) return Error{ErrorCode::invalid_value, tried.error().message, {}};
  return read_text(*text, sink);
}

}  // namespace

Result<StateRead> read_state_file(const std::string& path, RecoverySink& sink) {
  StateRead out;
  constexpr std::string_view alone[] = {""};
  for (const std::string& from : {path, previous_of(path)}) {
    std::error_code ignored;
    if (!fs::exists(from, ignored)) continue;
    const auto read = read_one(from, sink);
    if (read) {
      out.params = read->params;
      out.unclean_starts = read->unclean_starts + (from == path ? 0 : 1);
      out.raises = read->raises + (from == path ? 0 : 1);
      if (from != path) out.notes.push_back(fmt::format("the state comes from {}", from));
      return out;
    }
    if (read.error().code == ErrorCode::unavailable) return read.error();
    const auto aside = set_aside(from, alone);
    if (!aside) return aside.error();
    out.notes.push_back(fmt::format("{} is damaged ({}); it is kept as {}", from, read.error().message, *aside));
  }
  return out;
}

StateText::StateText() : text_(begin_mark) {}

void StateText::add(const ParamImage& param) {
  if (!std::exchange(first_, false)) text_ += ",\n";
  append_param_text(param, text_);
}

std::string StateText::finish(std::uint64_t removed_revisions_max, std::uint64_t unclean_starts, std::uint64_t raises) {
  text_ += fmt::format("],\"removed_revisions_max\":{},\"unclean_starts\":{},\"raises\":{}", removed_revisions_max, unclean_starts, raises);
  text_ += fmt::format("{}{}}}\n", checksum_mark, checksum_of(text_));
  return std::move(text_);
}

namespace {

// A link, so that there is a file under the old name at every moment. File systems that have none (FAT) tell so in several ways.
Result<void> keep_previous(Disk& disk, const std::string& path) {
  const std::string previous = previous_of(path);
  if (disk.unlink(previous.c_str()) != 0 && errno != ENOENT) return fault("remove", previous);
  if (disk.link(path.c_str(), previous.c_str()) == 0) return {};
  const bool has_none = errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS;
  if (!has_none || disk.rename(path.c_str(), previous.c_str()) != 0) return fault("keep the previous generation as", previous);
  return {};
}

}  // namespace

Result<void> write_state_file(const std::string& path, std::string_view text, Disk& disk) {
  const std::string fresh = path + ".tmp";
  Result<void> done = write_synced(disk, fresh, text);
  if (done && ::access(path.c_str(), F_OK) == 0) done = keep_previous(disk, path);
  if (done && disk.rename(fresh.c_str(), path.c_str()) != 0) done = fault("replace", path);
  if (!done) {
    disk.unlink(fresh.c_str());
    return done;
  }
  const std::string folder = fs::path(path).parent_path().empty() ? "." : fs::path(path).parent_path().string();
  const Descriptor opened(disk, folder, O_RDONLY | O_DIRECTORY);
  if (opened.get() < 0 || disk.fsync(opened.get()) != 0) return fault("sync", folder);
  return {};
}

void StateWriter::write(std::string text) {
  wait();
  thread_ = std::thread([this, text = std::move(text)] { done_(write_state_file(path_, text)); });
}

}  // namespace clasp::store
