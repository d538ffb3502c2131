// The lenses of a server: the pipeline of src/lens between configuration, loop and router.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "clasp/error.hpp"
#include "lens/module_set.hpp"
#include "lens/pipeline.hpp"
#include "server/server_config.hpp"

namespace clasp::net {
class EventLoop;
}

namespace clasp::server {

class Lenses {
 public:
  struct Loaded {
    lens::Pipeline pipeline;
    lens::ModuleSet modules;
  };
  using Done = std::function<void(Result<Loaded> loaded)>;

  // The loop outlives it. Everything but load() belongs to the loop's thread.
  Lenses(net::EventLoop& loop, std::size_t stack_bytes, std::function<void(std::string_view)> warn);
  ~Lenses();
  Lenses(const Lenses&) = delete;

  // Reads files and compiles what they name: all or nothing, and as long as that takes.
  static Result<Loaded> load(const LensConfig& config, lens::ModuleShelf& shelf);
  Result<Loaded> load(const LensConfig& config) { return load(config, shelf_); }
  // The same on a thread of its own; `done` is called on the loop. One at a time: of those asked for meanwhile the last one is next, the others are
  // not done. Nothing to load: at once.
  void load_elsewhere(const LensConfig& config, Done done);

  void use(Loaded loaded);                               // lenses that stay the same keep what they remember
  router::Transform* behind(router::Transform* before);  // the lenses, after `before` (null: after nothing); null if there is neither
  const std::vector<std::string>& notes() const { return pipeline_.notes(); }
  std::size_t size() const { return pipeline_.size(); }
  void append_metrics(std::string& out) const;

 private:
  struct Job {
    LensConfig config;
    Done done;
  };
  class Sequence;
  void begin(Job job);

  net::EventLoop& loop_;
  std::function<void(std::string_view)> warn_;
  lens::ModuleShelf shelf_;
  lens::Pipeline pipeline_;
  lens::ModuleSet modules_;
  std::unique_ptr<Sequence> sequence_;
  std::thread worker_;
  bool working_ = false;
  std::optional<Job> next_;
};

}  // namespace clasp::server
