#include "bridge/mqtt/mqtt_bridge.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/address.hpp"
#include "core/json.hpp"
#include "core/limits.hpp"
#include "core/value_view.hpp"
#include "mqtt/payload.hpp"
#include "mqtt/topics.hpp"

namespace clasp::bridge::mqtt {
namespace {

constexpr std::size_t topic_bytes_max = 65'535;
constexpr std::string_view address_placeholder = "{address}";
constexpr std::string_view origin_property = "clasp-origin";

ContentType content_of(const ValueView& value) {
  switch (value.tag) {
    case ValueTag::bytes: return ContentType::bytes;
    case ValueTag::string: return ContentType::text;
    default: return ContentType::json;
  }
}

bool is_whole_number(const ByteBuffer& text) { return as_text(text.view()).find_first_not_of("-0123456789") == std::string_view::npos; }

}  // namespace

MqttBridge::MqttBridge(RouterLink& router, MqttConfig config, std::string client_id, Outside outside)
    : router_(router),
      config_(std::move(config)),
      outside_(std::move(outside)),
      client_(config_, std::move(client_id), *this),
      own_(config_.limits.own_publications_max),
      guard_(config_.repeats_max, config_.limits.topics_watched_max) {
  if (config_.rate_hz_max.value_or(0) > 0) rate_.emplace(*config_.rate_hz_max, config_.limits.thinned_topics_max);
}

void MqttBridge::start() {
  const std::vector<std::string> patterns{config_.ns.pattern()};
  router_.open({.name = config_.name, .ns = config_.ns.prefix(), .protocol = "mqtt", .device = {}}, patterns, config_.sync_on_connect, *this);
}

void MqttBridge::stop() {
  client_.say_goodbye();
  router_.close();
}

// ---- from the broker ----

Taken MqttBridge::client_message(const wire::PublishPacket& message) {
  const SteadyTime now = outside_.clock();
  ++counters_.received;
  if (is_ours(message, now)) {
    ++counters_.own_returned;
    return Taken::now;
  }
  if (message.retain && client_.has_newer(message.topic)) {
    ++counters_.stale_retained;
    return Taken::now;
  }
  const bool param = becomes_param(message);
  if (may_loop(message) && !guard_.passes(message.topic, message.payload, param, now)) {
    ++counters_.repeats_dropped;
    note("loop", fmt::format("the same value comes again and again and ends here; is there another bridge between this broker and this router? {}",
                             printable(message.topic)));
    return Taken::now;
  }
  if (!config_.ns.to_address(message.topic, address_)) {
    ++counters_.invalid_address;
    note("address", fmt::format("no address can hold the topic {}", printable(message.topic)));
    return Taken::now;
  }
  const std::optional<ValueView> value = value_of(message);
  if (!value) return Taken::now;
  ++counters_.written;
  return write(message, param, *value);
}

// A message that is worth nothing after a while is a value that is gone after a while.
Taken MqttBridge::write(const wire::PublishPacket& message, bool param, const ValueView& value) {
  Set set{.address = address_, .value = value, .revision = {}, .ttl = {}};
  const std::optional<std::uint32_t> expiry = message.properties.message_expiry == 0U ? std::nullopt : message.properties.message_expiry;
  if (expiry) set.ttl = Ttl{.mode = Ttl::Mode::absolute, .seconds = std::min(*expiry, ::clasp::wire::ttl_seconds_max)};
  const Publish event{.address = address_, .signal = SignalType::event, .value = value};
  const bool later = config_.end_to_end_ack && message.qos != wire::Qos::at_most_once;
  if (!later && !(param && expiry)) {
    param ? router_.set(address_, value, PeerTag::none) : router_.publish(event, PeerTag::none);
    return Taken::now;
  }
  LinkTicket ticket = LinkTicket::none;
  if (later) {
    ticket = LinkTicket{++last_ticket_};
    unanswered_.emplace(last_ticket_, Unanswered{.connection = client_.connection_number(), .id = message.id, .qos = message.qos});
  }
  router_.write(param ? Message{set} : Message{event}, PeerTag::none, ticket);
  return later ? Taken::later : Taken::now;
}

void MqttBridge::answered(LinkTicket ticket, const LinkAnswer& answer) {
  const auto found = unanswered_.find(static_cast<std::uint64_t>(ticket));
  if (found == unanswered_.end()) return;
  const Unanswered message = found->second;
  unanswered_.erase(found);
  const bool unknown = answer.error != nullptr && static_cast<unsigned>(answer.error->code) >= 900;  // never heard by the router, or not answered
  if (unknown) {
    answers_lost_ = true;
    return;
  }
  if (answer.error != nullptr) refused(*answer.error);
  const wire::Reason reason = answer.error == nullptr ? wire::Reason::success : wire::Reason::implementation_specific;
  client_.acknowledge(message.connection, message.id, message.qos, reason, outside_.clock());
}

bool MqttBridge::is_ours(const wire::PublishPacket& message, SteadyTime now) {
  if (client_.tells_own_apart() || (message.retain && client_.version() == wire::Version::v311)) return false;  // what it has retained is no echo
  return own_.came(message.topic, as_text(message.payload), now) == Returned::own;
}

// Other bridges sign what they publish, where MQTT has a place for it. Devices that repeat themselves are then none of the guard's business.
bool MqttBridge::may_loop(const wire::PublishPacket& message) const {
  return client_.version() == wire::Version::v311 || wire::find_user_property(message.properties, origin_property).has_value();
}

bool MqttBridge::becomes_param(const wire::PublishPacket& message) const {
  return config_.kind == MessageKind::param || (config_.kind == MessageKind::retained_aware && message.retain);
}

// Nothing: there is none, which is counted and told.
std::optional<ValueView> MqttBridge::value_of(const wire::PublishPacket& message) {
  if (message.payload.empty() && message.retain) {  // the topic's value is deleted
    value_.clear();
    return ValueView{ValueTag::null, {}};
  }
  std::optional<ValueView> value;
  const bool said_to_be_bytes = message.properties.content_type && *message.properties.content_type == "application/octet-stream";
  if (config_.payload == PayloadForm::bytes || said_to_be_bytes) {
    value = wire::find_raw_value(message.payload, wire::Reading::bytes, value_);
  } else if (config_.payload == PayloadForm::text) {
    value = wire::find_raw_value(message.payload, wire::Reading::text, value_);
  } else if (config_.payload == PayloadForm::json && !parse_json(as_text(message.payload))) {
    ++counters_.not_json;
    note("json", fmt::format("not JSON, and dropped: a message for {}", printable(message.topic)));
    return std::nullopt;
  } else {
    value = wire::find_value(message.payload, value_);
  }
  if (!value) {
    ++counters_.value_too_large;
    note("size", fmt::format("{} bytes are more than a CLASP message holds, and dropped: a message for {}", message.payload.size(),
                             printable(message.topic)));
  }
  return value;
}

// ---- from the router ----

void MqttBridge::delivered(const LinkDelivery& delivery) {
  if (delivery.own && !config_.echo) return;
  ++counters_.delivered;
  OutMessage message;
  if (!topic_of(delivery.address, message.topic)) return;
  render(delivery, message);
  const bool thinned = delivery.signal == SignalType::stream || (delivery.signal == SignalType::gesture && delivery.phase == GesturePhase::move);
  message.is_param = delivery.is_set || thinned;
  message.qos = qos_of(delivery);
  message.retain = config_.retain == Retain::always || (config_.retain == Retain::params && delivery.is_set);
  const bool deleted = delivery.is_set && delivery.value && delivery.value->tag == ValueTag::null;
  if (message.retain && deleted) message.payload.clear();  // as a broker deletes what it has retained
  const SteadyTime now = outside_.clock();
  if (rate_ && message.is_param) {
    const Offered offered = rate_->offer(message.topic, now, [&](OutMessage& waiting) { waiting = std::move(message); });
    outside_.deadline_changed();
    if (offered == Offered::replaced) ++counters_.thinned;
    if (offered != Offered::send_now) return;
  }
  client_.publish(std::move(message), now);
}

void MqttBridge::advance(SteadyTime now) {
  if (rate_) rate_->advance(now, [&](OutMessage&& due) { client_.publish(std::move(due), now); });
  client_.advance(now);
}

std::optional<SteadyTime> MqttBridge::next_deadline() const {
  const auto client = client_.next_deadline();
  const auto rate = rate_ ? rate_->next_deadline() : std::nullopt;
  return client && rate ? std::min(client, rate) : client ? client : rate;
}

bool MqttBridge::topic_of(std::string_view address, std::string& topic) {
  if (!config_.ns.to_name(address, name_)) {
    ++counters_.outside_namespace;
    return false;
  }
  topic = config_.publish_topic;
  if (const std::size_t at = topic.find(address_placeholder); at != std::string::npos) topic.replace(at, address_placeholder.size(), name_);
  const bool usable =
      wire::is_topic_name(topic) && topic.size() <= topic_bytes_max && !topic.starts_with('$') && topic.find('\0') == std::string::npos;
  if (!usable) {
    ++counters_.not_a_topic;
    note("topic", fmt::format("no topic a client may publish to: {}", printable(topic)));
  }
  return usable;
}

void MqttBridge::render(const LinkDelivery& delivery, OutMessage& message) {
  payload_.clear();
  if (delivery.samples && !delivery.value) {
    wire::append_samples(payload_, *delivery.samples);
    message.content = ContentType::json;
  } else if (delivery.value && config_.payload == PayloadForm::json) {
    payload_.append(as_bytes(to_json(to_value(*delivery.value))));
    message.content = ContentType::json;
  } else if (delivery.value) {
    wire::append_payload(payload_, *delivery.value);
    message.content = content_of(*delivery.value);
    if (config_.preserve_float && delivery.value->tag == ValueTag::f64 && is_whole_number(payload_)) payload_.append(as_bytes(".0"));
  }
  message.payload = as_text(payload_.view());
}

wire::Qos MqttBridge::qos_of(const LinkDelivery& delivery) const {
  if (!config_.qos_by_kind) return config_.publish_qos;
  wire::Qos own = wire::Qos::at_least_once;
  if (delivery.signal == SignalType::stream || (delivery.signal == SignalType::gesture && delivery.phase == GesturePhase::move))
    own = wire::Qos::at_most_once;
  if (delivery.signal == SignalType::timeline) own = wire::Qos::exactly_once;
  return std::min(own, config_.publish_qos);
}

// A broker without No Local returns it once for each of our filters that it matches.
void MqttBridge::client_sent(const OutMessage& message) {
  if (client_.tells_own_apart()) return;
  const auto matches = [&](const std::string& filter) {
    const auto shared = wire::parse_shared(filter);
    return wire::filter_matches(shared ? shared->filter : std::string_view(filter), message.topic);
  };
  const auto copies = static_cast<std::size_t>(std::ranges::count_if(config_.filters, matches));
  own_.published(message.topic, message.payload, copies, outside_.clock());
}

// ---- the link ----

void MqttBridge::link_up() {
  router_up_ = true;
  if (std::exchange(answers_lost_, false)) client_.ask_again("is left for a moment: it is to send again what the router did not answer");
  client_.set_paused(false);
  outside_.router_changed(true);
}

void MqttBridge::link_down(std::string_view) {
  router_up_ = false;
  client_.set_paused(true);
  outside_.router_changed(false);
}

void MqttBridge::refused(const Error& error) {
  ++counters_.refused;
  note("refused", fmt::format("the router refused {}: {}", error.address.empty() ? "a message" : printable(error.address), error.message));
}

void MqttBridge::note(std::string_view kind, std::string text) {
  log_.line(kind, config_.name + ": " + std::move(text), outside_.clock(), outside_.log);
}

std::vector<std::pair<const char*, std::uint64_t>> MqttBridge::all_counters() const {
  const MqttClientCounters& client = client_.counters();
  const WaitingCounters& waiting = client_.waiting().counters();
  return {
      {"connects", client.connects},
      {"received", counters_.received},
      {"duplicates", client.duplicates},
      {"written", counters_.written},
      {"own_returned", counters_.own_returned},
      {"stale_retained", counters_.stale_retained},
      {"repeats_dropped", counters_.repeats_dropped},
      {"not_json", counters_.not_json},
      {"value_too_large", counters_.value_too_large},
      {"invalid_address", counters_.invalid_address},
      {"refused_by_router", counters_.refused},
      {"delivered", counters_.delivered},
      {"outside_namespace", counters_.outside_namespace},
      {"not_a_topic", counters_.not_a_topic},
      {"thinned", counters_.thinned},
      {"sent", client.sent},
      {"sent_again", client.sent_again},
      {"refused_by_broker", client.refused},
      {"filters_refused", client.filters_refused},
      {"too_large_for_broker", client.too_large},
      {"waiting", client_.waiting().size()},
      {"in_flight", client_.in_flight()},
      {"replaced_by_newer", waiting.replaced},
      {"events_dropped", waiting.events_dropped},
      {"params_dropped", waiting.params_dropped},
  };
}

}  // namespace clasp::bridge::mqtt
