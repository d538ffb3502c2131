// BUNDLE: everything is checked against the state as the members before would leave it, then all is applied in one run of commits, or nothing
// (contract 22–24; router specification 15).
#include <fmt/format.h>

#include "core/check.hpp"
#include "router/engine.hpp"

namespace clasp::router {

namespace {

// SETs and PUBLISHes of a bundle in order, nested bundles flattened; other messages inside a bundle do nothing.
void flatten(const Bundle& bundle, std::vector<const Message*>& out) {
  for (const Message& message : bundle.messages) {
    if (const auto* inner = std::get_if<Bundle>(&message.body)) flatten(*inner, out);
    else if (std::holds_alternative<Set>(message.body) || std::holds_alternative<Publish>(message.body)) out.push_back(&message);
  }
}

std::string_view address_of(const Message& message) {
  if (const auto* set = std::get_if<Set>(&message.body)) return set->address;
  return std::get<Publish>(message.body).address;
}

Error rejected(const Error& cause, const Message& member) {
  if (cause.code != ErrorCode::forbidden) return cause;
  const char* kind = std::holds_alternative<Set>(member.body) ? "SET" : "PUBLISH";
  const std::string_view address = address_of(member);
  return {ErrorCode::refused, fmt::format("Bundle rejected: insufficient scope for {} to {}", kind, printable(address)), std::string(address)};
}

}  // namespace

// What one address will look like when the members before have been applied.
struct Engine::BundleOverlay {
  Revision revision = 0;
  SessionId holder = nobody;
  bool exists = false;
  bool uncertain = false;  // an earlier member may win or lose by its strategy
};

// Form and rights of every member, as on receipt. The session may be gone by now: then the rights it had.
std::optional<Error> Engine::check_bundle_members(const std::vector<const Message*>& members, const Session& session) {
  for (const Message* member : members) {
    std::optional<Error> error;
    if (const auto* set = std::get_if<Set>(&member->body)) {
      error = check_set_form(*set);
      if (!error) error = check_rights(session, set->address, set->value, "write");
    } else {
      const auto& publish = std::get<Publish>(member->body);
      error = check_publish_form(publish);
      if (!error) error = check_rights(session, publish.address, publish.value.value_or(ValueView{}), "publish");
    }
    if (error) return rejected(*error, *member);
  }
  return std::nullopt;
}

// Revision, lock and capacity of every SET, each seeing those before it.
std::optional<Error> Engine::check_bundle_state(const std::vector<const Message*>& members, SessionId writer) const {
  std::unordered_map<std::string_view, BundleOverlay> overlay;
  std::size_t created = 0;
  for (const Message* member : members) {
    const auto* set = std::get_if<Set>(&member->body);
    if (set == nullptr) continue;
    auto [place, first] = overlay.try_emplace(set->address);
    BundleOverlay& seen = place->second;
    if (first) {
      if (const auto record = params.find_record(set->address)) {
        seen = {.revision = record->revision, .holder = record->lock_holder, .exists = true};
        seen.uncertain = record->strategy == ConflictStrategy::max || record->strategy == ConflictStrategy::min;
      } else {
        const ConflictStrategy strategy = strategy_for(set->address);
        seen.uncertain = strategy == ConflictStrategy::max || strategy == ConflictStrategy::min;
      }
    } else if (set->revision && seen.exists && seen.uncertain) {
      return Error{ErrorCode::revision_conflict, "RevisionConflict: an expected revision cannot follow a member that may lose by its strategy",
                   std::string(set->address)};
    }
    if (set->revision && seen.exists && *set->revision != seen.revision)
      return describe(Refused{.why = Refusal::revision_conflict, .expected = *set->revision, .actual = seen.revision}, set->address);
    if (seen.holder != nobody && seen.holder != writer) return describe(Refused{.why = Refusal::lock_held, .holder = seen.holder}, set->address);
    if (!seen.exists) ++created;
    if (config.eviction == EvictionPolicy::refuse && config.params_max != 0 && params.size() + created > config.params_max)
      return describe(Refused{.why = Refusal::at_capacity}, set->address);
    seen.exists = true;
    ++seen.revision;
    if (set->unlock) seen.holder = nobody;
    if (set->lock) seen.holder = writer;
  }
  return std::nullopt;
}

void Engine::on_bundle(Session& session, const Bundle& bundle, Qos qos, const Provenance& provenance, const Now& now) {
  std::vector<const Message*> members;
  flatten(bundle, members);
  if (const auto error = check_bundle_members(members, session)) {
    ++stats.bundles_refused;
    return send_error(session, *error, now, Order::write);
  }
  if (!bundle.timestamp || bundle.timestamp->us <= now.unix_time.us) return execute_bundle(members, session, &session, qos, provenance, now);

  const std::uint64_t ahead = bundle.timestamp->us - now.unix_time.us;
  if (ahead > static_cast<std::uint64_t>(Micros(config.bundle_horizon).count())) {
    ++stats.bundles_refused;
    return send_error(session, {ErrorCode::invalid_value, fmt::format("bundle timestamp is {} s ahead, the limit is {} s", ahead / 1'000'000,
                                                                      config.bundle_horizon.count() / 1000), {}}, now, Order::write);
  }
  Bundle flat;
  for (const Message* member : members) flat.messages.push_back(*member);
  WaitingBundle waiting{.session = session.id, .provenance = provenance, .qos = qos, .rights = session.rights, .null_removes = session.null_removes,
                        .payload = {}};
  if (!append_payload(waiting.payload, Message{std::move(flat)})) {
    ++stats.bundles_refused;
    return send_error(session, {ErrorCode::invalid_value, "bundle does not fit a frame once its numbers are widened", {}}, now, Order::write);
  }
  if (!bundles.add(now.steady + Micros{static_cast<std::int64_t>(ahead)}, std::move(waiting))) {
    ++stats.bundles_refused;
    return send_error(session, {ErrorCode::too_many, fmt::format("too many bundles are waiting (at most {} or {} bytes a session)",
                                                                 config.bundles_per_session_max, config.bundle_bytes_per_session_max), {}}, now, Order::write);
  }
  ++stats.bundles_scheduled;
  writers.retain(provenance.writer);
}

void Engine::execute_due_bundles(const Now& now) {
  while (auto due = bundles.pop_due(now.steady)) {
    const auto message = inner_bundle_decoder.decode(due->payload.view());
    CLASP_CHECK(message.has_value());
    std::vector<const Message*> members;
    flatten(std::get<Bundle>(message->body), members);

    Session* sender = table.find(due->session);
    Session departed;  // stands in for a sender that left: its rights still decide, its locks are impossible
    departed.id = due->session;
    departed.rights = due->rights;
    departed.null_removes = due->null_removes;
    Session& acting = sender != nullptr ? *sender : departed;
    if (const auto error = check_bundle_members(members, acting)) {
      ++stats.bundles_refused;
      if (sender != nullptr) send_error(*sender, *error, now);
    } else {
      hops = due->provenance.hops;
      execute_bundle(members, acting, sender, due->qos, due->provenance, now);
    }
    writers.release(due->provenance.writer);
    settle(now);
  }
}

// `answer_to` is null if the sender has left.
void Engine::execute_bundle(const std::vector<const Message*>& members, Session& session, Session* answer_to, Qos qos, const Provenance& provenance, const Now& now) {
  const auto refuse = [&](const Error& error) {
    ++stats.bundles_refused;
    if (answer_to != nullptr) send_error(*answer_to, error, now, Order::write);
  };
  if (const auto error = check_bundle_state(members, session.id)) return refuse(*error);

  // Transforms come before the first commit: one that rejects refuses all.
  struct Prepared {
    std::optional<ValueView> value;
    ByteBuffer bytes;
  };
  std::vector<Prepared> prepared(members.size());
  for (std::size_t i = 0; i < members.size(); ++i) {
    WriteResult result = WriteResult::written;
    std::optional<Error> error;
    if (const auto* set = std::get_if<Set>(&members[i]->body)) {
      prepared[i].value = transformed(set->address, SignalType::param, set->value, WriteMode::client, now, prepared[i].bytes, result, error);
      Set changed = *set;
      if (prepared[i].value) changed.value = *prepared[i].value;
      if (result != WriteResult::refused && prepared[i].value) {
        if (const auto bad = check_set_form(changed)) return refuse(*bad);
      }
    } else if (const auto& publish = std::get<Publish>(members[i]->body); publish.value) {
      prepared[i].value =
          transformed(publish.address, publish.signal.value_or(SignalType::event), *publish.value, WriteMode::client, now, prepared[i].bytes, result, error);
    }
    if (result == WriteResult::refused) return refuse(*error);
  }

  WriteContext context{&session, provenance, WriteMode::restore, ++bundle_id};  // every step before the commit has been taken
  Revision last_revision = 0;
  holds_reactions = true;  // nobody sees half, no rule either
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (const auto* set = std::get_if<Set>(&members[i]->body)) {
      if (!prepared[i].value) continue;  // the transform dropped it
      Set member = *set;
      member.value = *prepared[i].value;
      const ParamWrite write{.address = member.address, .value = member.value, .expected = {}, .ttl = member.ttl, .lock = member.lock && answer_to != nullptr,
                             .unlock = member.unlock, .session = session.id, .writer = provenance.writer};
      Revision revision = 0;
      if (store_member(member, write, context, now, revision) == WriteResult::written) last_revision = revision;
    } else {
      Publish member = std::get<Publish>(members[i]->body);
      if (member.value && !prepared[i].value) continue;
      member.value = prepared[i].value;
      if (answer_to == nullptr || !on_p2p_signal(*answer_to, member, now)) publish_now(member, context, now);
    }
  }
  react_to_held(now);
  run_effects(now);
  if (answer_to == nullptr || (qos == Qos::fire && config.ack == AckPolicy::by_qos)) return;
  Ack ack;
  if (last_revision != 0) ack.revision = last_revision;
  reply(*answer_to, Message{ack}, now, Order::write, commit_log.last_seq());
}

}  // namespace clasp::router
