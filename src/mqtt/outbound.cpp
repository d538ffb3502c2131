#include "mqtt/outbound.hpp"

#include <algorithm>

namespace clasp::mqtt {

namespace {

// Whole seconds that are left; nothing if it has expired. An interval of 0 has not passed in the turn the message came in: it is for those who are
// there and keep up.
std::optional<std::uint32_t> seconds_left(SteadyTime expires, SteadyTime now) {
  if (expires < now) return std::nullopt;
  return static_cast<std::uint32_t>(((expires - now).count() + 999'999) / 1'000'000);
}

}  // namespace

void Outbound::attach(const Peer& peer, SteadyTime now) {
  peer_ = peer;
  aliases_.reset();
  corked_ = false;
  unacknowledged_ = 0;
  resend_ = 0;
  for (std::size_t i = 0; i < in_flight_.size(); ++i) {
    InFlight& entry = in_flight_[i];
    if (entry.state == State::sent) entry.state = State::waiting;
    if (entry.state == State::released) {
      answer(PacketType::pubrel, id_at(i), Reason::success);
      ++unacknowledged_;
    }
  }
  pump(now);
}

void Outbound::detach() {
  peer_ = {};
  aliases_.reset();
  newest_.reset();
  while (!fire_.empty()) {
    queued_bytes_ -= fire_.pop().bytes();
    ++stats_.dropped_detached;
  }
}

std::vector<Outbound::Orphan> Outbound::take_orphans() {
  std::vector<Orphan> orphans;
  const auto take = [&orphans](Item& item) {
    if (item.terms.group != 0) orphans.push_back({std::move(item.message), item.terms.qos, item.terms.group});
  };
  for (; !in_flight_.empty(); in_flight_.pop()) {
    if (InFlight& entry = in_flight_.front(); entry.state != State::done && entry.item.terms.qos == Qos::at_least_once) take(entry.item);
  }
  while (!kept_.empty()) {
    queued_bytes_ -= kept_.front().bytes();
    Item item = kept_.pop();
    take(item);
  }
  return orphans;
}

bool Outbound::window_is_open() const {
  return resend_ == in_flight_.size() && unacknowledged_ < std::min(peer_.receive_maximum, limits_.in_flight_max) && in_flight_.size() < span_max;
}

// Straight to the wire, past an empty queue. QoS 0 also passes what waits for acknowledgements only.
bool Outbound::may_pass(Qos qos) const {
  if (!has_room() || !fire_.empty()) return false;
  return qos == Qos::at_most_once ? kept_.empty() || !window_is_open() : kept_.empty() && window_is_open();
}

void Outbound::push(const Rendered& rendered, MessageRef& shared, Terms terms, SteadyTime now) {
  if (peer_.wire == nullptr && terms.qos == Qos::at_most_once) {
    ++stats_.dropped_detached;
    return;
  }
  if (terms.qos == Qos::at_most_once && may_pass(terms.qos)) {
    OutgoingPublish publish{.topic = rendered.topic,
                            .payload = rendered.payload,
                            .retain = terms.retain,
                            .forwarded = rendered.forwarded,
                            .message_expiry = {},
                            .subscription_identifiers = terms.identifiers};
    if (rendered.expires && !(publish.message_expiry = seconds_left(*rendered.expires, now))) {
      ++stats_.dropped_expired;
      return;
    }
    write(publish);
    return;
  }
  if (!shared) shared = pool_.make(rendered);
  Item item{.message = shared, .terms = std::move(terms), .serial = ++serial_};
  if (item.terms.qos != Qos::at_most_once && may_pass(item.terms.qos)) return send_kept(std::move(item), now);
  enqueue(std::move(item));
}

void Outbound::enqueue(Item item) {
  if (item.terms.qos != Qos::at_most_once) {
    queued_bytes_ += item.bytes();
    return kept_.push(std::move(item));
  }
  if (item.message->importance == Importance::newest && replace_waiting(item)) return;
  queued_bytes_ += item.bytes();
  fire_.push(std::move(item));
}

// True: a message of the same topic waited and has been replaced at its place. Retained values of a new subscription are not regarded.
bool Outbound::replace_waiting(const Item& item) {
  if (corked_ || item.terms.retain) return false;
  if (!newest_) newest_ = std::make_unique<std::unordered_map<std::string_view, std::uint64_t>>();
  const auto at = newest_->find(item.message->topic());
  if (at == newest_->end()) {
    newest_->emplace(item.message->topic(), item.serial);
    return false;
  }
  const std::uint64_t serial = at->second;
  newest_->erase(at);  // its key lies in the message that goes
  std::size_t low = 0;
  for (std::size_t high = fire_.size(); low < high;) {
    const std::size_t middle = (low + high) / 2;
    if (fire_[middle].serial < serial)
      low = middle + 1;
    else
      high = middle;
  }
  Item& old = fire_[low];
  queued_bytes_ -= old.bytes();
  old = Item{.message = item.message, .terms = item.terms, .serial = serial};
  queued_bytes_ += old.bytes();
  newest_->emplace(old.message->topic(), serial);
  ++stats_.conflated;
  return true;
}

void Outbound::pump(SteadyTime now) {
  resend(now);
  while (has_room()) {
    const bool kept = !kept_.empty() && window_is_open() && (fire_.empty() || kept_.front().serial < fire_.front().serial);
    if (!kept && fire_.empty()) break;
    Item item = (kept ? kept_ : fire_).pop();
    queued_bytes_ -= item.bytes();
    if (kept) {
      send_kept(std::move(item), now);
      continue;
    }
    if (newest_) {
      if (const auto at = newest_->find(item.message->topic()); at != newest_->end() && at->second == item.serial) newest_->erase(at);
    }
    write(item, PacketId::none, false, now);
  }
  if (fire_.empty()) newest_.reset();
}

void Outbound::resend(SteadyTime now) {
  const std::uint32_t window = std::min(peer_.receive_maximum, limits_.in_flight_max);
  while (resend_ < in_flight_.size() && has_room()) {
    InFlight& entry = in_flight_[resend_];
    if (entry.state == State::waiting) {
      if (unacknowledged_ >= window) break;
      ++unacknowledged_;
      entry.state = State::sent;
      if (!write(entry.item, id_at(resend_), true, now)) {
        entry = {};
        --unacknowledged_;
      }
    }
    ++resend_;
  }
  forget_done();
}

void Outbound::send_kept(Item item, SteadyTime now) {
  const PacketId id = id_at(in_flight_.size());
  if (!write(item, id, false, now)) return;  // expired or too large: done
  in_flight_.push({.item = std::move(item), .state = State::sent});
  resend_ = in_flight_.size();
  ++unacknowledged_;
}

bool Outbound::write(const Item& item, PacketId id, bool duplicate, SteadyTime now) {
  OutgoingPublish publish{.topic = item.message->topic(),
                          .payload = item.message->payload(),
                          .id = id,
                          .qos = item.terms.qos,
                          .retain = item.terms.retain,
                          .duplicate = duplicate,
                          .forwarded = item.message->forwarded(),
                          .message_expiry = {},
                          .subscription_identifiers = item.terms.identifiers};
  if (item.message->expires && !(publish.message_expiry = seconds_left(*item.message->expires, now))) {
    ++stats_.dropped_expired;
    return false;
  }
  return write(publish);
}

bool Outbound::write(const OutgoingPublish& given) {
  OutgoingPublish publish = given;
  bool new_alias = false;
  if (peer_.topic_aliases_max > 0) {
    if (!aliases_) aliases_ = std::make_unique<std::unordered_map<std::string, std::uint16_t>>();
    if (const auto known = aliases_->find(std::string(publish.topic)); known != aliases_->end()) {
      publish.topic_alias = known->second;
      publish.topic = {};
    } else if (aliases_->size() < peer_.topic_aliases_max) {
      publish.topic_alias = static_cast<std::uint16_t>(aliases_->size() + 1);
      new_alias = true;
    }
  }
  if (peer_.packet_bytes_max != 0 && publish_bytes(peer_.version, publish) > peer_.packet_bytes_max) {
    ++stats_.dropped_too_large;
    return false;
  }
  if (new_alias) aliases_->emplace(publish.topic, publish.topic_alias);
  scratch_.clear();
  append_publish(scratch_, peer_.version, publish);
  peer_.wire->send(scratch_.view());
  ++stats_.published_out;
  return true;
}

Outbound::InFlight* Outbound::find(PacketId id) {
  const std::size_t index = (static_cast<std::uint32_t>(id) + identifiers - first_id_) % identifiers;
  if (id == PacketId::none || index >= in_flight_.size() || in_flight_[index].state == State::done) return nullptr;
  return &in_flight_[index];
}

void Outbound::finish(InFlight& entry) {
  if (entry.state == State::sent || entry.state == State::released) --unacknowledged_;
  entry = {};
  forget_done();
}

void Outbound::forget_done() {
  while (!in_flight_.empty() && in_flight_.front().state == State::done) {
    in_flight_.pop();
    first_id_ = first_id_ % identifiers + 1;
    if (resend_ > 0) --resend_;
  }
}

void Outbound::acknowledge(const Acknowledgement& acknowledgement, SteadyTime now) {
  InFlight* entry = find(acknowledgement.id);
  const bool is_qos2 = entry != nullptr && entry->item.terms.qos == Qos::exactly_once;
  switch (acknowledgement.type) {
    case PacketType::puback:
      if (entry != nullptr && !is_qos2) finish(*entry);
      break;
    case PacketType::pubrec:
      if (is_qos2 && is_failure(acknowledgement.reason)) {
        finish(*entry);
      } else if (is_qos2) {
        if (entry->state == State::waiting) ++unacknowledged_;
        entry->state = State::released;
        entry->item.message = {};
        answer(PacketType::pubrel, acknowledgement.id, Reason::success);
      } else if (!is_failure(acknowledgement.reason)) {
        answer(PacketType::pubrel, acknowledgement.id, Reason::packet_identifier_not_found);
      }
      break;
    case PacketType::pubcomp:
      if (is_qos2) finish(*entry);
      break;
    default: break;
  }
  pump(now);
}

void Outbound::answer(PacketType type, PacketId id, Reason reason) {
  scratch_.clear();
  append_acknowledgement(scratch_, peer_.version, {.type = type, .id = id, .reason = reason});
  peer_.wire->send(scratch_.view());
}

}  // namespace clasp::mqtt
