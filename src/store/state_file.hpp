// The params as one JSON file (journal specification, section 11): {"params":[…]}, replaced as a whole or not at all, with the one before kept.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "store/disk.hpp"
#include "store/recovery.hpp"

namespace clasp::store {

// What was restored, and what was wrong, one line each.
struct StateRead {
  std::uint64_t params = 0;
  std::uint64_t unclean_starts = 0;  // in a row, this one included; 0: it was written at the end of a run, or is not there
  std::uint64_t raises = 0;          // for Router::raise_revisions()
  std::vector<std::string> notes;
};

// The file, or what it was before: a file that cannot be read is set aside under another name and the previous generation takes its place. An error: it is
// there and may not be read, or may not be moved.
Result<StateRead> read_state_file(const std::string& path, RecoverySink& sink);

// Text of a state file, param by param.
class StateText {
 public:
  StateText();
  void add(const ParamImage& param);
  // `unclean_starts` 0: nothing comes after it in this run. `raises`: how often the revisions were raised at its start.
  std::string finish(std::uint64_t removed_revisions_max, std::uint64_t unclean_starts, std::uint64_t raises);

 private:
  std::string text_;
  bool first_ = true;
};

// "<path>.tmp", synced; what is there becomes "<path>.previous"; then renamed, and the folder synced. A crash at any moment, and a failure
// of any step, leaves a whole file, new or old. Where the file system has no hard links, it may be the one under the previous name alone that is whole.
Result<void> write_state_file(const std::string& path, std::string_view text, Disk& disk = real_disk());

// Writes in a thread of its own, one text at a time.
class StateWriter {
 public:
  // `done` is called by that thread; the error names what failed.
  StateWriter(std::string path, std::function<void(Result<void>)> done) : path_(std::move(path)), done_(std::move(done)) {}
  ~StateWriter() { wait(); }
  void write(std::string text);  // waits for the one before
  void wait() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  const std::string path_;
  const std::function<void(Result<void>)> done_;
  std::thread thread_;
};

}  // namespace clasp::store
