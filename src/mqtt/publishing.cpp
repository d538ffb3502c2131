// What clients publish on its way into the router, and what the router delivers on its way to clients.
#include <fmt/format.h>

#include "core/address.hpp"
#include "mqtt/broker.hpp"
#include "mqtt/connection.hpp"
#include "mqtt/payload.hpp"

namespace clasp::mqtt {

namespace {

// CLASP's own promise for a kind of signal, as QoS (bridges specification, section 2.8).
Qos qos_of(const router::Delivery& delivery) {
  if (delivery.kind != router::CommitKind::publish) return Qos::at_least_once;
  switch (delivery.signal) {
    case SignalType::stream: return Qos::at_most_once;
    case SignalType::gesture: return delivery.phase == GesturePhase::move ? Qos::at_most_once : Qos::at_least_once;
    case SignalType::timeline: return Qos::exactly_once;
    default: return Qos::at_least_once;
  }
}

Importance importance_of(const router::Delivery& delivery) {
  if (delivery.kind == router::CommitKind::set) return Importance::newest;
  const bool move = delivery.signal == SignalType::gesture && delivery.phase == GesturePhase::move;
  return delivery.kind == router::CommitKind::publish && (delivery.signal == SignalType::stream || move) ? Importance::newest : Importance::each;
}

bool is_of_the_server(std::string_view topic) { return topic.starts_with("$SYS") || topic.starts_with("$share/"); }

Terms member_terms(const SharedGroup& group, const SharedGroup::Member& member, Qos published) {
  Terms terms{.qos = std::min(member.qos, published), .group = group.number, .identifiers = {}};
  if (member.identifier != 0) terms.identifiers.push_back(member.identifier);
  return terms;
}

bool same_place(const ValueView& a, const ValueView& b) { return a.tag == b.tag && a.data.data() == b.data.data() && a.data.size() == b.data.size(); }

}  // namespace

// ---- in ----

Published Broker::publish(Session& session, const PublishPacket& packet, std::size_t packet_bytes) {
  ++stats_.published_in;
  if (is_of_the_server(packet.topic)) return {Reason::not_authorized};
  forwarded_scratch_.clear();
  if (packet.properties.forwarded_bytes > 0) append_forwarded(forwarded_scratch_, packet.properties);
  Current message{.topic = packet.topic,
                  .address = {},
                  .payload = packet.payload,
                  .forwarded = forwarded_scratch_.view(),
                  .expiry = packet.properties.message_expiry,
                  .expires = {},
                  .qos = packet.qos,
                  .retain = packet.retain,
                  .value = {}};
  const Published published = publish_message(session, message, packet_bytes);
  if (is_failure(published.reason)) ++stats_.refused;
  return published;
}

std::optional<std::string> Broker::find_address(std::string_view topic) const {
  std::string address;
  if (is_of_the_server(topic) || !topics_.to_address(topic, address) || address.size() > router_.config().address_bytes_max) return std::nullopt;
  return address;
}

Published Broker::publish_message(Session& session, Current& message, std::size_t input_bytes) {
  const std::optional<std::string> address = find_address(message.topic);
  if (!address) return {Reason::topic_name_invalid};
  message.address = *address;
  if (message.expiry) message.expires = now_.steady + Micros{std::int64_t{*message.expiry} * 1'000'000};
  const Current* outer = std::exchange(current_, &message);
  rendered_seq_ = 0;
  const Published published = !message.retain           ? publish_event(session, message, input_bytes)
                              : message.payload.empty() ? clear_retained(session, message)
                                                        : set_retained(session, message, input_bytes);
  current_ = outer;
  return published;
}

Published Broker::not_accepted(const Session& session, const Error& error) {
  note_refusal(session, error.message);
  return {.reason = reason_of(error.code), .journal_failed = router_.journal_fault().has_value() && error.code == ErrorCode::overloaded};
}

Published Broker::publish_event(Session& session, Current& message, std::size_t input_bytes) {
  message.value = payload_to_value(message.payload, value_scratch_);
  const clasp::Message event{Publish{.address = message.address, .signal = SignalType::event, .value = message.value}};
  const Result<router::Accepted> accepted = router_.write(session.router_id, event, now_, input_bytes);
  if (!accepted) return not_accepted(session, accepted.error());
  return {.needs = accepted->needs};
}

// Its value becomes the param. What the value cannot give back goes into a note of that revision.
Published Broker::set_retained(Session& session, Current& message, std::size_t input_bytes) {
  message.value = payload_to_value(message.payload, value_scratch_);
  const bool keeps_payload = !is_rendering_of(message.payload, message.value, compare_scratch_);
  const bool needs_note = keeps_payload || !message.forwarded.empty() || message.expiry || message.qos != Qos::at_least_once;
  const std::size_t note_bytes = message.forwarded.size() + (keeps_payload ? message.payload.size() : 0);
  const auto is_current = [this](std::string_view address, std::uint64_t revision) {
    const auto param = router_.find(address);
    return param && param->revision == revision;
  };
  if (needs_note && !notes_.make_room(message.address.size() + note_bytes, is_current)) {
    tell("mqtt notes", fmt::format("mqtt: a retained message on {} was refused: the memory for retained payloads and properties is used up",
                                   printable(message.topic)));
    return {Reason::quota_exceeded};
  }
  Set set{.address = message.address, .value = message.value, .revision = {}, .ttl = {}};
  const RetainedNote* old = notes_.find_any(message.address);
  if (message.expiry)
    set.ttl = Ttl{.mode = Ttl::Mode::absolute, .seconds = *message.expiry};
  else if (old != nullptr && old->expires)
    set.ttl = Ttl{.mode = Ttl::Mode::never};
  const Result<router::Accepted> accepted = router_.write(session.router_id, clasp::Message{set}, now_, input_bytes);
  if (!accepted) return not_accepted(session, accepted.error());
  if (!needs_note) {
    notes_.forget(message.address);
    return {.needs = accepted->needs};
  }
  RetainedNote note{.revision = accepted->revision,
                    .qos = message.qos,
                    .has_payload = keeps_payload,
                    .expires = message.expires,
                    .forwarded_bytes = static_cast<std::uint32_t>(message.forwarded.size()),
                    .bytes = {}};
  note.bytes.append(message.forwarded);
  if (keeps_payload) note.bytes.append(message.payload);
  notes_.put(message.address, std::move(note));
  return {.needs = accepted->needs};
}

Published Broker::clear_retained(Session& session, Current& message) {
  const auto removed = router_.remove(session.router_id, message.address, now_);
  if (!removed) return not_accepted(session, removed.error());
  notes_.forget(message.address);
  if (!*removed) return publish_event(session, message, 0);  // nothing was retained: subscribers hear it all the same
  return {.needs = router_.last_seq()};
}

// ---- out ----

bool Broker::is_current(const router::Delivery& delivery) const {
  if (current_ == nullptr || delivery.presence != router::Presence::live || delivery.address != current_->address) return false;
  if (delivery.kind == router::CommitKind::remove) return current_->retain && current_->payload.empty();
  return delivery.value && same_place(*delivery.value, current_->value);  // else a transform changed it
}

const Rendered* Broker::render(const router::Delivery& delivery) {
  const bool live = delivery.presence == router::Presence::live && delivery.seq != 0;
  if (live && delivery.seq == rendered_seq_) return rendered_ok_ ? &rendered_ : nullptr;
  rendered_seq_ = live ? delivery.seq : 0;
  shared_ = {};
  rendered_ = {};
  rendered_ok_ = is_current(delivery)                              ? render_current()
                 : delivery.presence == router::Presence::snapshot ? render_stored(delivery)
                                                                   : render_foreign(delivery);
  return rendered_ok_ ? &rendered_ : nullptr;
}

bool Broker::render_current() {
  rendered_ = {.topic = current_->topic,
               .payload = current_->payload,
               .forwarded = current_->forwarded,
               .expires = current_->expires,
               .qos = current_->qos,
               .retain = current_->retain,
               .importance = current_->retain && !current_->payload.empty() ? Importance::newest : Importance::each};
  return true;
}

bool Broker::render_stored(const router::Delivery& delivery) {
  if (!render_foreign(delivery)) return false;
  const RetainedNote* note = notes_.find(delivery.address, delivery.revision);
  if (note == nullptr) return true;
  rendered_.qos = note->qos;
  rendered_.forwarded = note->forwarded();
  rendered_.expires = note->expires;
  if (note->has_payload) rendered_.payload = note->payload();
  return true;
}

bool Broker::render_foreign(const router::Delivery& delivery) {
  const auto topic = topics_.to_topic(delivery.address, topic_scratch_);
  if (!topic) return false;
  rendered_.topic = *topic;
  rendered_.qos = qos_of(delivery);
  rendered_.importance = importance_of(delivery);
  rendered_.retain = delivery.kind != router::CommitKind::publish;
  payload_scratch_.clear();
  if (delivery.kind == router::CommitKind::remove) {
    const RetainedNote* note = notes_.find(delivery.address, delivery.revision - 1);
    const bool expired = note != nullptr && note->expires && delivery.provenance.session == router::nobody;
    rendered_.retain = false;
    return !expired;  // a message that has expired is not announced (MQTT 5, 3.3.2.3.3)
  }
  if (delivery.value)
    append_payload(payload_scratch_, *delivery.value);
  else if (delivery.samples)
    append_samples(payload_scratch_, *delivery.samples);
  rendered_.payload = payload_scratch_.view();
  return true;
}

void Broker::offer(SharedGroup& group, router::Seq seq, const Rendered& rendered) {
  if (group.decided >= seq) return;
  group.decided = seq;
  if (!filter_matches(group.filter, rendered.topic)) return;
  const SharedGroup::Member* member = SharedGroups::choose(group);
  if (member == nullptr) return;
  member->session->send(rendered, shared_, member_terms(group, *member, rendered.qos));
}

// The member it was for has gone without a word about it (MQTT 5, 4.8.2).
void Broker::hand_on(const Outbound::Orphan& orphan) {
  SharedGroup* group = groups_.find(orphan.group);
  const SharedGroup::Member* member = group == nullptr ? nullptr : SharedGroups::choose(*group);
  if (member == nullptr) return;
  ++stats_.handed_on;
  const Message& message = *orphan.message;
  const Rendered rendered{.topic = message.topic(),
                          .payload = message.payload(),
                          .forwarded = message.forwarded(),
                          .expires = message.expires,
                          .qos = orphan.qos,
                          .retain = false,
                          .importance = message.importance};
  MessageRef shared = orphan.message;
  member->session->send(rendered, shared, member_terms(*group, *member, orphan.qos));
}

void Broker::submit_subscribe(Session& session, std::uint32_t number, std::string_view pattern, bool snapshot) {
  router_.submit(session.router_id,
                 clasp::Message{Subscribe{.id = number, .pattern = pattern, .types = TypeMask::all(), .options = {}, .snapshot = snapshot}},
                 clasp::Qos::confirm, {}, now_);
}

void Broker::submit_unsubscribe(Session& session, std::uint32_t number) {
  if (session.router_id != router::nobody)
    router_.submit(session.router_id, clasp::Message{Unsubscribe{.id = number}}, clasp::Qos::confirm, {}, now_);
}

void Broker::report_sent(Session& session, std::size_t bytes) {
  waiting_bytes_ -= bytes;
  if (session.router_id != router::nobody) router_.sent(session.router_id, bytes, now_);
}

void Broker::note_waiting(std::size_t more) {
  waiting_bytes_ += more;
  if (waiting_bytes_ <= options_.limits.queues_bytes_max) return;
  Session* largest = nullptr;
  for (const auto& [id, other] : by_id_) {
    if (largest == nullptr || other->waiting_bytes() > largest->waiting_bytes()) largest = other.get();
  }
  if (largest != nullptr) doom(*largest, Reason::quota_exceeded);
}

void Broker::note_refusal(const Session& session, std::string_view why) {
  tell("mqtt refused", fmt::format("mqtt: the router refused a message of {}: {}", printable(session.client_id(), 40), printable(why)));
}

}  // namespace clasp::mqtt
