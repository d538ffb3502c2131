#include "client/client_session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/check.hpp"

// Life of a session and the calls of its user; what arrives is in client_session_input.cpp.

namespace clasp::client {

namespace {

Error error_of(ErrorCode code, std::string message, std::string_view address = {}) { return Error{code, std::move(message), std::string(address)}; }

}  // namespace

ClientSession::ClientSession(SessionConfig config, SessionListener& listener, std::uint64_t seed)
    : config_(std::move(config)),
      listener_(listener),
      backoff_(config_.backoff),
      random_state_(seed),
      continuity_(config_.output_bytes_max),
      writes_(config_.pending_max),
      subscriptions_(config_.subscriptions_max),
      cache_(config_.cache_entries_max),
      offline_(config_.offline_params_max),
      signals_(config_.signals_max) {}

std::uint64_t ClientSession::random() {  // splitmix64: spreads reconnects, protects nothing
  random_state_ += 0x9e37'79b9'7f4a'7c15;
  std::uint64_t z = random_state_;
  z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9;
  z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11eb;
  return z ^ (z >> 31);
}

// ---- life ----

void ClientSession::begin(Now now) {
  CLASP_CHECK(phase_ == Phase::idle);
  want_link(now);
}

void ClientSession::want_link(Now now) {
  phase_ = Phase::connecting;
  connect_deadline_ = now.steady + config_.connect_timeout;
}

void ClientSession::close(Now) {
  if (phase_ == Phase::closed) return;
  const bool flush = phase_ == Phase::active;
  if (flush && continuity_.offered()) {  // it will not come back
    resume::Mark farewell = continuity_.take_mark();
    farewell.leaving = true;
    resume::append_mark(output_, farewell);
  }
  abandon("the client was closed");
  continuity_.end();
  phase_ = Phase::closed;
  if (!flush) output_.clear();
  session_text_.clear();
  fail_all_calls(error_of(ErrorCode::not_connected, "the client was closed"));
}

void ClientSession::give_up(const Error& error) {
  phase_ = Phase::closed;
  abandon("the connection has been given up");
  fail_all_calls(error_of(ErrorCode::not_connected, "the connection has been given up"));
  listener_.gave_up(error);
}

void ClientSession::attempt_failed(const Error& error, Now now) {
  end_connection(error.message);
  const bool first = !was_active_ && !config_.retry_first;
  const bool credential = static_cast<unsigned>(error.code) / 100 == 3;
  if (credential) refused_for_good_ = true;
  if (first || credential || !config_.reconnect) return give_up(error);
  listener_.reported(error);
  retry_later(now);
}

void ClientSession::retry_later(Now now) {
  if (backoff_.exhausted()) {
    return give_up(error_of(ErrorCode::connection_failed, fmt::format("max reconnect attempts ({}) reached", backoff_.attempts())));
  }
  phase_ = Phase::waiting;
  retry_at_ = now.steady + backoff_.next(random());
}

void ClientSession::end_connection(std::string_view reason) {
  if (suspended_) {  // one more attempt that came to nothing
    output_.clear();
    in_flight_bytes_ = 0;
    return;
  }
  if (phase_ == Phase::active) keep_unsent_params(output_.view());
  output_.clear();
  in_flight_bytes_ = 0;
  session_text_.clear();
  cache_.begin_connection();
  clock_.end();
  fail_all_calls(error_of(ErrorCode::not_connected, fmt::format("the connection was lost: {}", reason)));
}

void ClientSession::link_opened(Now now) {
  if (phase_ != Phase::connecting) return;
  phase_ = Phase::greeting;
  hello_sent_us_ = now.unix_time.us;
  static const EncodedValue none{Value("none")};
  Hello hello{.features = config_.features, .name = config_.name, .token = config_.token, .block = {}, .legacy_features = {}};
  if (!config_.snapshot) {
    hello.features |= feature::extended;
    hello.block.emplace_back("snapshot", none.view());
  }
  const EncodedValue wish(resume::to_value(continuity_.request()));
  if (asks_to_resume()) {
    hello.features |= feature::extended;
    hello.block.emplace_back(resume::key, wish.view());
  }
  if (!append_frame(output_, Message{std::move(hello)})) {
    return give_up(error_of(ErrorCode::invalid_argument, "name and token do not fit a frame of 65535 bytes"));
  }
  ++stats_.frames_out;
}

void ClientSession::link_lost(std::string_view reason, Now now) {
  if (phase_ == Phase::connecting || phase_ == Phase::greeting) {
    const std::string_view when = phase_ == Phase::greeting ? "connection closed before WELCOME: " : "";
    return attempt_failed(error_of(ErrorCode::connection_failed, fmt::format("{}{}", when, reason)), now);
  }
  if (phase_ != Phase::active) return;
  continuity_.offered() ? suspend() : end_connection(reason);
  backoff_.connection_ended(now.steady - active_since_);
  phase_ = Phase::closed;  // unless we try again
  listener_.disconnected(reason);
  if (config_.reconnect) retry_later(now);
}

void ClientSession::become_active(const Welcome& welcome, Now now) {
  if (was_active_) ++stats_.reconnects;
  phase_ = Phase::active;
  was_active_ = true;
  active_since_ = now.steady;
  activity();
  keepalive_at_ = now.steady + config_.keepalive_interval;
  if (config_.backoff.stable_after.count() == 0) backoff_.connection_ended(Micros{0});
  session_text_ = welcome.session;
  server_name_ = welcome.name;
  server_features_ = welcome.features;
  clock_.begin(now.steady);
  if (welcome.time.us != 0) clock_.add(hello_sent_us_, welcome.time.us, welcome.time.us, now.unix_time.us, now.steady);

  std::optional<resume::Offer> offer;
  for (const auto& [key, value] : welcome.block) {
    if (key == resume::key && asks_to_resume()) offer = resume::read_offer(value);
  }
  const bool claimed = suspended_;
  const bool goes_on = claimed && offer && offer->resumed;
  const std::string_view why = goes_on ? std::string_view{} : offer ? std::string_view(offer->why) : "the router offers none";
  if (goes_on) {
    go_on(*offer);
  } else {
    abandon(why);
    continuity_.end();
    if (offer) continuity_.begin(welcome.session, *offer);
    bring_everything_back();
  }
  offline_.drain([this](std::string_view address, std::string_view frame) {
    if (unsent_bytes() >= config_.output_bytes_max) return false;
    output_.append(as_bytes(frame));
    ++stats_.frames_out;
    if (config_.acknowledge) watch_write(address, Ticket::none);
    return true;
  });
  listener_.connected();
  if (claimed) listener_.resumed(goes_on, why);
}

// ---- time ----

void ClientSession::advance(Now now) {
  while (!call_deadlines_.empty() && call_deadlines_.begin()->first <= now.steady) {
    const Ticket ticket{call_deadlines_.begin()->second};
    const Call& call = calls_.at(static_cast<std::uint64_t>(ticket));
    if (call.kind == CallKind::get) {
      if (const auto waiting = gets_.find(call.address); waiting != gets_.end()) {
        std::erase(waiting->second, ticket);
        if (waiting->second.empty()) gets_.erase(waiting);
      }
    } else if (call.kind == CallKind::sync) {
      std::erase(syncs_, ticket);
    }
    fail_call(ticket, error_of(ErrorCode::no_answer, "the router did not answer in time", call.address));
  }
  switch (phase_) {
    case Phase::connecting:
    case Phase::greeting:
      if (now.steady >= connect_deadline_) {
        attempt_failed(error_of(ErrorCode::timeout, fmt::format("{} within {} ms", phase_ == Phase::connecting ? "no connection" : "no WELCOME",
                                                                config_.connect_timeout.count() / 1000)),
                       now);
      }
      break;
    case Phase::waiting:
      if (now.steady >= retry_at_) {
        listener_.reconnecting(backoff_.attempts());
        want_link(now);
      }
      break;
    case Phase::active:
      if (config_.clock_sync && clock_.next() && *clock_.next() <= now.steady) send_sync(now);
      if (now.steady >= keepalive_at_) {
        keepalive_at_ = now.steady + config_.keepalive_interval;
        if (std::exchange(heard_, false)) break;
        if (probes_unanswered_ >= config_.probes_max) return link_lost("the router has gone silent", now);
        ++probes_unanswered_;
        append_always(Message{Ping{}});
        expect_pong(Ticket::none);
      }
      break;
    case Phase::idle:
    case Phase::closed: break;
  }
}

std::optional<SteadyTime> ClientSession::next_deadline() const {
  std::optional<SteadyTime> next;
  const auto consider = [&next](SteadyTime time) { next = next ? std::min(*next, time) : time; };
  if (!call_deadlines_.empty()) consider(call_deadlines_.begin()->first);
  if (phase_ == Phase::connecting || phase_ == Phase::greeting) consider(connect_deadline_);
  if (phase_ == Phase::waiting) consider(retry_at_);
  if (phase_ == Phase::active) {
    consider(keepalive_at_);
    if (config_.clock_sync && clock_.next()) consider(*clock_.next());
  }
  return next;
}

void ClientSession::take_output(ByteBuffer& out) {
  out.clear();
  std::swap(out, output_);
  if (phase_ == Phase::active && continuity_.offered()) continuity_.sent(out.view());
  in_flight_bytes_ += out.size();
}

void ClientSession::send_sync(Now now) {
  append_always(Message{Sync{.t1 = now.unix_time.us, .t2 = {}, .t3 = {}}});
  clock_.request_sent(now.steady, config_.keepalive_interval);
}

Message ClientSession::subscribe_message(const LocalSubscription& subscription) {
  Subscribe subscribe{.id = subscription.id, .pattern = subscription.pattern.text(), .types = subscription.types, .options = {}};
  if (!subscription.options.empty()) subscribe.options = subscription.options;
  return Message{subscribe};
}

// ---- calls ----

Result<void> ClientSession::check_can_send() const {
  if (phase_ == Phase::active) return {};
  return error_of(ErrorCode::not_connected, phase_ == Phase::closed ? "the client is closed" : "not connected");
}

Result<void> ClientSession::check_can_wait() {
  if (auto can_send = check_can_send(); !can_send) return can_send;
  if (calls_.size() < config_.pending_max) return {};
  ++stats_.overloaded_calls;
  return error_of(ErrorCode::overloaded, fmt::format("{} calls are waiting for an answer already", calls_.size()));
}

template <typename Append>
Result<void> ClientSession::append(std::string_view address, Append&& append_to) {
  if (unsent_bytes() >= config_.output_bytes_max) {
    ++stats_.overloaded_calls;
    return error_of(ErrorCode::overloaded, fmt::format("{} bytes are waiting to be sent already", unsent_bytes()), address);
  }
  if (!append_to(output_)) return error_of(ErrorCode::invalid_value, "the message does not fit a frame of 65535 bytes", address);
  ++stats_.frames_out;
  return {};
}

void ClientSession::append_always(const Message& message) {
  if (append_frame(output_, message)) ++stats_.frames_out;
}

void ClientSession::open_call(Ticket ticket, CallKind kind, std::string_view address, SteadyTime deadline, Now now) {
  const auto number = static_cast<std::uint64_t>(ticket);
  const bool added = calls_.emplace(number, Call{kind, std::string(address), deadline, now.steady}).second;
  CLASP_CHECK(added);
  call_deadlines_.emplace(deadline, number);
}

std::optional<ClientSession::Call> ClientSession::take_call(Ticket ticket) {
  const auto found = calls_.find(static_cast<std::uint64_t>(ticket));
  if (found == calls_.end()) return std::nullopt;
  Call call = std::move(found->second);
  calls_.erase(found);
  call_deadlines_.erase({call.deadline, static_cast<std::uint64_t>(ticket)});
  return call;
}

void ClientSession::fail_call(Ticket ticket, const Error& error) {
  if (take_call(ticket)) listener_.failed(ticket, error);
}

void ClientSession::fail_all_calls(const Error& error) {
  writes_.clear();
  gets_.clear();
  drop_doubts();
  queries_.clear();
  pings_.clear();
  syncs_.clear();
  call_deadlines_.clear();
  std::vector<std::uint64_t> tickets;
  tickets.reserve(calls_.size());
  for (const auto& [ticket, call] : calls_) tickets.push_back(ticket);
  calls_.clear();
  std::ranges::sort(tickets);
  for (const std::uint64_t ticket : tickets) listener_.failed(Ticket{ticket}, error);
}

void ClientSession::watch_write(std::string_view address, Ticket ticket) {
  const Ticket pushed_out = writes_.add(address, ticket);
  if (pushed_out != Ticket::none) fail_call(pushed_out, error_of(ErrorCode::no_answer, "the router answers too few writes"));
}

Result<void> ClientSession::keep_for_later(const Set& set) {
  ByteBuffer frame;
  if (!append_frame(frame, set, config_.acknowledge ? Qos::confirm : Qos::fire)) {
    return error_of(ErrorCode::invalid_value, "the message does not fit a frame of 65535 bytes", set.address);
  }
  if (offline_.keep(set.address, std::string(as_text(frame.view())))) return {};
  ++stats_.overloaded_calls;
  return error_of(ErrorCode::overloaded, fmt::format("{} params are waiting for a connection already", offline_.size()), set.address);
}

Result<void> ClientSession::set(const Set& set, Now) {
  if (phase_ != Phase::active) {
    const bool may_come_back = phase_ == Phase::connecting || phase_ == Phase::greeting || phase_ == Phase::waiting;
    if (offline_.enabled() && may_come_back && !set.revision) return keep_for_later(set);
    return check_can_send();
  }
  const Qos qos = config_.acknowledge ? Qos::confirm : Qos::fire;
  auto sent = append(set.address, [&](ByteBuffer& out) { return append_frame(out, set, qos); });
  if (sent && qos != Qos::fire) watch_write(set.address, Ticket::none);
  return sent;
}

Result<void> ClientSession::set_confirmed(const Set& set, Ticket ticket, SteadyTime deadline, Now now) {
  if (auto can_wait = check_can_wait(); !can_wait) return can_wait;
  auto sent = append(set.address, [&](ByteBuffer& out) { return append_frame(out, set, Qos::confirm); });
  if (!sent) return sent;
  open_call(ticket, CallKind::write, set.address, deadline, now);
  watch_write(set.address, ticket);
  return {};
}

Result<void> ClientSession::publish(const Publish& publish, Now) {
  if (auto can_send = check_can_send(); !can_send) {
    ++stats_.publishes_dropped;
    return can_send;
  }
  const Qos qos = default_qos(publish.signal.value_or(SignalType::event));
  return append(publish.address, [&](ByteBuffer& out) { return append_frame(out, publish, qos); });
}

Result<void> ClientSession::bundle(std::span<const Message> messages, std::optional<UnixTime> at, Ticket ticket, SteadyTime deadline, Now now) {
  if (auto can_wait = ticket == Ticket::none ? check_can_send() : check_can_wait(); !can_wait) return can_wait;
  std::vector<std::string_view> addresses;
  bool has_set = false;
  for (const Message& message : messages) {
    if (const Set* set = std::get_if<Set>(&message.body)) {
      addresses.push_back(set->address);
      has_set = true;
    } else if (const Publish* publish = std::get_if<Publish>(&message.body)) {
      addresses.push_back(publish->address);
    }
  }
  const Message bundle{Bundle{.timestamp = at, .messages = {messages.begin(), messages.end()}}};
  auto sent = append({}, [&](ByteBuffer& out) { return append_frame(out, bundle); });
  if (!sent) return sent;
  if (ticket != Ticket::none) open_call(ticket, CallKind::bundle, {}, deadline, now);
  const Ticket pushed_out = writes_.add_bundle(addresses, has_set, at, ticket);
  if (pushed_out != Ticket::none) fail_call(pushed_out, error_of(ErrorCode::no_answer, "the router answers too few writes"));
  return {};
}

Result<void> ClientSession::get(std::string_view address, Micros age_max, bool fresh, Ticket ticket, SteadyTime deadline, Now now) {
  if (const CachedParam* known = fresh ? nullptr : cache_.find(address)) {
    const bool current = !cache_.is_stale(*known) && is_active() && subscriptions_.keeps_current(address, known->shown_to);
    if (current || (age_max.count() > 0 && now.steady - known->heard <= age_max)) {
      listener_.answered(ticket, Answer{.address = address,
                                        .value = known->view(),
                                        .revision = known->revision,
                                        .writer = known->writer,
                                        .timestamp = known->timestamp,
                                        .stale = !is_active() || cache_.is_stale(*known),
                                        .signals = {}});
      return {};
    }
  }
  if (auto can_wait = check_can_wait(); !can_wait) return can_wait;
  const auto waiting = gets_.find(address);
  if (waiting == gets_.end()) {
    // Confirm, because only then the router says that there is no such param.
    auto sent = append(address, [&](ByteBuffer& out) { return append_frame(out, Message{Get{address}}, Qos::confirm); });
    if (!sent) return sent;
    gets_.emplace(std::string(address), std::vector<Ticket>{ticket});
  } else {
    waiting->second.push_back(ticket);
  }
  open_call(ticket, CallKind::get, address, deadline, now);
  return {};
}

Result<void> ClientSession::query(std::string_view pattern, Ticket ticket, SteadyTime deadline, Now now) {
  auto parsed = Pattern::parse(pattern);
  if (!parsed) return error_of(ErrorCode::pattern_error, describe_address_fault(parsed.error(), pattern), pattern);
  if (auto can_wait = check_can_wait(); !can_wait) return can_wait;
  auto sent = append(pattern, [&](ByteBuffer& out) { return append_frame(out, Message{Query{pattern}}); });
  if (!sent) return sent;
  if (queries_.size() >= config_.unanswered_max + calls_.size()) queries_.pop_front();
  queries_.push_back({ticket, std::move(*parsed)});
  open_call(ticket, CallKind::query, pattern, deadline, now);
  return {};
}

void ClientSession::expect_pong(Ticket ticket) {
  if (pings_.size() >= config_.unanswered_max + calls_.size()) pings_.pop_front();
  pings_.push_back(ticket);
}

Result<void> ClientSession::ping(Ticket ticket, SteadyTime deadline, Now now) {
  if (auto can_wait = check_can_wait(); !can_wait) return can_wait;
  auto sent = append({}, [](ByteBuffer& out) { return append_frame(out, Message{Ping{}}); });
  if (!sent) return sent;
  expect_pong(ticket);
  open_call(ticket, CallKind::ping, {}, deadline, now);
  return {};
}

Result<void> ClientSession::sync(Ticket ticket, SteadyTime deadline, Now now) {
  if (auto can_wait = check_can_wait(); !can_wait) return can_wait;
  send_sync(now);
  syncs_.push_back(ticket);
  open_call(ticket, CallKind::sync, {}, deadline, now);
  return {};
}

Result<void> ClientSession::announce(const Announce& announce, Now) {
  if (phase_ == Phase::closed) return check_can_send();
  const auto known = announcements_.find(announce.ns);
  if (known == announcements_.end() && announcements_.size() >= config_.announcements_max) {
    return error_of(ErrorCode::too_many, fmt::format("{} namespaces are announced already", announcements_.size()), announce.ns);
  }
  ByteBuffer frame;
  if (!append_frame(frame, Message{announce}))
    return error_of(ErrorCode::invalid_value, "the signals do not fit a frame of 65535 bytes", announce.ns);
  if (phase_ == Phase::active) {
    auto sent = append(announce.ns, [&](ByteBuffer& out) { return out.append(frame.view()), true; });
    if (!sent) return sent;
    watch_write(announce.ns, Ticket::none);
  } else if (suspended_) {
    say_away(Message{announce});
    announced_away_.emplace_back(announce.ns);
  }
  announcements_.insert_or_assign(std::string(announce.ns), std::move(frame));
  return {};
}

Result<void> ClientSession::replay(const Replay& replay, Now) {
  if (auto can_send = check_can_send(); !can_send) return can_send;
  return append(replay.pattern, [&](ByteBuffer& out) { return append_frame(out, Message{replay}); });
}

Result<std::uint32_t> ClientSession::subscribe(std::string_view pattern, TypeMask types, const SubscribeOptions& options, Now) {
  if (phase_ == Phase::closed) return check_can_send().error();
  auto parsed = Pattern::parse(pattern);
  if (!parsed) return error_of(ErrorCode::pattern_error, describe_address_fault(parsed.error(), pattern), pattern);
  if (subscriptions_.full()) return error_of(ErrorCode::too_many, "too many subscriptions", pattern);
  if (phase_ == Phase::active && unsent_bytes() >= config_.output_bytes_max) {
    ++stats_.overloaded_calls;
    return error_of(ErrorCode::overloaded, fmt::format("{} bytes are waiting to be sent already", unsent_bytes()), pattern);
  }
  const LocalSubscription& subscription = subscriptions_.add(std::move(*parsed), types, options);
  if (phase_ == Phase::active) append_always(subscribe_message(subscription));
  else say_away(subscribe_message(subscription));
  return subscription.id;
}

void ClientSession::unsubscribe(std::uint32_t id, Now) {
  if (!subscriptions_.remove(id)) return;
  if (phase_ == Phase::active) append_always(Message{Unsubscribe{id}});
  else say_away(Message{Unsubscribe{id}});
}

}  // namespace clasp::client
