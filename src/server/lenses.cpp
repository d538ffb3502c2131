#include "server/lenses.hpp"

#include <fmt/format.h>

#include "lens/lens_file.hpp"
#include "net/event_loop.hpp"
#include "server/metrics.hpp"

namespace clasp::server {

// One behind the other: what the first makes of a value is what the second sees.
class Lenses::Sequence final : public router::Transform {
 public:
  Sequence(router::Transform& first, router::Transform& second) : first_(first), second_(second) {}
  router::Transformed transform(std::string_view address, SignalType signal, const ValueView& value, const Now& now) override {
    router::Transformed made = first_.transform(address, signal, value, now);
    if (std::holds_alternative<router::Keep>(made)) return second_.transform(address, signal, value, now);
    const Value* changed = std::get_if<Value>(&made);
    if (changed == nullptr) return made;
    const EncodedValue encoded(*changed);
    if (!encoded.ok()) return made;  // the router says that it does not fit
    router::Transformed last = second_.transform(address, signal, encoded.view(), now);
    return std::holds_alternative<router::Keep>(last) ? std::move(made) : std::move(last);
  }

 private:
  router::Transform& first_;
  router::Transform& second_;
};

Lenses::Lenses(net::EventLoop& loop, std::size_t stack_bytes, std::function<void(std::string_view)> warn)
    : loop_(loop), warn_(std::move(warn)), shelf_(lens::read_module_file, stack_bytes) {}

Lenses::~Lenses() {
  if (worker_.joinable()) worker_.join();
}

Result<Lenses::Loaded> Lenses::load(const LensConfig& config, lens::ModuleShelf& shelf) {
  std::vector<lens::LensTable> tables;
  for (const std::string& path : config.files) {
    const auto text = shelf.reader()(path);
    if (!text) return Error{ErrorCode::invalid_argument, fmt::format("Failed to read lenses file {}: {}", path, text.error().message), {}};
    if (const auto read = lens::read_lenses(*text, path, tables); !read) return read.error();
  }
  tables.insert(tables.end(), config.tables.begin(), config.tables.end());
  auto modules = lens::ModuleSet::load(config.modules, shelf);
  if (!modules) return modules.error();
  auto pipeline = lens::Pipeline::compile(tables, shelf, modules->loader());
  if (!pipeline) return pipeline.error();
  return Loaded{*std::move(pipeline), *std::move(modules)};
}

void Lenses::load_elsewhere(const LensConfig& config, Done done) {
  Job job{config, std::move(done)};
  if (working_) {
    next_ = std::move(job);
  } else if (config.empty()) {
    job.done(Loaded{});
  } else {
    begin(std::move(job));
  }
}

void Lenses::begin(Job job) {
  if (worker_.joinable()) worker_.join();  // it has said all it had to say
  working_ = true;
  worker_ = std::thread([this, job = std::move(job)]() mutable {
    auto loaded = std::make_shared<Result<Loaded>>(load(job.config));
    loop_.post([this, loaded, done = std::move(job.done)] {
      working_ = false;
      done(std::move(*loaded));
      if (next_ && !working_) begin(*std::exchange(next_, std::nullopt));
    });
  });
}

void Lenses::use(Loaded loaded) {
  loaded.pipeline.take_over(pipeline_);
  pipeline_ = std::move(loaded.pipeline);
  pipeline_.log_to(warn_);
  modules_ = std::move(loaded.modules);
}

router::Transform* Lenses::behind(router::Transform* before) {
  sequence_.reset();
  if (pipeline_.empty()) return before;
  if (before == nullptr) return &pipeline_;
  sequence_ = std::make_unique<Sequence>(*before, pipeline_);
  return sequence_.get();
}

void Lenses::append_metrics(std::string& out) const {
  if (pipeline_.empty() && modules_.size() == 0) return;
  struct Row {
    std::string name;
    lens::PipelineStats stats;
    lens::StageStats modules;
    std::size_t instances;
  };
  std::vector<Row> rows;
  pipeline_.for_each([&rows](const std::string& name, const lens::PipelineStats& stats, const lens::StageStats& modules, std::size_t instances) {
    rows.push_back({metric_label(name), stats, modules, instances});
  });
  modules_.for_each([&rows](const std::string& name, const lens::StageStats& modules, std::size_t instances) {
    rows.push_back({"module:" + metric_label(name), {.values = modules.calls + modules.rested, .faults = modules.errors}, modules, instances});
  });
  const auto to = std::back_inserter(out);
  fmt::format_to(
      to, "# HELP clasp_lens_total What became of the values each lens was for, and of the calls of its modules.\n# TYPE clasp_lens_total counter\n");
  for (const Row& row : rows) {
    const std::pair<const char*, std::uint64_t> numbers[] = {
        {"values", row.stats.values},   {"skipped", row.stats.skipped},   {"faults", row.stats.faults},       {"dropped", row.stats.dropped},
        {"refused", row.stats.refused}, {"calls", row.modules.calls},     {"errors", row.modules.errors},     {"ended", row.modules.ended},
        {"made", row.modules.made},     {"trapped", row.modules.trapped}, {"recycled", row.modules.recycled}, {"forgotten", row.modules.forgotten},
        {"rested", row.modules.rested}};
    for (const auto& [what, count] : numbers) fmt::format_to(to, "clasp_lens_total{{lens=\"{}\",what=\"{}\"}} {}\n", row.name, what, count);
  }
  fmt::format_to(to, "# HELP clasp_lens_seconds_total Time in modules.\n# TYPE clasp_lens_seconds_total counter\n");
  for (const Row& row : rows)
    fmt::format_to(to, "clasp_lens_seconds_total{{lens=\"{}\"}} {}\n", row.name, static_cast<double>(row.modules.nanoseconds) / 1e9);
  fmt::format_to(to, "# HELP clasp_lens_instances Instances of its modules now.\n# TYPE clasp_lens_instances gauge\n");
  for (const Row& row : rows) fmt::format_to(to, "clasp_lens_instances{{lens=\"{}\"}} {}\n", row.name, row.instances);
}

}  // namespace clasp::server
