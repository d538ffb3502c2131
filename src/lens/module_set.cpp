#include "lens/module_set.hpp"

#include <fmt/format.h>

#include "core/address.hpp"
#include "lens/stage.hpp"

namespace clasp::lens {

namespace {

using transform::Outcome;

constexpr std::size_t modules_max = 256;

Error unknown_module(std::string_view name) {
  return {ErrorCode::invalid_value,
          fmt::format("there is no module \"{}\": lowpass, hysteresis and moving-average are built in, others are named by --lens-module NAME=FILE",
                      printable(name, 60)),
          {}};
}

// What a fault leaves is the value as it was, as everywhere in transforms.
class StageLens final : public transform::Lens {
 public:
  explicit StageLens(std::shared_ptr<Stage> stage) : stage_(std::move(stage)) {}
  Outcome apply(Value& value, std::string_view address, const Now& now, std::string& fault) override {
    if (!fits_json(value, BytesAs::skip)) return Outcome::keep;
    auto result = stage_->apply(address, value, now.steady);
    if (result && result->is_null() && !value.is_null()) result = lens_fault(Fault::lens_error, "the result is null");
    if (!result) {
      fault = result.error().text();
      return Outcome::keep;
    }
    value = *std::move(result);
    return Outcome::value;
  }
  bool has_inverse() const override { return stage_->module().description().has_inverse; }

 private:
  std::shared_ptr<Stage> stage_;
};

class NoLens final : public transform::Lens {
 public:
  Outcome apply(Value&, std::string_view, const Now&, std::string&) override { return Outcome::keep; }
  bool has_inverse() const override { return true; }
};

}  // namespace

Result<void> add_module_file(std::string_view text, ModuleFiles& out) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos || equals + 1 == text.size())
    return Error{ErrorCode::invalid_argument, "expected NAME=FILE", {}};
  if (out.size() == modules_max) return Error{ErrorCode::invalid_argument, fmt::format("more than {} modules", modules_max), {}};
  out.insert_or_assign(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
  return {};
}

Result<ModuleSet> ModuleSet::load(const ModuleFiles& files, ModuleShelf& shelf) {
  Modules modules;
  for (const auto& [name, path] : files) {
    auto module = shelf.module(path);
    if (!module) return Error{ErrorCode::invalid_argument, fmt::format("module {}: {}", printable(name, 60), module.error().message), {}};
    modules.emplace(name, Entry{*std::move(module), {}});
  }
  ModuleSet made;
  made.modules_ = std::make_shared<Modules>(std::move(modules));
  return made;
}

transform::LensLoader ModuleSet::loader() const {
  return [modules = modules_](std::string_view name, const Value& params, bool inverse) -> Result<std::shared_ptr<transform::Lens>> {
    const auto found = modules ? modules->find(name) : Modules::iterator();
    if (!modules || found == modules->end()) return unknown_module(name);
    StageSpec spec{.file = std::string(name)};
    const bool none = params.is_null() || (params.map() != nullptr && params.map()->empty());
    if (!none) spec.params = to_json(params);
    if (inverse) spec.direction = Direction::inverse;
    auto stage = Stage::make(found->second.module, std::move(spec));
    if (!stage) return Error{ErrorCode::invalid_value, fmt::format("module {}: {}", printable(name, 60), stage.error().text()), {}};
    std::erase_if(found->second.made, [](const auto& made) { return made.expired(); });
    found->second.made.push_back(*stage);
    return std::shared_ptr<transform::Lens>(std::make_shared<StageLens>(*std::move(stage)));
  };
}

void ModuleSet::for_each(const std::function<void(const std::string& name, const StageStats& stats, std::size_t instances)>& visit) const {
  if (!modules_) return;
  for (const auto& [name, entry] : *modules_) {
    StageStats sum;
    std::size_t instances = 0;
    for (const auto& made : entry.made) {
      const auto stage = made.lock();
      if (!stage) continue;
      sum += stage->stats();
      instances += stage->instances();
    }
    visit(name, sum, instances);
  }
}

transform::LensLoader names_only(const ModuleFiles& files) {
  return [files](std::string_view name, const Value&, bool) -> Result<std::shared_ptr<transform::Lens>> {
    if (!files.contains(std::string(name))) return unknown_module(name);
    return std::shared_ptr<transform::Lens>(std::make_shared<NoLens>());
  };
}

}  // namespace clasp::lens
