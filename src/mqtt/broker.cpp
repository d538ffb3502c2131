// Who is connected: CONNECT, take-over, the end of connections and sessions, timers. What they publish is in publishing.cpp.
#include "mqtt/broker.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/address.hpp"
#include "mqtt/connection.hpp"

namespace clasp::mqtt {

namespace {

constexpr std::uint32_t never_expires = 0xffff'ffff;
constexpr Micros looked_at_every{600'000'000};

std::chrono::seconds asked_expiry(const Connect& connect, std::chrono::seconds most) {
  if (connect.version == Version::v311) return connect.clean_start ? std::chrono::seconds{0} : most;
  const std::uint32_t asked = connect.properties.session_expiry.value_or(0);
  return asked == never_expires ? most : std::min(std::chrono::seconds{asked}, most);
}

StoredWill stored(const Will& will) {
  StoredWill kept;
  kept.topic = will.topic;
  kept.payload.append(will.payload);
  append_forwarded(kept.properties, will.properties);
  kept.message_expiry = will.properties.message_expiry;
  kept.qos = will.qos;
  kept.retain = will.retain;
  kept.delay = std::chrono::seconds{will.properties.will_delay.value_or(0)};
  return kept;
}

Connack refused(Reason reason, std::string_view why) { return {.reason = reason, .reason_string = why}; }

}  // namespace

Broker::Broker(router::Router& router, router::Random& random, BrokerOptions options)
    : router_(router), random_(random), options_(std::move(options)), topics_(options_.names), notes_(options_.limits.retained_notes_bytes_max) {}

Broker::~Broker() {
  for (const auto& [id, session] : by_id_) {
    if (session->connection != nullptr) session->connection->forget_session();
    if (session->router_id != router::nobody) router_.close_session(session->router_id, now_);
  }
}

// ---- CONNECT ----

Connack Broker::connect(Connection& connection, const Connect& connect, Session*& accepted) {
  const bool is_v5 = connect.version == Version::v5;
  if (connect.properties.has_authentication_method) return refused(Reason::bad_authentication_method, "no authentication method is supported");
  if (connect.client_id.empty() && !is_v5 && !connect.clean_start) return refused(Reason::client_identifier_not_valid, {});
  if (connect.will && (!is_topic_name(connect.will->topic) || !find_address(connect.will->topic)))
    return refused(Reason::topic_name_invalid, "the will has no valid topic");

  std::string client_id(connect.client_id.empty() ? new_client_id() : std::string(connect.client_id));
  router::Grants grants = router::open_grants();
  if (options_.gate != nullptr) {
    const std::string name = "mqtt:" + client_id;
    const router::Authentication answer = options_.gate->authenticate(
        router::Ticket{}, Hello{.name = name, .token = connect.password ? as_text(*connect.password) : std::string_view{}});
    if (const auto* denied = std::get_if<router::Denied>(&answer))
      return refused(denied->code == ErrorCode::token_expired ? Reason::not_authorized : Reason::bad_user_name_or_password, {});
    if (std::holds_alternative<router::Pending>(answer)) return refused(Reason::server_unavailable, {});
    grants = std::get<router::Granted>(answer).grants;
  }

  auto known = by_id_.find(client_id);
  if (known != by_id_.end() && known->second->is_attached()) {
    take_over(*known->second);
    known = by_id_.find(client_id);
  }
  if (known != by_id_.end() && connect.clean_start) {
    end_session(*known->second);
    known = by_id_.end();
  }
  const bool present = known != by_id_.end();
  if (const std::size_t most = router_.config().sessions_max; !present && most != 0 && router_.gauges().sessions >= most)
    return refused(Reason::quota_exceeded, "the router holds its maximum of sessions");

  Session& session = present ? *known->second : open_session(client_id, grants);
  if (present && grants != router::open_grants()) router_.set_grants(session.router_id, grants, now_);
  session.expiry = asked_expiry(connect, options_.limits.session_expiry_max);
  session.expiry_due.reset();
  session.will_due.reset();
  session.will.reset();
  if (connect.will) session.will = stored(*connect.will);

  Connack connack{.session_present = present,
                  .session_expiry = {},
                  .server_keep_alive = {},
                  .receive_maximum = options_.limits.receive_maximum,
                  .topic_alias_maximum = options_.limits.topic_aliases_max,
                  .maximum_packet_size = static_cast<std::uint32_t>(options_.limits.packet_bytes_max)};
  if (is_v5 && connect.properties.session_expiry && session.expiry.count() != *connect.properties.session_expiry)
    connack.session_expiry = static_cast<std::uint32_t>(session.expiry.count());
  const auto longest = static_cast<std::uint16_t>(std::min<std::int64_t>(options_.limits.keep_alive_max.count(), 65'535));
  if (is_v5 && longest != 0 && connect.keep_alive > longest) connack.server_keep_alive = longest;
  if (connect.client_id.empty()) connack.assigned_client_id = session.client_id();
  ++stats_.connects;
  ++attached_;
  session.connection = &connection;
  accepted = &session;
  return connack;
}

std::string Broker::new_client_id() { return fmt::format("clasp-{:016x}{:016x}", random_.next(), random_.next()); }

Session& Broker::open_session(const std::string& client_id, const router::Grants& grants) {
  Session& session = *(by_id_[client_id] = std::make_unique<Session>(*this, client_id, ++serial_));
  by_serial_.emplace(session.serial, &session);
  session.router_id = router_.open_session(
      {.name = "mqtt:" + client_id, .grants = grants, .echo_publishes = router::Echo::yes, .conflate = false, .sink_queues = true, .writer = {}, .visitor = true},
      session, now_);
  return session;
}

void Broker::take_over(Session& session) {
  ++stats_.taken_over;
  session.connection->end(Reason::session_taken_over, "another connection uses this client identifier");
  if (session.connection != nullptr) part(session, Parting::lost);
}

// ---- the end of a connection ----

void Broker::part(Session& session, Parting parting) {
  session.connection->forget_session();
  session.connection = nullptr;
  session.outbound().detach();
  session.settle();
  session.detached_at = now_.steady;
  --attached_;
  if (parting == Parting::polite) session.will.reset();
  if (session.expiry.count() == 0 || session.router_id == router::nobody) return end_session(session);
  if (session.will) {
    const auto delay = std::min(session.will->delay, session.expiry);
    if (delay.count() == 0)
      publish_will(session);
    else
      session.will_due = now_.steady + Micros(delay);
  }
  session.expiry_due = now_.steady + Micros(session.expiry);
  arm(session);
  if (by_id_.size() - attached_ > options_.limits.detached_sessions_max) evict_detached();
}

void Broker::publish_will(Session& session) {
  if (!session.will || session.router_id == router::nobody) return;
  const StoredWill will = std::move(*session.will);
  session.will.reset();
  session.will_due.reset();
  ++stats_.wills;
  Current message{.topic = will.topic,
                  .address = {},
                  .payload = will.payload.view(),
                  .forwarded = will.properties.view(),
                  .expiry = will.message_expiry,
                  .expires = {},
                  .qos = will.qos,
                  .retain = will.retain,
                  .value = {}};
  publish_message(session, message, 0);
}

void Broker::end_session(Session& session, Heirs heirs) {
  if (session.connection != nullptr) {
    session.connection->forget_session();
    session.connection = nullptr;
    --attached_;
  }
  session.outbound().detach();
  publish_will(session);
  if (session.router_id != router::nobody) router_.close_session(std::exchange(session.router_id, router::nobody), now_);
  session.settle();
  std::erase_if(doomed_, [&session](const auto& doomed) { return doomed.first == session.serial; });
  by_serial_.erase(session.serial);
  const std::vector<Outbound::Orphan> orphans = heirs == Heirs::groups ? session.outbound().take_orphans() : std::vector<Outbound::Orphan>{};
  by_id_.erase(std::string(session.client_id()));  // and leaves its groups
  for (const Outbound::Orphan& orphan : orphans) hand_on(orphan);
}

void Broker::evict_detached() {
  Session* oldest = nullptr;
  for (const auto& [id, session] : by_id_) {
    if (!session->is_attached() && (oldest == nullptr || session->detached_at < oldest->detached_at)) oldest = session.get();
  }
  if (oldest == nullptr) return;
  ++stats_.sessions_evicted;
  tell("mqtt evicted", fmt::format("mqtt: the session of {} was ended: {} sessions without a connection are the maximum",
                                   printable(oldest->client_id(), 40), options_.limits.detached_sessions_max));
  end_session(*oldest);
}

void Broker::doom(Session& session, Reason reason) {
  const bool known = std::ranges::any_of(doomed_, [&session](const auto& doomed) { return doomed.first == session.serial; });
  if (!known) doomed_.emplace_back(session.serial, reason);
}

void Broker::work_off_doomed() {
  while (!doomed_.empty()) {
    const auto [serial, reason] = doomed_.back();
    doomed_.pop_back();
    const auto at = by_serial_.find(serial);
    if (at == by_serial_.end()) continue;
    Session& session = *at->second;
    if (reason == Reason::quota_exceeded) {
      ++stats_.sessions_overflowed;
      tell("mqtt overflow", fmt::format("mqtt: the session of {} was ended: {} messages ({} bytes) wait for it, and none may be dropped",
                                        printable(session.client_id(), 40), session.outbound().waiting(), session.outbound().waiting_bytes()));
    }
    if (session.connection != nullptr) session.connection->end(reason, {});
    end_session(session, reason == Reason::quota_exceeded ? Heirs::none : Heirs::groups);
  }
}

// ---- time ----

void Broker::arm(Session& session) {
  std::optional<SteadyTime> next;
  const auto consider = [&next](std::optional<SteadyTime> due) {
    if (due && (!next || *due < *next)) next = due;
  };
  if (session.connection != nullptr) consider(session.connection->keep_alive_due());
  consider(session.will_due);
  consider(session.expiry_due);
  if (!next || (session.armed && *session.armed <= *next)) return;  // an earlier one looks again
  next = std::min(*next, now_.steady + looked_at_every);            // what was armed and isn't wanted any more goes within that time
  if (session.armed && *session.armed <= *next) return;
  session.armed = next;
  timers_.push({*next, session.serial});
}

void Broker::on_deadline(Session& session) {
  const auto is_due = [this](std::optional<SteadyTime> at) { return at && *at <= now_.steady; };
  if (session.connection != nullptr && is_due(session.connection->keep_alive_due())) {
    ++stats_.keep_alive_timeouts;
    session.connection->end(Reason::keep_alive_timeout, "nothing came for one and a half times the keep-alive");
    return part(session, Parting::lost);
  }
  if (is_due(session.will_due)) publish_will(session);
  if (is_due(session.expiry_due)) {
    ++stats_.sessions_expired;
    return end_session(session);
  }
  arm(session);
}

void Broker::advance(const Now& now) {
  now_ = now;
  if (started_ == SteadyTime{}) started_ = now.steady;
  while (!timers_.empty() && timers_.top().at <= now.steady) {
    const Due due = timers_.top();
    timers_.pop();
    const auto at = by_serial_.find(due.serial);
    if (at == by_serial_.end() || at->second->armed != due.at) continue;
    at->second->armed.reset();
    on_deadline(*at->second);
  }
  if (figures_due_ && *figures_due_ <= now.steady) publish_figures();
  work_off_doomed();
}

bool Broker::end_turn(const Now& now) {
  now_ = now;
  if (!awaiting_disk_.empty()) tell_confirmed();
  work_off_doomed();
  return false;
}

void Broker::await_disk(Session& session) {
  if (!std::exchange(session.awaits_disk, true)) awaiting_disk_.push_back(session.serial);
}

void Broker::tell_confirmed() {
  const auto attached_session = [this](std::uint64_t serial) -> Session* {
    const auto at = by_serial_.find(serial);
    return at == by_serial_.end() || at->second->connection == nullptr ? nullptr : at->second;
  };
  for (const std::uint64_t serial : std::exchange(awaiting_disk_, {})) {
    if (const auto at = by_serial_.find(serial); at != by_serial_.end()) at->second->awaits_disk = false;
    if (Session* session = attached_session(serial)) session->connection->confirm();
    // The connection may have been given up, and the session with it.
    if (Session* session = attached_session(serial); session != nullptr && session->connection->awaits_disk()) await_disk(*session);
  }
}

std::optional<SteadyTime> Broker::next_deadline() const {
  std::optional<SteadyTime> next = figures_due_;
  if (!timers_.empty() && (!next || timers_.top().at < *next)) next = timers_.top().at;
  return next;
}

}  // namespace clasp::mqtt
