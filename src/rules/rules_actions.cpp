// What rules do: the effects of their actions, up to a delay, and what became of them.
#include <fmt/format.h>

#include <utility>

#include "core/address.hpp"
#include "core/json.hpp"
#include "rules/engine_entry.hpp"

namespace clasp::rules {

using router::Effect;

// Up to a delay; the rest follows in its time.
void RulesEngine::perform(Entry& entry, std::size_t first_action, Cause cause, const Now& now, std::vector<Effect>& effects) {
  for (std::size_t i = first_action; i < entry.rule.actions.size(); ++i) {
    const auto* delay = std::get_if<DelayAction>(&entry.rule.actions[i]);
    if (delay == nullptr) {
      perform_one(entry, entry.rule.actions[i], cause, now, effects);
      continue;
    }
    if (i + 1 == entry.rule.actions.size()) return;
    if (delayed_ >= options_.delayed_max) {
      ++delayed_dropped_;
      return failed(entry, fmt::format("its actions from {} on were dropped: {} rules wait for their time already", i + 2, delayed_));
    }
    ++delayed_;
    agenda_.emplace(now.steady + delay->time, Task{.serial = entry.serial,
                                                   .slot = entry.slot,
                                                   .delayed = true,
                                                   .next_action = i + 1,
                                                   .address = std::string(cause.address),
                                                   .value = std::move(cause.value),
                                                   .chain = cause.chain});
    return;
  }
}

void RulesEngine::perform_one(Entry& entry, Action& action, const Cause& cause, const Now& now, std::vector<Effect>& effects) {
  if (const auto* set = std::get_if<SetAction>(&action)) {
    effects.push_back(effect_of(entry, cause, set->address));
    effects.back().value = set->value;
  } else if (const auto* publish = std::get_if<PublishAction>(&action)) {
    effects.push_back(effect_of(entry, cause, publish->address));
    effects.back().publish = true;
    effects.back().signal = publish->signal;
    effects.back().value = publish->value;
  } else if (auto* copy = std::get_if<CopyAction>(&action)) {
    Value value = cause.value;
    if (copy->transform && copy->transform->apply(value, cause.address, now) == transform::Outcome::drop) return;
    effects.push_back(effect_of(entry, cause, copy->address));
    effects.back().value = std::move(value);
  } else if (const auto* scene = std::get_if<SceneAction>(&action)) {
    recall_scene(entry, *scene, cause, effects);
  } else if (const auto* webhook = std::get_if<WebhookAction>(&action)) {
    call_webhook(entry, *webhook, cause, now);
  }
}

void RulesEngine::recall_scene(Entry& entry, const SceneAction& scene, const Cause& cause, std::vector<Effect>& effects) {
  const std::size_t before = effects.size();
  const auto add = [&](const std::string& address, const Value& value) {
    effects.push_back(effect_of(entry, cause, address));
    effects.back().value = value;
    effects.back().more = true;
  };
  for (const auto& [address, value] : scene.values) add(address, value);
  if (!scene.stored_at.empty()) {
    const auto stored = around_.find ? around_.find(scene.stored_at) : std::nullopt;
    if (!stored || stored->map() == nullptr)
      return failed(entry, fmt::format("{} holds no scene, which is a map of addresses and values", scene.stored_at));
    if (stored->map()->size() > scene_values_max)
      return failed(entry, fmt::format("the scene at {} has more than {} params", scene.stored_at, scene_values_max));
    for (const auto& [address, value] : *stored->map()) add(address, value);
  }
  if (effects.size() > before) effects.back().more = false;
}

Effect RulesEngine::effect_of(const Entry& entry, const Cause& cause, std::string address) {
  if (chains_.empty() || chains_.back() != cause.chain) chains_.push_back(cause.chain);
  const std::uint32_t origin = origin_mark | ((chain_base_ + static_cast<std::uint32_t>(chains_.size()) - 1) & ~origin_mark);
  const auto hops = static_cast<std::uint8_t>(cause.chain->length - 1);
  return {.session = session_, .address = std::move(address), .writer = entry.writer, .origin = origin, .hops = hops};
}

void RulesEngine::call_webhook(Entry& entry, const WebhookAction& webhook, const Cause& cause, const Now& now) {
  if (!around_.webhook) return failed(entry, "webhooks are not available here");
  Value body = webhook.body.value_or(
      Value(Map{{"rule", entry.rule.id}, {"address", cause.address}, {"value", cause.value}, {"time", static_cast<std::int64_t>(now.unix_time.us)}}));
  std::string text;
  append_json(body, JsonBytes::base64, text);
  around_.webhook(entry.rule.id, webhook.url, text);
}

void RulesEngine::failed(Entry& entry, std::string what) {
  ++entry.stats.failed;
  if (around_.log) around_.log(fmt::format("rule {}: {}", printable(entry.rule.id), what));
}

void RulesEngine::webhook_failed(std::string_view rule, const std::string& why) {
  if (const auto known = by_id_.find(std::string(rule)); known != by_id_.end())
    failed(*entries_[known->second], fmt::format("the webhook failed: {}", why));
}

void RulesEngine::refused(const Effect& effect, const Error&) {
  const std::size_t colon = effect.writer.find(':');
  if (effect.session != session_ || colon == std::string::npos) return;
  if (const auto known = by_id_.find(effect.writer.substr(colon + 1)); known != by_id_.end()) ++entries_[known->second]->stats.failed;
}

void RulesEngine::settled() {
  chain_base_ = (chain_base_ + static_cast<std::uint32_t>(chains_.size())) & ~origin_mark;
  chains_.clear();
}

}  // namespace clasp::rules
