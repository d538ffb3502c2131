#include "bridge/mqtt/mqtt_client.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/address.hpp"
#include "mqtt/topics.hpp"

namespace clasp::bridge::mqtt {
namespace {

using std::chrono::seconds;

constexpr Micros connack_max = seconds{10};
constexpr std::size_t filters_per_packet_max = 50;
constexpr Micros ping_answer_min = seconds{5};

bool is_shut_out(wire::Reason reason) {
  using enum wire::Reason;
  return reason == bad_user_name_or_password || reason == not_authorized || reason == client_identifier_not_valid ||
         reason == bad_authentication_method || static_cast<std::uint8_t>(reason) == 0x8a;  // banned
}

// "$share/group/filter": No Local is forbidden there (MQTT 5, 3.8.3.1).
bool is_shared(std::string_view filter) { return wire::parse_shared(filter).has_value(); }

std::string_view content_type_of(ContentType content) {
  switch (content) {
    case ContentType::bytes: return "application/octet-stream";
    case ContentType::json: return "application/json";
    case ContentType::text: break;
  }
  return "text/plain";
}

}  // namespace

MqttClient::MqttClient(const MqttConfig& config, std::string client_id, MqttClientEvents& events)
    : config_(config),
      events_(events),
      client_id_(config.client_id.empty() ? std::move(client_id) : config.client_id),
      version_(config.version == VersionChoice::v311 ? wire::Version::v311 : wire::Version::v5),
      waiting_(config_.limits) {}

bool MqttClient::tells_own_apart() const {
  return version_ == wire::Version::v5 && config_.no_local && std::ranges::none_of(config_.filters, is_shared);
}

// ---- the connection ----

void MqttClient::connection_up(PacketWire& wire, SteadyTime now) {
  wire_ = &wire;
  ++connection_number_;
  ready_ = heard_ = false;
  opened_at_ = sent_at_ = now;
  pinged_at_.reset();
  keep_alive_ = config_.keep_alive;
  subscribing_.clear();
  wire::OutgoingConnect connect{.version = version_,
                                .clean_start = config_.clean_start,
                                .keep_alive = static_cast<std::uint16_t>(config_.keep_alive.count()),
                                .client_id = client_id_,
                                .will = {},
                                .user_name = {},
                                .password = {},
                                .session_expiry = config_.session_expiry_s,
                                .receive_maximum = config_.limits.receive_maximum,
                                .maximum_packet_size = static_cast<std::uint32_t>(config_.limits.packet_bytes_max)};
  if (config_.will) {
    const WillConfig& will = *config_.will;
    connect.will =
        wire::OutgoingWill{.topic = will.topic, .payload = as_bytes(will.payload), .qos = will.qos, .retain = will.retain, .delay = will.delay_s};
  }
  if (!config_.user_name.empty()) connect.user_name = config_.user_name;
  if (config_.password && (!config_.user_name.empty() || version_ == wire::Version::v5)) connect.password = as_bytes(*config_.password);
  wire::append_connect(out_, connect);
  transmit(now);
}

void MqttClient::connection_down() {
  if (wire_ != nullptr && !heard_) doubt_version();
  wire_ = nullptr;
  ready_ = false;
  out_.clear();
}

// A broker that has no word for a CONNECT of MQTT 5 may never have heard of it.
void MqttClient::doubt_version() {
  if (config_.version != VersionChoice::automatic || version_accepted_) return;
  version_ = version_ == wire::Version::v5 ? wire::Version::v311 : wire::Version::v5;
}

void MqttClient::packet(Bytes packet, SteadyTime now) {
  if (wire_ == nullptr) return;
  heard_ = true;
  pinged_at_.reset();
  const auto decoded = wire::decode_server_packet(packet, version_);
  if (!decoded) return fail(decoded.error().reason, decoded.error().text);
  if (!ready_ && !std::holds_alternative<wire::ConnackPacket>(*decoded)) return fail(wire::Reason::protocol_error, "a packet before CONNACK");
  std::visit([&](const auto& told) { on(told, now); }, *decoded);
  transmit(now);
}

void MqttClient::on(const wire::ConnackPacket& connack, SteadyTime now) {
  if (ready_) return fail(wire::Reason::protocol_error, "a second CONNACK");
  if (connack.reason != wire::Reason::success) {
    const std::string text = "refused the connection: " + wire::describe_connack(connack, version_);
    if (connack.reason == wire::Reason::unsupported_protocol_version && config_.version == VersionChoice::automatic &&
        version_ == wire::Version::v5) {
      version_ = wire::Version::v311;
      return end({.retry = Ending::Retry::soon, .text = text});
    }
    return end({.retry = is_shut_out(connack.reason) ? Ending::Retry::slow : Ending::Retry::soon, .text = text});
  }
  ++counters_.connects;
  ready_ = version_accepted_ = true;
  const wire::Properties& told = connack.properties;
  if (told.assigned_client_id && !told.assigned_client_id->empty()) client_id_ = *told.assigned_client_id;
  if (told.server_keep_alive) keep_alive_ = seconds{*told.server_keep_alive};
  allowed_ = {.in_flight_max = std::min(config_.limits.in_flight_max, told.receive_maximum.value_or(65'535)),
              .packet_bytes_max = told.maximum_packet_size.value_or(0),
              .qos_max = wire::Qos{std::min<std::uint8_t>(told.maximum_qos, 2)},
              .retain = told.retain_available};
  take_over_session(connack.session_present);
  send_waiting(now);
  if (!connack.session_present || !subscribed_) subscribe();
  events_.client_ready(connack.session_present);
}

// With a session the broker knows what was in flight: it goes on where it was. Without one everything not acknowledged is sent anew, before what
// waits.
void MqttClient::take_over_session(bool present) {
  if (present) {
    for (InFlight& message : in_flight_) send(message, true);
    return;
  }
  receiving_.clear();
  while (!in_flight_.empty()) {
    if (!in_flight_.back().received) waiting_.push_front(std::move(in_flight_.back().message));
    in_flight_.pop_back();
  }
}

void MqttClient::subscribe() {
  const std::span<const std::string> all = config_.filters;
  for (std::size_t first = 0; first < all.size();) {
    const bool shared = is_shared(all[first]);
    std::size_t count = 1;
    while (count < filters_per_packet_max && first + count < all.size() && is_shared(all[first + count]) == shared) ++count;
    const wire::PacketId id = next_id();
    wire::append_subscribe(
        out_, version_, id, all.subspan(first, count),
        {.qos = config_.subscribe_qos, .no_local = config_.no_local && !shared, .retain_as_published = true, .retain_handling = 0});
    subscribing_.push_back({id, {first, count}});
    first += count;
  }
  subscribed_ = true;
}

void MqttClient::on(const wire::FilterAnswers& answers, SteadyTime) {
  const auto asked = std::ranges::find(subscribing_, answers.id, [](const auto& entry) { return entry.first; });
  if (asked == subscribing_.end() || answers.type != wire::PacketType::suback) return;
  const auto [first, count] = asked->second;
  for (std::size_t i = 0; i < std::min(count, answers.reasons.size()); ++i) {
    const auto reason = wire::Reason{std::to_integer<std::uint8_t>(answers.reasons[i])};
    if (!wire::is_failure(reason)) continue;
    ++counters_.filters_refused;
    events_.client_note(
        fmt::format("the broker refuses to subscribe to {}: {}", printable(config_.filters[first + i]), wire::describe_reason(reason)));
  }
  subscribing_.erase(asked);
}

void MqttClient::on(const wire::ServerDisconnect& disconnect, SteadyTime) {
  const bool taken = disconnect.reason == wire::Reason::session_taken_over;
  std::string text = taken ? fmt::format("another client took over the id \"{}\"", printable(client_id_))
                           : "ended the connection: " + wire::describe_reason(disconnect.reason);
  if (disconnect.text && !taken) text += ": " + printable(*disconnect.text);
  end({.retry = taken || is_shut_out(disconnect.reason) ? Ending::Retry::slow : Ending::Retry::soon, .text = std::move(text)});
}

// ---- from the broker ----

void MqttClient::on(const wire::PublishPacket& message, SteadyTime) {
  if (message.topic.empty() || !wire::is_topic_name(message.topic))
    return fail(wire::Reason::topic_name_invalid, "a message without a topic that is one");
  if (message.qos == wire::Qos::exactly_once && receiving_.contains(message.id)) {
    ++counters_.duplicates;
    return answer(wire::PacketType::pubrec, message.id);
  }
  if (version_ == wire::Version::v5 && receiving_.size() >= config_.limits.receive_maximum) {
    return fail(wire::Reason::receive_maximum_exceeded, "more QoS 2 messages at a time than we allow");
  }
  ++counters_.received;
  const Taken taken = events_.client_message(message);
  if (taken == Taken::now) answer_message(message.id, message.qos, wire::Reason::success);
}

void MqttClient::acknowledge(std::uint64_t connection, wire::PacketId id, wire::Qos qos, wire::Reason reason, SteadyTime now) {
  if (connection != connection_number_ || wire_ == nullptr) return;
  answer_message(id, qos, reason);
  transmit(now);
}

void MqttClient::answer_message(wire::PacketId id, wire::Qos qos, wire::Reason reason) {
  if (qos == wire::Qos::at_least_once) answer(wire::PacketType::puback, id, reason);
  if (qos != wire::Qos::exactly_once) return;
  answer(wire::PacketType::pubrec, id, reason);
  const bool done = wire::is_failure(reason) && version_ == wire::Version::v5;  // then no PUBREL follows
  if (!done) receiving_.insert(id);
}

void MqttClient::answer(wire::PacketType type, wire::PacketId id, wire::Reason reason) {
  if (wire_ != nullptr) wire::append_acknowledgement(out_, version_, {.type = type, .id = id, .reason = reason});
}

// ---- to the broker ----

void MqttClient::publish(OutMessage message, SteadyTime now) {
  waiting_.push(std::move(message));
  if (!ready_) return;
  send_waiting(now);
  transmit(now);
}

void MqttClient::send_waiting(SteadyTime now) {
  while (ready_ && wire_ != nullptr && !waiting_.empty()) {
    const bool acknowledged = waiting_.front().qos != wire::Qos::at_most_once && allowed_.qos_max != wire::Qos::at_most_once;
    if (acknowledged && in_flight_.size() >= allowed_.in_flight_max) break;
    if (!wire_->has_room()) break;
    InFlight message{.id = {}, .message = waiting_.pop()};
    message.message.qos = std::min(message.message.qos, allowed_.qos_max);
    if (acknowledged) message.id = next_id();
    if (!send(message, false)) {
      ++counters_.too_large;
      events_.client_note(fmt::format("a message for {} is larger than the broker takes and is dropped", printable(message.message.topic)));
      continue;
    }
    if (acknowledged) in_flight_.push_back(std::move(message));
    transmit(now);
  }
}

bool MqttClient::send(InFlight& in_flight, bool again) {
  const OutMessage& message = in_flight.message;
  if (again && in_flight.received) {
    answer(wire::PacketType::pubrel, in_flight.id);
    return true;
  }
  properties_.clear();
  if (version_ == wire::Version::v5) {
    if (message.content != ContentType::bytes) wire::append_byte_property(properties_, wire::PropertyId::payload_format, 1);
    wire::append_text_property(properties_, wire::PropertyId::content_type, content_type_of(message.content));
    wire::append_user_property(properties_, "clasp-origin", client_id_);
  }
  const wire::OutgoingPublish publish{.topic = message.topic,
                                      .payload = as_bytes(message.payload),
                                      .id = in_flight.id,
                                      .qos = message.qos,
                                      .retain = message.retain && allowed_.retain,
                                      .duplicate = again,
                                      .forwarded = properties_.view(),
                                      .message_expiry = {},
                                      .topic_alias = 0,
                                      .subscription_identifiers = {}};
  if (allowed_.packet_bytes_max != 0 && wire::publish_bytes(version_, publish) > allowed_.packet_bytes_max) return false;
  wire::append_publish(out_, version_, publish);
  ++(again ? counters_.sent_again : counters_.sent);
  events_.client_sent(message);
  return true;
}

void MqttClient::on(const wire::Acknowledgement& told, SteadyTime now) {
  if (told.type == wire::PacketType::pubrel) {
    receiving_.erase(told.id);
    return answer(wire::PacketType::pubcomp, told.id);
  }
  InFlight* message = find(told.id);
  if (message == nullptr) {  // of an earlier life
    if (told.type == wire::PacketType::pubrec) answer(wire::PacketType::pubrel, told.id);
    return;
  }
  if (wire::is_failure(told.reason)) {
    ++counters_.refused;
    events_.client_note(
        fmt::format("the broker refused a message for {}: {}", printable(message->message.topic), wire::describe_reason(told.reason)));
    return release(told.id, now);
  }
  if (told.type == wire::PacketType::pubrec) {
    message->received = true;
    return answer(wire::PacketType::pubrel, told.id);
  }
  release(told.id, now);
}

void MqttClient::release(wire::PacketId id, SteadyTime now) {
  std::erase_if(in_flight_, [&](const InFlight& message) { return message.id == id; });
  send_waiting(now);
}

bool MqttClient::has_newer(std::string_view topic) const {
  const auto same = [&](const InFlight& message) { return message.message.is_param && message.message.topic == topic; };
  return waiting_.has_param(topic) || std::ranges::any_of(in_flight_, same);
}

MqttClient::InFlight* MqttClient::find(wire::PacketId id) {
  const auto found = std::ranges::find(in_flight_, id, &InFlight::id);
  return found == in_flight_.end() ? nullptr : &*found;
}

wire::PacketId MqttClient::next_id() {
  do {
    if (++last_id_ == 0) last_id_ = 1;
  } while (find(wire::PacketId{last_id_}) != nullptr);
  return wire::PacketId{last_id_};
}

// ---- time ----

// What counts is what we send, not what we receive: a bridge that only listens has to ping all the same.
std::optional<SteadyTime> MqttClient::ping_at() const {
  if (wire_ == nullptr || !ready_ || keep_alive_ == seconds{0}) return std::nullopt;
  return sent_at_ + Micros{keep_alive_} * 3 / 4;
}

std::optional<SteadyTime> MqttClient::lost_at() const {
  if (wire_ == nullptr || paused_) return std::nullopt;
  if (!ready_) return opened_at_ + connack_max;
  if (!pinged_at_) return std::nullopt;
  return *pinged_at_ + std::max<Micros>(keep_alive_, ping_answer_min);
}

std::optional<SteadyTime> MqttClient::next_deadline() const {
  const auto ping = ping_at();
  const auto lost = lost_at();
  return ping && lost ? std::min(ping, lost) : ping ? ping : lost;
}

void MqttClient::advance(SteadyTime now) {
  if (const auto lost = lost_at(); lost && now >= *lost) {
    if (!ready_) doubt_version();
    const std::string_view what = ready_ ? "does not answer pings and sends nothing else" : "did not answer CONNECT within 10 s";
    return end({.retry = Ending::Retry::soon, .text = std::string(what)});
  }
  const auto ping = ping_at();
  if (!ping || now < *ping) return;
  if (!pinged_at_) pinged_at_ = now;
  wire::append_pingreq(out_);
  transmit(now);
}

void MqttClient::set_paused(bool paused) {
  paused_ = paused;
  pinged_at_.reset();
}

// ---- the end ----

void MqttClient::transmit(SteadyTime now) {
  if (wire_ == nullptr || out_.empty()) return;
  sent_at_ = now;
  wire_->send(out_.view());
  out_.clear();
}

void MqttClient::fail(wire::Reason reason, std::string_view text) {
  if (wire_ == nullptr) return;
  if (ready_) wire::append_goodbye(out_, version_, reason);
  end({.retry = Ending::Retry::soon, .text = fmt::format("broke the protocol: {}", text)});
}

void MqttClient::end(Ending ending) {
  if (wire_ == nullptr) return;
  if (!out_.empty()) wire_->send(out_.view());
  out_.clear();
  std::exchange(wire_, nullptr)->end(std::move(ending));
  ready_ = false;
}

void MqttClient::say_goodbye() {
  if (wire_ == nullptr || !ready_) return;
  wire::append_goodbye(out_, version_, wire::Reason::success);
  wire_->send(out_.view());
  out_.clear();
}

}  // namespace clasp::bridge::mqtt
