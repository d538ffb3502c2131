#include "lens/stage.hpp"

#include <fmt/format.h>

#include <chrono>

namespace clasp::lens {

namespace {
constexpr std::string_view wrapped_probe = R"({"value":0.5})", bare_probe = "0.5";
constexpr int rest_factor = 20;
}  // namespace

StageStats& StageStats::operator+=(const StageStats& other) {
  for (const auto member : {&StageStats::calls, &StageStats::errors, &StageStats::ended, &StageStats::made, &StageStats::trapped,
                            &StageStats::recycled, &StageStats::forgotten, &StageStats::rested, &StageStats::nanoseconds})
    this->*member += other.*member;
  return *this;
}

LensResult<std::shared_ptr<Stage>> Stage::make(std::shared_ptr<const Module> module, StageSpec spec) {
  std::shared_ptr<Stage> made(new Stage(std::move(module), std::move(spec)));
  if (auto probed = made->probe(); !probed) return std::unexpected(probed.error());
  return made;
}

LensResult<void> Stage::probe() {
  const Module::Description& has = module_->description();
  if (spec_.direction == Direction::inverse && !has.has_inverse) return lens_fault(Fault::missing_export, "inverse");
  if (spec_.params && !has.has_set_param) notes_.push_back("it takes no parameters (it exports no set_param); those given are ignored");
  auto first = create();
  if (!first) return std::unexpected(first.error());
  if (spec_.payload != Payload::automatic) return {};
  spec_.payload = Payload::wrapped;
  // What counts is a JSON item, whatever is in it.
  const auto answers = [this](Instance& instance, std::string_view probe) {
    const auto answer = instance.run(spec_.direction, probe);
    return answer && answer->kind == ItemKind::json;
  };
  if (answers(**first, wrapped_probe)) return {};
  auto second = create();
  if (second && answers(**second, bare_probe)) spec_.payload = Payload::bare;
  return {};
}

LensResult<std::unique_ptr<Instance>> Stage::create() {
  return Instance::create(module_, spec_.limits, spec_.params ? std::optional<std::string_view>(*spec_.params) : std::nullopt);
}

LensResult<Value> Stage::apply(std::string_view address, const ValueView& value, SteadyTime now) {
  write_input(value, spec_.payload, input_);
  return run(address, now);
}

LensResult<Value> Stage::apply(std::string_view address, const Value& value, SteadyTime now) {
  write_input(value, spec_.payload, input_);
  return run(address, now);
}

LensResult<Value> Stage::run(std::string_view address, SteadyTime now) {
  if (now < rests_until_) {
    ++stats_.rested;
    return lens_fault(Fault::limit, "it rests, for it was stopped a moment ago");
  }
  const auto begin = std::chrono::steady_clock::now();
  ++stats_.calls;
  LensResult<Value> result;
  if (auto instance = instance_of(spec_.state == State::shared ? std::string_view() : address)) {
    auto item = (*instance)->run(spec_.direction, input_);
    result = item ? value_of(*item, spec_.payload) : std::unexpected(item.error());
    after_call();
  } else {
    result = std::unexpected(instance.error());
  }
  if (!result) ++(result.error().fault == Fault::end_of_stream ? stats_.ended : stats_.errors);
  const auto took = std::chrono::steady_clock::now() - begin;
  stats_.nanoseconds += static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(took).count());
  if (!result && result.error().fault == Fault::limit) rests_until_ = now + std::chrono::duration_cast<Micros>(took) * rest_factor + Micros{1};
  return result;
}

// The one of that address, which is then the first in the list.
LensResult<Instance*> Stage::instance_of(std::string_view address) {
  if (const auto found = places_.find(address); found != places_.end()) {
    if (found->second != used_.begin()) used_.splice(used_.begin(), used_, found->second);
    return used_.front().instance.get();
  }
  auto made = create();
  if (!made) return std::unexpected(made.error());
  ++stats_.made;
  used_.push_front({.address = std::string(address), .instance = *std::move(made), .bytes = 0});
  places_.emplace(used_.front().address, used_.begin());
  return used_.front().instance.get();
}

void Stage::after_call() {
  Slot& slot = used_.front();
  bytes_ -= slot.bytes;
  slot.bytes = slot.instance->memory_bytes();
  bytes_ += slot.bytes;
  const bool trapped = slot.instance->broken();
  const std::uint64_t begins_with = module_->description().memory.pages * 65'536;
  const bool leaked = slot.bytes > begins_with && slot.bytes > spec_.limits.memory_bytes / 4 * 3;
  if (trapped) ++stats_.trapped;
  if (leaked && !trapped) ++stats_.recycled;
  if (trapped || leaked || spec_.state == State::none) drop(used_.begin());
  while (used_.size() > 1 && (used_.size() > spec_.instances_max || bytes_ > spec_.instances_bytes_max)) {
    ++stats_.forgotten;
    drop(std::prev(used_.end()));
  }
}

void Stage::drop(Slots::iterator slot) {
  bytes_ -= slot->bytes;
  places_.erase(std::string_view(slot->address));
  used_.erase(slot);
}

}  // namespace clasp::lens
