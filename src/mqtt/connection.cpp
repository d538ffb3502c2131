#include "mqtt/connection.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/address.hpp"
#include "mqtt/broker.hpp"
#include "mqtt/session.hpp"

namespace clasp::mqtt {

namespace {

constexpr Fault no_connect{Reason::protocol_error, "the first packet is no CONNECT"};
constexpr Fault second_connect{Reason::protocol_error, "a second CONNECT"};
constexpr Fault no_topic{Reason::protocol_error, "a PUBLISH without topic whose alias stands for none"};
constexpr Fault bad_alias{Reason::topic_alias_invalid, "a topic alias of 0 or above the server's maximum"};
constexpr Fault bad_topic{Reason::topic_name_invalid, "a PUBLISH to a topic that is empty or has wildcards"};
constexpr Fault too_many{Reason::receive_maximum_exceeded, "more QoS 1 and 2 messages than the server's Receive Maximum are not done"};
constexpr Fault no_disk{Reason::server_unavailable, "what it published is not on the disk: the journal cannot be written"};
constexpr Fault shared_no_local{Reason::protocol_error, "No Local on a shared subscription"};
constexpr Fault late_expiry{Reason::protocol_error, "a session expiry in DISCONNECT after one of 0 in CONNECT"};
constexpr Fault no_authentication{Reason::protocol_error, "AUTH without an authentication method"};

}  // namespace

void Connection::on_packet(Bytes packet, const Now& now) {
  if (!open_) return;
  broker_.set_now(now);
  heard_ = now.steady;
  packet_bytes_ = packet.size();
  const auto decoded = decode_packet(packet, version_);
  if (!decoded) {
    if (session_ == nullptr && is_connect_of_v5(packet)) version_ = Version::v5;
    fail(decoded.error());
  } else if (session_ == nullptr && !std::holds_alternative<Connect>(*decoded)) {
    fail(no_connect);
  } else {
    std::visit([this](const auto& what) { handle(what); }, *decoded);
  }
  broker_.work_off_doomed();
  if (session_ != nullptr) session_->settle();
}

void Connection::on_fault(const Fault& fault, const Now& now) {
  if (!open_) return;
  broker_.set_now(now);
  fail(fault);
}

// The client broke the protocol: it is told as far as its version has words for it, and its will is published.
void Connection::fail(const Fault& fault) {
  ++broker_.stats().malformed;
  broker_.tell("mqtt malformed",
               fmt::format("mqtt: the connection of {} was closed: {}",
                           session_ == nullptr ? "a client that is not connected yet" : printable(session_->client_id(), 40), fault.text));
  if (session_ == nullptr && (version_ == Version::v5 || fault.reason == Reason::unsupported_protocol_version)) {
    append_connack(answer(), version_, {.reason = fault.reason, .session_expiry = {}, .server_keep_alive = {}, .reason_string = fault.text});
    send_answer();
  }
  end(fault.reason, fault.text);
  if (session_ != nullptr) broker_.part(*session_, Broker::Parting::lost);
}

void Connection::end(Reason reason, std::string_view text) {
  if (!std::exchange(open_, false)) return;
  if (session_ != nullptr && version_ == Version::v5) {
    append_disconnect(answer(), reason, text);
    send_answer();
  }
  wire_.close();
}

void Connection::on_closed(const Now& now) {
  open_ = false;
  if (session_ == nullptr) return;
  broker_.set_now(now);
  broker_.part(*session_, Broker::Parting::lost);
  broker_.work_off_doomed();
}

void Connection::on_sent(const Now& now) {
  if (session_ == nullptr) return;
  broker_.set_now(now);
  session_->outbound().pump(now.steady);
  session_->settle();
  if (wire_.waiting_bytes() < broker_.limits().replies_bytes_max / 2) pause(Pause::replies, false);
}

void Connection::pause(Pause cause, bool on) {
  const auto bit = static_cast<std::uint8_t>(cause);
  const std::uint8_t before = pauses_;
  pauses_ = static_cast<std::uint8_t>(on ? before | bit : before & ~bit);
  if ((before == 0) != (pauses_ == 0)) wire_.set_reading(pauses_ == 0);
}

std::optional<SteadyTime> Connection::keep_alive_due() const {
  if (keep_alive_ == 0) return std::nullopt;
  return heard_ + Micros{std::int64_t{keep_alive_} * 1'500'000};
}

ByteBuffer& Connection::answer() {
  broker_.scratch().clear();
  return broker_.scratch();
}

void Connection::send_answer() {
  wire_.send(broker_.scratch().view());
  if (wire_.waiting_bytes() > broker_.limits().replies_bytes_max) pause(Pause::replies, true);
}

// ---- packets ----

void Connection::handle(const Connect& connect) {
  if (session_ != nullptr) return fail(second_connect);
  version_ = connect.version;
  const Connack connack = broker_.connect(*this, connect, session_);
  append_connack(answer(), version_, connack);
  send_answer();
  if (session_ == nullptr) {
    ++broker_.stats().connects_refused;
    open_ = false;
    return wire_.close();
  }
  wire_.established();
  keep_alive_ = connack.server_keep_alive.value_or(connect.keep_alive);
  const Properties& asked = connect.properties;
  session_->outbound().attach({.wire = &wire_,
                               .version = version_,
                               .receive_maximum = asked.receive_maximum.value_or(65'535),
                               .packet_bytes_max = asked.maximum_packet_size.value_or(0),
                               .topic_aliases_max = std::min(asked.topic_alias_maximum.value_or(0), broker_.limits().topic_aliases_max)},
                              heard_);
  broker_.arm(*session_);
}

bool Connection::resolve_alias(PublishPacket& publish) {
  const std::optional<std::uint16_t> alias = publish.properties.topic_alias;
  if (!alias) {
    if (publish.topic.empty() && version_ == Version::v5) fail(no_topic);
    return session_ != nullptr;
  }
  if (*alias == 0 || *alias > broker_.limits().topic_aliases_max) {
    fail(bad_alias);
    return false;
  }
  if (aliases_.size() < *alias) aliases_.resize(*alias);
  std::string& known = aliases_[*alias - 1U];
  if (!publish.topic.empty())
    known = publish.topic;
  else if (known.empty())
    fail(no_topic);
  else
    publish.topic = known;
  return session_ != nullptr;
}

void Connection::handle(const PublishPacket& packet) {
  PublishPacket publish = packet;
  if (!resolve_alias(publish)) return;
  if (!is_topic_name(publish.topic)) return fail(bad_topic);
  if (publish.qos == Qos::exactly_once && session_->is_received(publish.id))  // again; it has been handed on, which may have to be waited for still
    return acknowledge({publish.id, publish.qos, {.needs = broker_.last_seq()}});
  if (version_ == Version::v5 && publish.qos != Qos::at_most_once) {
    const std::size_t not_done = publish.qos == Qos::exactly_once ? session_->unreleased() : unconfirmed_.size();
    if (not_done >= broker_.limits().receive_maximum) return fail(too_many);
  }
  const Published published = broker_.publish(*session_, publish, packet_bytes_);
  if (session_ == nullptr || publish.qos == Qos::at_most_once) return;  // what it published ended it, or nobody waits for a word
  const bool refused = is_failure(published.reason) && (version_ == Version::v5 || published.journal_failed);
  if (publish.qos == Qos::exactly_once && !refused) session_->received(publish.id);
  acknowledge({publish.id, publish.qos, published});
}

// ---- PUBACK and PUBREC: in the order of the PUBLISHes (MQTT 4.6), none before what it promises is on the disk (contract 25 and 34) ----

void Connection::acknowledge(const Unconfirmed& unconfirmed) {
  if (unconfirmed_.empty() && !unconfirmed.published.journal_failed && unconfirmed.published.needs <= broker_.confirmed_seq())
    return send_acknowledgement(unconfirmed);
  if (unconfirmed_.empty()) broker_.await_disk(*session_);
  unconfirmed_.push(unconfirmed);
  if (unconfirmed_.size() >= broker_.limits().unconfirmed_max) pause(Pause::disk, true);
}

void Connection::confirm() {
  const router::Seq confirmed = broker_.confirmed_seq();
  while (!unconfirmed_.empty() && !unconfirmed_.front().published.journal_failed && unconfirmed_.front().published.needs <= confirmed)
    send_acknowledgement(unconfirmed_.pop());
  if (unconfirmed_.size() < broker_.limits().unconfirmed_max / 2) pause(Pause::disk, false);
  if (!unconfirmed_.empty() && (unconfirmed_.front().published.journal_failed || broker_.journal_fails())) give_up_unconfirmed();
}

// MQTT 5 has a word for it. In 3.1.1 a server that cannot do what it was asked closes the connection (its 4.8): the client sends the message again
// when it is back, and loses nothing.
void Connection::give_up_unconfirmed() {
  if (version_ == Version::v311) {
    while (!unconfirmed_.empty()) {
      const Unconfirmed failed = unconfirmed_.pop();
      if (failed.qos == Qos::exactly_once) session_->release(failed.id);
    }
    broker_.tell("mqtt disk", fmt::format("mqtt: the connection of {} was closed: {}", printable(session_->client_id(), 40), no_disk.text));
    end(no_disk.reason, no_disk.text);
    return broker_.part(*session_, Broker::Parting::lost);
  }
  while (!unconfirmed_.empty()) {
    Unconfirmed failed = unconfirmed_.pop();
    if (!is_failure(failed.published.reason)) failed.published.reason = Reason::implementation_specific;
    if (failed.qos == Qos::exactly_once) session_->release(failed.id);
    send_acknowledgement(failed);
  }
  pause(Pause::disk, false);
}

// 3.1.1 has no word for a refusal but silence, after which clients send the message again for ever: it is counted and logged, and acknowledged.
void Connection::send_acknowledgement(const Unconfirmed& unconfirmed) {
  const PacketType type = unconfirmed.qos == Qos::at_least_once ? PacketType::puback : PacketType::pubrec;
  append_acknowledgement(answer(), version_, {.type = type, .id = unconfirmed.id, .reason = unconfirmed.published.reason});
  send_answer();
}

void Connection::handle(const Acknowledgement& acknowledgement) {
  if (acknowledgement.type != PacketType::pubrel) return session_->outbound().acknowledge(acknowledgement, heard_);
  const bool known = session_->release(acknowledgement.id);
  append_acknowledgement(
      answer(), version_,
      {.type = PacketType::pubcomp, .id = acknowledgement.id, .reason = known ? Reason::success : Reason::packet_identifier_not_found});
  send_answer();
}

// The SUBACK comes before the retained messages, which wait until it has been written.
void Connection::handle(const SubscribePacket& subscribe) {
  Session& session = *session_;
  Bytes check = subscribe.filters;
  while (const auto entry = next_filter(check)) {
    if (entry->options.no_local && parse_shared(entry->filter)) return fail(shared_no_local);
  }
  std::vector<Reason> reasons;
  Bytes filters = subscribe.filters;
  session.outbound().cork();
  while (const auto entry = next_filter(filters))
    reasons.push_back(session.subscribe(*entry, subscribe.properties.subscription_identifier.value_or(0)));
  append_suback(answer(), version_, subscribe.id, reasons);
  send_answer();
  session.outbound().uncork(heard_);
}

void Connection::handle(const UnsubscribePacket& unsubscribe) {
  std::vector<Reason> reasons;
  Bytes filters = unsubscribe.filters;
  while (const auto filter = next_filter_text(filters)) reasons.push_back(session_->unsubscribe(*filter));
  append_unsuback(answer(), version_, unsubscribe.id, reasons);
  send_answer();
}

void Connection::handle(const PingRequest&) {
  append_pingresp(answer());
  send_answer();
}

void Connection::handle(const Disconnect& disconnect) {
  if (disconnect.session_expiry) {
    if (session_->expiry.count() == 0 && *disconnect.session_expiry != 0) return fail(late_expiry);
    session_->expiry = std::min(std::chrono::seconds{*disconnect.session_expiry}, broker_.limits().session_expiry_max);
  }
  open_ = false;
  wire_.close();
  broker_.part(*session_, disconnect.reason == Reason::success ? Broker::Parting::polite : Broker::Parting::lost);
}

void Connection::handle(const Auth&) { fail(no_authentication); }

}  // namespace clasp::mqtt
