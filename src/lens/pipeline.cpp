#include "lens/pipeline.hpp"

#include <fmt/format.h>

#include <unordered_map>

#include "core/address.hpp"
#include "core/json.hpp"

namespace clasp::lens {

using router::Transformed;

namespace {

Error bad(const LensPlan& lens, std::string_view what) { return {ErrorCode::invalid_argument, fmt::format("{} ({})", what, lens.where), {}}; }

}  // namespace

Result<Pipeline> Pipeline::compile(std::span<const LensTable> tables, ModuleShelf& shelf, const transform::LensLoader& loader) {
  Pipeline made;
  std::unordered_map<std::string, int> names;
  for (const LensTable& table : tables) {
    auto plan = read_lens(table);
    if (!plan) return plan.error();
    made.notes_.insert(made.notes_.end(), plan->notes.begin(), plan->notes.end());
    if (const int same = names[plan->name]++; same > 0) plan->name += fmt::format("#{}", same + 1);
    Lens lens{.plan = *std::move(plan), .steps = {}, .stats = {}};
    const std::vector<StagePlan> stages = lens.plan.stages;
    for (const StagePlan& stage : stages) {
      if (auto added = add_step(stage, lens.plan, shelf, loader, lens, made.notes_); !added) return added.error();
    }
    made.lenses_.push_back(std::move(lens));
  }
  return made;
}

Result<void> Pipeline::add_step(const StagePlan& plan, const LensPlan& lens, ModuleShelf& shelf, const transform::LensLoader& loader, Lens& out,
                                std::vector<std::string>& notes) {
  if (const auto* native = std::get_if<NativeStage>(&plan)) {
    auto transform = transform::Transform::compile(native->spec, {.lenses = loader}, "/transform");
    if (!transform) return bad(lens, transform.error().message);
    for (const std::string& note : transform->notes()) notes.push_back(fmt::format("{}: {}", lens.where, note));
    out.steps.emplace_back(std::make_shared<transform::Transform>(*std::move(transform)));
    return {};
  }
  if (const auto* file = std::get_if<LensFileStage>(&plan)) {
    const auto text = shelf.reader()(file->path);
    if (!text) return bad(lens, fmt::format("Failed to read lens file: {}: {}", file->path, text.error().message));
    const auto document = parse_json(*text);
    if (!document) return bad(lens, fmt::format("Failed to parse lens file: {}: {}", file->path, document.error().message));
    const auto stages = read_lensvm_stages(*document, file->common, file->path);
    if (!stages) return bad(lens, fmt::format("Failed to parse lens file: {}", stages.error().message));
    for (const StageSpec& stage : *stages) {
      if (auto added = add_step(stage, lens, shelf, loader, out, notes); !added) return added;
    }
    return {};
  }
  const auto& spec = std::get<StageSpec>(plan);
  auto module = shelf.module(spec.file);
  if (!module) return bad(lens, module.error().message);
  auto stage = Stage::make(*std::move(module), spec);
  if (!stage) return bad(lens, fmt::format("Failed to load WASM lens: {}: {}", spec.file, stage.error().text()));
  for (const std::string& note : (*stage)->notes()) notes.push_back(fmt::format("{}: {}: {}", lens.where, spec.file, note));
  out.steps.emplace_back(*std::move(stage));
  return {};
}

void Pipeline::take_over(Pipeline& old) {
  for (Lens& lens : lenses_) {
    for (Lens& before : old.lenses_) {
      if (before.plan.name == lens.plan.name) lens.stats = before.stats;
      if (before.plan.address != lens.plan.address || before.steps.size() != lens.steps.size()) continue;
      for (std::size_t i = 0; i < lens.steps.size(); ++i) {
        const auto* was = std::get_if<std::shared_ptr<Stage>>(&before.steps[i]);
        auto* is = std::get_if<std::shared_ptr<Stage>>(&lens.steps[i]);
        if (was != nullptr && is != nullptr && (*is)->same_as(**was)) *is = *was;
        const auto* native_was = std::get_if<std::shared_ptr<transform::Transform>>(&before.steps[i]);
        auto* native = std::get_if<std::shared_ptr<transform::Transform>>(&lens.steps[i]);
        if (native_was != nullptr && native != nullptr && (*native)->to_json() == (*native_was)->to_json()) *native = *native_was;
      }
    }
  }
}

Transformed Pipeline::transform(std::string_view address, SignalType signal, const ValueView& value, const Now& now) {
  std::optional<Value> current;
  std::optional<EncodedValue> encoded;  // what the next lens is given
  ValueView in = value;
  for (Lens& lens : lenses_) {
    if (!lens.plan.signals.has(signal) || !lens.plan.address.matches(address)) continue;
    ++lens.stats.values;
    Value out;
    const auto became = run(lens, address, in, now, out);
    if (!became) {
      ++lens.stats.faults;
      if (became.error().fault != Fault::end_of_stream || lens.plan.on_error != OnError::drop) tell(lens, address, became.error(), now);
      if (lens.plan.on_error == OnError::reject) {
        ++lens.stats.refused;
        return router::Reject{fmt::format("lens {}: {}", lens.plan.name, became.error().text())};
      }
    }
    if ((!became && lens.plan.on_error == OnError::drop) || (became && *became == Became::dropped)) {
      ++lens.stats.dropped;
      return router::Drop{};
    }
    if (became && *became == Became::value) current = std::move(out);
    if (!lens.plan.goes_on) break;
    if (became && *became == Became::value) {
      encoded.emplace(*current);
      if (!encoded->ok()) break;  // beyond what a message can hold: the router says so
      in = encoded->view();
    }
  }
  if (!current) return router::Keep{};
  return *std::move(current);
}

LensResult<Pipeline::Became> Pipeline::run(Lens& lens, std::string_view address, const ValueView& in, const Now& now, Value& out) {
  bool changed = false;
  for (const Step& step : lens.steps) {
    if (const auto* native = std::get_if<std::shared_ptr<transform::Transform>>(&step)) {
      if (!changed) out = to_value(in);
      const std::uint64_t faults = (*native)->faults();
      const transform::Outcome outcome = (*native)->apply(out, address, now);
      if ((*native)->faults() != faults) return lens_fault(Fault::lens_error, std::string((*native)->last_fault()));
      if (outcome == transform::Outcome::drop) return Became::dropped;
      changed = changed || outcome == transform::Outcome::value;
      continue;
    }
    if (changed ? !fits_json(out, lens.plan.bytes) : !fits_json(in, lens.plan.bytes)) {
      ++lens.stats.skipped;
      break;
    }
    Stage& stage = *std::get<std::shared_ptr<Stage>>(step);
    auto result = changed ? stage.apply(address, out, now.steady) : stage.apply(address, in, now.steady);
    if (!result) return std::unexpected(result.error());
    if (result->is_null() && !lens.plan.null_ok && in.tag != ValueTag::null)
      return lens_fault(Fault::lens_error, "the result is null, which \"null_ok\" does not allow");
    out = *std::move(result);
    changed = true;
  }
  return changed ? Became::value : Became::same;
}

// Of one lens not more than a line a second.
void Pipeline::tell(const Lens& lens, std::string_view address, const LensFault& fault, const Now& now) {
  if (!log_) return;
  constexpr std::string_view outcomes[] = {"the value stays as it was", "the value is dropped", "the value is refused"};
  paced_.line(lens.plan.name,
              fmt::format("lens {} failed for {}: {}; {}", lens.plan.name, printable(address), fault.text(),
                          outcomes[static_cast<std::size_t>(lens.plan.on_error)]),
              now.steady, log_);
}

void Pipeline::for_each(const Visit& visit) const {
  for (const Lens& lens : lenses_) {
    StageStats sum;
    std::size_t instances = 0;
    for (const Step& step : lens.steps) {
      const auto* stage = std::get_if<std::shared_ptr<Stage>>(&step);
      if (stage == nullptr) continue;
      sum += (*stage)->stats();
      instances += (*stage)->instances();
    }
    visit(lens.plan.name, lens.stats, sum, instances);
  }
}

}  // namespace clasp::lens
