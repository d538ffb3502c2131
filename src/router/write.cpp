// SET and PUBLISH through the pipeline (engine design, section 9; router specification 6.3, 9 and 11).
#include "core/check.hpp"
#include "router/engine.hpp"

namespace clasp::router {

namespace {

// Which steps a write goes through. Form, lock, revision and capacity are never skipped.
struct Steps {
  WriteMode mode;
  bool rights;
  bool validator;
  bool transform;
};
constexpr std::array steps{
    Steps{WriteMode::client, true, true, true},
    Steps{WriteMode::rule, false, false, false},  // transforms are for what comes from outside (transforms specification, section 12)
    Steps{WriteMode::remote, true, true, false},
    Steps{WriteMode::restore, false, false, false},
};
constexpr const Steps& steps_of(WriteMode mode) { return steps[static_cast<std::size_t>(mode)]; }
static_assert(steps_of(WriteMode::restore).mode == WriteMode::restore);

// A SET has to fit into a SNAPSHOT entry and into its own broadcast, or nobody could ever be told (wire format 22.6).
constexpr std::size_t uuid_text_bytes = 36;
constexpr std::size_t snapshot_overhead = 3;                   // code and count
constexpr std::size_t broadcast_overhead = 1 + 1 + 2 + 8 + 4;  // code, flags, address length, revision, ttl
// Address and value together: up to here both fit, whatever else is in them.
constexpr std::size_t set_bytes_unchecked = wire::payload_bytes_max - 128;
static_assert(set_bytes_unchecked + snapshot_overhead + 2 + 1 + 8 + 1 + 2 + uuid_text_bytes + 8 <= wire::payload_bytes_max);

constexpr std::string_view p2p_signal_prefix = "/clasp/p2p/signal/";

std::string_view remainder_after(std::string_view text, std::string_view prefix) { return text.starts_with(prefix) ? text.substr(prefix.size()) : ""; }

}  // namespace

Result<Revision> Engine::try_set(const Session& session, const Set& set, const WriteContext& context, const Now& now) {
  const Place place = params.place(set.address);
  if (place.is_new()) {
    if (auto bad = check_set_form(set)) return *std::move(bad);
  } else if (set.address.size() + set.value.data.size() > set_bytes_unchecked) {  // a known address has been checked when it came
    if (auto bad = check_set_size(set)) return *std::move(bad);
  }
  if (!may_write_anything(session)) {
    if (auto denied = check_rights(session, set.address, set.value, "write")) return *std::move(denied);
  }

  Revision revision = 0;
  std::optional<Error> error;
  const WriteResult result = apply_set(set, place, context, now, revision, error);
  if (result == WriteResult::lost) return Error{ErrorCode::revision_conflict, "ConflictRejected", std::string(set.address)};
  if (result == WriteResult::refused) return *std::move(error);
  if (!effects.empty()) run_effects(now);  // whoever has the ACK knows that it is done, all of it
  return revision;
}

void Engine::on_set(Session& session, const Set& set, Qos qos, const WriteContext& context, const Now& now) {
  const Result<Revision> revision = try_set(session, set, context, now);
  if (!revision) return send_error(session, revision.error(), now, Order::write);
  if (qos == Qos::fire && config.ack == AckPolicy::by_qos) return;

  Ack ack{.address = set.address, .revision = {}, .locked = {}, .holder = {}, .correlation_id = {}};
  if (*revision != 0) ack.revision = *revision;
  std::string holder;
  if (set.lock || set.unlock) {
    const auto entry = params.find(set.address);
    const SessionId locked_by = entry ? params.lock_holder(*entry) : nobody;
    ack.locked = locked_by != nobody;
    if (const Session* by = table.find(locked_by)) {
      holder = to_text(by->uuid);
      ack.holder = holder;
    }
  }
  reply(session, Message{ack}, now, Order::write, commit_log.last_seq());
}

std::optional<Error> Engine::check_set_form(const Set& set) const {
  const AddressRules rules{.bytes_max = config.address_bytes_max, .wildcards = false, .control_characters = !config.strict_addresses};
  if (const auto fault = check_address(set.address, rules))
    return Error{ErrorCode::revision_conflict, describe_address_fault(*fault, set.address), printable(set.address)};
  return check_set_size(set);
}

std::optional<Error> Engine::check_set_size(const Set& set) const {
  const std::size_t entry = snapshot_overhead + snapshot_entry_bytes(set.address.size(), set.value, uuid_text_bytes);
  const std::size_t broadcast = broadcast_overhead + set.address.size() + set.value.data.size();
  if (entry > wire::payload_bytes_max || broadcast > wire::payload_bytes_max)
    return Error{ErrorCode::invalid_value,
                 fmt::format("value of {} bytes is too large: address and value must fit a SNAPSHOT entry of {} bytes", set.value.encoded_bytes(),
                             wire::payload_bytes_max),
                 std::string(set.address)};
  return std::nullopt;
}

std::optional<Error> Engine::check_rights(const Session& session, std::string_view address, const ValueView& value, const char* operation) const {
  if (journal_fault) return Error{ErrorCode::overloaded, *journal_fault, std::string(address)};
  if (!session.rights.allows(Action::write, address))
    return Error{ErrorCode::forbidden, fmt::format("Insufficient scope for {} operation", operation), std::string(address)};
  if (&gate == &open_gate) return std::nullopt;
  if (auto text = gate.validate_write(view_of(session), address, value)) return Error{ErrorCode::refused, std::move(*text), std::string(address)};
  return std::nullopt;
}

Error Engine::describe(const Refused& refused, std::string_view address) const {
  switch (refused.why) {
    case Refusal::revision_conflict:
      return {ErrorCode::revision_conflict, fmt::format("RevisionConflict {{ expected: {}, actual: {} }}", refused.expected, refused.actual),
              std::string(address)};
    case Refusal::lock_held:
      return {ErrorCode::lock_held, fmt::format("LockHeld {{ holder: \"{}\" }}", [&] {
                const Session* holder = table.find(refused.holder);
                return holder != nullptr ? to_text(holder->uuid) : std::string();
              }()), std::string(address)};
    case Refusal::at_capacity: break;
  }
  return {ErrorCode::revision_conflict, fmt::format("AtCapacity: the router holds its maximum of {} params", config.params_max), std::string(address)};
}

ConflictStrategy Engine::strategy_for(std::string_view address) const {
  for (const auto& [pattern, strategy] : strategies) {
    if (pattern.matches(address)) return strategy;
  }
  return ConflictStrategy::lww;
}

std::optional<ValueView> Engine::transformed(std::string_view address, SignalType signal, const ValueView& value, WriteMode mode, const Now& now, ByteBuffer& out,
                                             WriteResult& result, std::optional<Error>& error) {
  if (hooks.transform == nullptr || !steps_of(mode).transform) return value;
  Transformed answer = hooks.transform->transform(address, signal, value, now);
  if (std::holds_alternative<Keep>(answer)) return value;
  if (std::holds_alternative<Drop>(answer)) {
    result = WriteResult::dropped;
    return std::nullopt;
  }
  if (auto* reject = std::get_if<Reject>(&answer)) {
    result = WriteResult::refused;
    error = Error{reject->code, std::move(reject->message), std::string(address)};
    return std::nullopt;
  }
  out.clear();
  if (!encode_value(std::get<Value>(answer), out)) {
    result = WriteResult::refused;
    error = Error{ErrorCode::invalid_value, "the transformed value does not fit the wire", std::string(address)};
    return std::nullopt;
  }
  return ValueView{static_cast<ValueTag>(out.data()[0]), out.view(1)};
}

WriteResult Engine::apply_set(const Set& set, Place place, const WriteContext& context, const Now& now, Revision& revision, std::optional<Error>& error) {
  ParamWrite write{.address = set.address, .value = set.value, .expected = set.revision, .ttl = set.ttl, .lock = set.lock, .unlock = set.unlock,
                   .session = context.session->id, .writer = context.provenance.writer};
  if (const auto refused = params.check(write, place)) {
    error = describe(*refused, set.address);
    if (refused->why == Refusal::at_capacity) {
      ++stats.params_refused;
      log("capacity", fmt::format("params are refused: {} are held, the maximum (--max-params)", params.size()), now);
    }
    return WriteResult::refused;
  }
  if (hooks.transform != nullptr) {
    WriteResult result = WriteResult::written;
    const auto value = transformed(set.address, SignalType::param, set.value, context.mode, now, value_scratch, result, error);
    if (!value) return result;
    if (value->data.data() != set.value.data.data()) {
      Set changed = set;
      changed.value = *value;
      if (const auto bad = check_set_form(changed)) {
        error = *bad;
        return WriteResult::refused;
      }
    }
    write.value = *value;
  }
  return store(set, write, place, context, now, revision);
}

WriteResult Engine::store_member(const Set& set, const ParamWrite& write, const WriteContext& context, const Now& now, Revision& revision) {
  return store(set, write, params.place(set.address), context, now, revision);
}

// The write can no longer be refused, only lose by its strategy.
WriteResult Engine::store(const Set& set, const ParamWrite& write, Place place, const WriteContext& context, const Now& now, Revision& revision) {
  if (context.session->null_removes && write.value.tag == ValueTag::null) {
    if (!place.is_new()) revision = remove_param(place.entry, &context.provenance, now);
    return WriteResult::written;
  }
  if (place.is_new()) {
    if (const auto victim = params.eviction_victim()) {
      ++stats.params_evicted;
      remove_param(*victim, nullptr, now);
    }
  }
  const Written written = params.write(write, place, commit_log.last_seq() + 1, now.unix_time, now.steady,
                                       place.is_new() ? strategy_for(set.address) : ConflictStrategy::lww);
  revision = written.revision;
  if (written.lost) return WriteResult::lost;
  if (written.created || written.replaced != write.writer) {
    writers.retain(write.writer);
    if (!written.created) writers.release(written.replaced);
  }
  if (set.lock) context.session->locks = true;
  Delivery delivery = new_commit(CommitKind::set, set.address, now);
  delivery.entry = written.entry;
  delivery.value = write.value;
  delivery.revision = written.revision;
  delivery.ttl = set.ttl;
  delivery.lock = set.lock;
  delivery.unlock = set.unlock;
  delivery.provenance = context.provenance;
  delivery.bundle = context.bundle;
  commit(delivery, nobody, false, now);
  return WriteResult::written;
}

std::optional<Error> Engine::check_publish_form(const Publish& publish) {
  const AddressRules rules{.bytes_max = config.address_bytes_max, .wildcards = false, .control_characters = !config.strict_addresses};
  if (const auto fault = check_address(publish.address, rules))
    return Error{ErrorCode::revision_conflict, describe_address_fault(*fault, publish.address), printable(publish.address)};
  constexpr std::size_t overhead = 1 + 1 + 2 + 1 + 1 + 2 + 8 + 4 + 4;  // everything a PUBLISH can have beside address and content
  const std::size_t content = publish.value ? publish.value->data.size() : publish.samples ? publish.samples->size() : 0;
  if (overhead + publish.address.size() + content > wire::payload_bytes_max)
    return Error{ErrorCode::invalid_value, fmt::format("value of {} bytes is too large for a frame", content), std::string(publish.address)};
  return std::nullopt;
}

std::optional<Error> Engine::try_publish(Session& session, const Publish& publish, const WriteContext& context, const Now& now) {
  if (auto bad = check_publish_form(publish)) return bad;
  if (auto denied = check_rights(session, publish.address, publish.value.value_or(ValueView{}), "publish")) return denied;
  if (on_p2p_signal(session, publish, now)) return std::nullopt;
  return publish_now(publish, context, now);
}

void Engine::on_publish(Session& session, const Publish& publish, const WriteContext& context, const Now& now) {
  if (const auto error = try_publish(session, publish, context, now)) send_error(session, *error, now);
}

Result<Accepted> Engine::write(SessionId id, const Message& message, const Now& now, std::size_t input_bytes) {
  Session* session = table.find(id);
  if (session == nullptr) return Error{ErrorCode::unavailable, "the session has ended", {}};
  ++stats.messages_in[static_cast<std::uint8_t>(type_of(message))];
  const LinkId link = session->link;
  if (input_bytes != 0) count_input(*table.find(link), input_bytes);
  fed_backlog = nobody;
  const Provenance provenance = provenance_of(*session);
  Result<Revision> revision = Revision{0};
  if (const auto* set = std::get_if<Set>(&message.body)) {
    revision = try_set(*session, *set, {session, provenance}, now);
  } else if (auto error = try_publish(*session, std::get<Publish>(message.body), {session, provenance}, now)) {
    revision = *std::move(error);
  }
  settle(now);
  if (fed_backlog != nobody && input_bytes != 0) pace(link, now);
  if (!revision) {
    ++stats.errors_out[static_cast<std::uint16_t>(revision.error().code)];
    return revision.error();
  }
  return Accepted{.revision = *revision, .needs = commit_log.last_seq()};
}

std::optional<Error> Engine::publish_now(const Publish& publish, const WriteContext& context, const Now& now) {
  if (config.gesture_coalescing && publish.signal == SignalType::gesture) {
    std::optional<HeldMove> before;
    const GestureAction action = gesture_coalescer.handle(context.session->id, publish, context.provenance, now.steady, before);
    if (before) publish_held(*before, now);
    if (action == GestureAction::hold) return std::nullopt;
  }
  return commit_publish(publish, context, now);
}

// An error: the transform has rejected it.
std::optional<Error> Engine::commit_publish(const Publish& publish, const WriteContext& context, const Now& now) {
  std::optional<ValueView> value = publish.value;
  if (value && hooks.transform != nullptr) {
    WriteResult result = WriteResult::written;
    std::optional<Error> error;
    value = transformed(publish.address, publish.signal.value_or(SignalType::event), *value, context.mode, now, value_scratch, result, error);
    if (!value) return error;
  }
  Delivery delivery = new_commit(CommitKind::publish, publish.address, now);
  delivery.value = value;
  delivery.signal = publish.signal.value_or(SignalType::event);
  delivery.phase = publish.phase;
  delivery.id = publish.id;
  delivery.rate = publish.rate;
  delivery.samples = publish.samples;
  delivery.timestamp = publish.timestamp;
  delivery.provenance = context.provenance;
  delivery.bundle = context.bundle;
  commit(delivery, context.provenance.session, !publish.signal.has_value(), now);
  return std::nullopt;
}

void Engine::publish_held(const HeldMove& move, const Now& now) {
  const auto message = inner_decoder.decode(move.frame.view());
  CLASP_CHECK(message.has_value());
  Session* session = table.find(move.session);
  const auto error = commit_publish(std::get<Publish>(message->body), {session, move.provenance}, now);
  if (error && session != nullptr) send_error(*session, *error, now);
}

// /clasp/p2p/signal/<session id>: straight to that session, subscribed or not (router specification, section 12). `from` in the payload is
// what peers answer to, so it is made true.
bool Engine::on_p2p_signal(Session& session, const Publish& publish, const Now& now) {
  const std::string_view target_id = remainder_after(publish.address, p2p_signal_prefix);
  if (target_id.empty() || target_id.find('/') != std::string_view::npos) return false;
  Uuid uuid;
  Session* target = nullptr;
  if (parse_uuid(target_id, uuid)) {
    if (const auto found = by_uuid.find(uuid); found != by_uuid.end()) target = table.find(found->second);
  }
  if (target == nullptr) {
    send_error(session, {ErrorCode::not_found, fmt::format("Target session not found: {}", printable(target_id)), std::string(publish.address)}, now);
    return true;
  }
  Publish signal = publish;
  std::optional<EncodedValue> corrected;
  if (signal.value && signal.value->tag == ValueTag::map) {
    Value value = to_value(*signal.value);
    Map entries = *value.map();
    for (auto& [key, content] : entries) {
      if (key == "from") content = Value(to_text(session.uuid));
    }
    corrected.emplace(Value(std::move(entries)));
    if (corrected->ok()) signal.value = corrected->view();
  }
  frame_scratch.clear();
  Delivery delivery(frame_scratch);
  delivery.kind = CommitKind::publish;
  delivery.address = signal.address;
  delivery.value = signal.value;
  delivery.signal = signal.signal.value_or(SignalType::event);
  delivery.phase = signal.phase;
  delivery.samples = signal.samples;
  delivery.timestamp = signal.timestamp;
  delivery.id = signal.id;
  delivery.rate = signal.rate;
  delivery.provenance = provenance_of(session);
  if (target->reads_log) {
    keep_for_later(*target, SharedFrame(delivery.frame()), false);
    return true;
  }
  SharedFrame shared;
  deliver(*target, delivery, shared, now);
  return true;
}

}  // namespace clasp::router
