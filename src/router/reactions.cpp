// What follows from commits, sessions and time by way of the reactor (rules): its effects are commits as others, run to their end before the next
// frame (contract 1), and it never sees half a bundle (contract 24).
#include "core/check.hpp"
#include "router/engine.hpp"

namespace clasp::router {

// Most params no rule is about: that is found out once, not with every write.
bool Engine::is_unconcerned(const Delivery& delivery) {
  if (delivery.kind != CommitKind::set || delivery.entry == no_entry) return false;
  const auto place = static_cast<std::size_t>(delivery.entry);
  const std::uint32_t version = hooks.reactor->version();
  if (place < unconcerned.size() && unconcerned[place] == version) return true;
  if (hooks.reactor->concerns(delivery.address)) return false;
  if (place >= unconcerned.size()) unconcerned.resize(std::max(place + 1, params.size() * 2));
  unconcerned[place] = version;
  return true;
}

void Engine::react(const Delivery& delivery, const Now& now) {
  if (is_unconcerned(delivery)) return;
  char uuid[36];
  Commit shown{.seq = delivery.seq,
               .kind = delivery.kind,
               .address = delivery.address,
               .value = delivery.value,
               .revision = delivery.revision,
               .signal = delivery.signal,
               .phase = delivery.phase,
               .id = delivery.id,
               .ttl = delivery.ttl,
               .writer = writers.text(delivery.provenance.writer, uuid),
               .provenance = delivery.provenance,
               .time = delivery.time,
               .bundle = delivery.bundle};
  if (!holds_reactions) {
    hooks.reactor->react(shown, now, effects);
    return count_hops();
  }
  HeldCommit& held =
      held_commits.emplace_back(HeldCommit{.commit = shown, .address = std::string(shown.address), .writer = std::string(shown.writer), .value = {}});
  held.commit.address = held.address;
  held.commit.writer = held.writer;
  if (shown.value) {
    held.value.append(shown.value->data);
    held.commit.value = ValueView{shown.value->tag, held.value.view()};
  }
}

void Engine::react_to_held(const Now& now) {
  holds_reactions = false;
  while (!held_commits.empty()) {
    if (hooks.reactor != nullptr) hooks.reactor->react(held_commits.front().commit, now, effects);
    held_commits.pop_front();
  }
  count_hops();
}

void Engine::count_hops() {
  for (; effects_counted < effects.size(); ++effects_counted) {
    std::uint8_t& before = effects[effects_counted].hops;
    before = static_cast<std::uint8_t>(std::max(before, hops) + 1);
  }
}

void Engine::tell_opened(const Session& session, const Now& now) {
  if (hooks.reactor == nullptr || !session.visitor) return;
  hooks.reactor->session_opened({session.id, to_text(session.uuid), session.name}, now, effects);
  count_hops();
}

void Engine::tell_subscribed(const Session& session, const Pattern& pattern, const Now& now) {
  if (hooks.reactor == nullptr || !session.visitor) return;
  hooks.reactor->subscribed({session.id, to_text(session.uuid), session.name}, pattern, now, effects);
  count_hops();
}

void Engine::tell_closed(const Session& session, const Now& now) {
  if (hooks.reactor == nullptr || !session.visitor) return;
  hooks.reactor->session_closed({session.id, to_text(session.uuid), session.name}, now, effects);
  count_hops();
}

void Engine::advance_reactor(const Now& now) {
  if (hooks.reactor == nullptr) return;
  if (const auto due = hooks.reactor->next_deadline(); due && *due <= now.steady) hooks.reactor->advance(now, effects);
  count_hops();
}

void Engine::settle_all(const Now& now) {
  while (!effects.empty() || !doomed.empty()) {
    if (!effects.empty()) run_effects(now);
    if (!doomed.empty()) close_doomed(now);
  }
}

void Engine::run_effects(const Now& now) {
  frame_time.reset();  // of what others make of it nobody has given a time
  for (std::size_t i = 0; i < effects.size(); ++i) {
    const Effect effect = std::move(effects[i]);
    Session* session = table.find(effect.session);
    if (effect.more) holds_reactions = true;
    if (session == nullptr || effect.hops > config.rule_hops_max || i >= config.effects_max) {
      ++stats.effects_dropped;
      log("effects",
          fmt::format("a reaction on {} was dropped: chains end after {} hops or {} effects", printable(effect.address), config.rule_hops_max,
                      config.effects_max),
          now);
    } else {
      hops = effect.hops;
      run_effect(effect, *session, now);
    }
    if (!effect.more) react_to_held(now);
  }
  CLASP_CHECK(held_commits.empty());
  effects.clear();
  effects_counted = 0;
  hops = 0;
  if (hooks.reactor != nullptr) hooks.reactor->settled();
}

void Engine::run_effect(const Effect& effect, Session& session, const Now& now) {
  const bool named = !effect.writer.empty();
  const WriterId writer = named ? writers.intern(effect.writer) : session.writer;
  const Provenance provenance{.writer = writer, .session = session.id, .origin = effect.origin, .hops = effect.hops};
  const WriteContext context{&session, provenance, WriteMode::rule};
  const EncodedValue value(effect.value.value_or(Value()));
  std::optional<Error> error;
  if (!value.ok()) error = Error{ErrorCode::invalid_value, "the value does not fit the wire", effect.address};
  if (!error && effect.publish) {
    Publish publish{.address = effect.address, .signal = effect.signal};
    if (effect.value) publish.value = value.view();
    error = check_publish_form(publish);
    if (!error) publish_now(publish, context, now);
  } else if (!error) {
    const Set set{.address = effect.address, .value = value.view()};
    Revision revision = 0;
    error = check_set_form(set);
    if (!error) apply_set(set, params.place(set.address), context, now, revision, error);
  }
  if (error) {
    log("effect", fmt::format("a reaction could not {} {}: {}", effect.publish ? "publish" : "set", printable(effect.address), error->message), now);
    if (hooks.reactor != nullptr) hooks.reactor->refused(effect, *error);
  }
  if (named) writers.release(writer);
}

}  // namespace clasp::router
