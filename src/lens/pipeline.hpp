// Which lens a value goes to on its way into the router, and what becomes of it there. Router thread only, once compiled.
//
// The first lens with the address counts; "chain": true goes on with the next. A fault leaves the value as it was, drops it or refuses it, as the
// lens says.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/paced_log.hpp"
#include "lens/lens_spec.hpp"
#include "lens/module_shelf.hpp"
#include "lens/stage.hpp"
#include "router/hooks.hpp"
#include "transform/transform.hpp"

namespace clasp::lens {

struct PipelineStats {
  std::uint64_t values = 0;   // that had a lens
  std::uint64_t skipped = 0;  // bytes, NaN, infinity
  std::uint64_t faults = 0;
  std::uint64_t dropped = 0;
  std::uint64_t refused = 0;
};

class Pipeline final : public router::Transform {
 public:
  // Reads and compiles what is needed; all or nothing. Takes long: not on the router's thread. `loader`: of modules for {"type":"wasm"} in
  // "transform".
  static Result<Pipeline> compile(std::span<const LensTable> tables, ModuleShelf& shelf, const transform::LensLoader& loader = {});
  Pipeline() = default;

  // What the lenses of `old` that are here as well have remembered goes on.
  void take_over(Pipeline& old);

  router::Transformed transform(std::string_view address, SignalType signal, const ValueView& value, const Now& now) override;

  void log_to(std::function<void(std::string_view)> log) { log_ = std::move(log); }
  bool empty() const { return lenses_.empty(); }
  std::size_t size() const { return lenses_.size(); }
  const std::vector<std::string>& notes() const { return notes_; }

  // For /metrics: each lens with its numbers, and those of its modules added up.
  using Visit = std::function<void(const std::string& name, const PipelineStats& stats, const StageStats& modules, std::size_t instances)>;
  void for_each(const Visit& visit) const;

 private:
  using Step = std::variant<std::shared_ptr<Stage>, std::shared_ptr<transform::Transform>>;
  struct Lens {
    LensPlan plan;
    std::vector<Step> steps;
    PipelineStats stats;
  };
  enum class Became : std::uint8_t { same, value, dropped };
  static Result<void> add_step(const StagePlan& plan, const LensPlan& lens, ModuleShelf& shelf, const transform::LensLoader& loader, Lens& out,
                               std::vector<std::string>& notes);
  LensResult<Became> run(Lens& lens, std::string_view address, const ValueView& in, const Now& now, Value& out);
  void tell(const Lens& lens, std::string_view address, const LensFault& fault, const Now& now);

  std::vector<Lens> lenses_;
  std::vector<std::string> notes_;
  std::function<void(std::string_view)> log_;
  PacedLog paced_;
};

}  // namespace clasp::lens
