#include "clasp/client.hpp"

#include <fmt/format.h>

#include <utility>

#include "client/client_impl.hpp"
#include "core/address.hpp"

namespace clasp {
inline namespace v0 {

using client::Answer;
using client::BatchEntry;
using client::BatchImpl;
using client::ClientImpl;
using client::ClientSession;
using client::Ticket;
using client::to_ttl;

namespace {

// What is wrong with an address or a value before anything is sent.
std::optional<Error> check(std::string_view address, const EncodedValue* value = nullptr) {
  if (const auto fault = check_address(address)) {
    return Error{ErrorCode::invalid_address, describe_address_fault(*fault, address), std::string(address)};
  }
  if (value != nullptr && !value->ok()) {
    return Error{ErrorCode::invalid_value, "the value exceeds the limits of the wire: 65535 bytes a string, 65535 entries, 64 levels",
                 std::string(address)};
  }
  return std::nullopt;
}

std::optional<Error> check(std::string_view address, const SetOptions& options) {
  if (!options.lifetime) return std::nullopt;
  const auto length = options.lifetime->length.count();
  if (length >= 0 && length <= std::int64_t{wire::ttl_seconds_max}) return std::nullopt;
  return Error{ErrorCode::invalid_argument, fmt::format("a lifetime of {} s is out of range (0 to {})", length, wire::ttl_seconds_max),
               std::string(address)};
}

Set to_set(std::string_view address, const EncodedValue& value, const SetOptions& options) {
  return {.address = address,
          .value = value.view(),
          .revision = options.expected_revision,
          .ttl = to_ttl(options.lifetime),
          .lock = options.lock,
          .unlock = options.unlock};
}

Param to_param(const Answer& answer) {
  Param param;
  if (answer.value) param.value = to_value(*answer.value);
  param.revision = answer.revision;
  param.writer = answer.writer;
  if (answer.timestamp) param.timestamp_us = answer.timestamp->us;
  param.stale = answer.stale;
  return param;
}

Confirmation to_confirmation(const Answer& answer) { return {std::string(answer.address), answer.revision}; }

std::vector<SignalInfo> to_signals(const Answer& answer) {
  std::vector<SignalInfo> signals;
  signals.reserve(answer.signals.size());
  for (const SignalDefinition& definition : answer.signals) signals.push_back(client::to_signal_info(definition));
  return signals;
}

ClockInfo to_clock_info(const ClockSync& clock) {
  return {.offset_us = clock.offset_us(),
          .rtt_us = clock.rtt_us(),
          .jitter_us = clock.jitter_us(),
          .samples = clock.samples(),
          .quality = clock.quality()};
}

// Sends one PUBLISH that carries the router's time.
Result<void> publish_now(ClientImpl& impl, Publish publish) {
  return impl.call([&](ClientSession& session, Now now) {
    publish.timestamp = session.clock().to_server(now.unix_time);
    return session.publish(publish, now);
  });
}

Publish empty_publish(std::string_view address, SignalType signal) {
  return {.address = address, .signal = signal, .value = {}, .samples = {}, .timestamp = {}, .id = {}, .rate = {}};
}

}  // namespace

// ---- Subscription ----

Subscription& Subscription::operator=(Subscription&& other) noexcept {
  if (this == &other) return *this;
  unsubscribe();
  client_ = std::move(other.client_);
  id_ = std::exchange(other.id_, 0);
  return *this;
}

void Subscription::unsubscribe() {
  const std::uint32_t id = release();
  if (id == 0) return;
  if (const auto impl = std::exchange(client_, {}).lock()) impl->unsubscribe(id);
}

std::uint32_t Subscription::release() { return std::exchange(id_, 0); }

// ---- Batch ----

Batch::Batch() : impl_(std::make_unique<BatchImpl>()) {}
Batch::Batch(Batch&&) noexcept = default;
Batch& Batch::operator=(Batch&&) noexcept = default;
Batch::~Batch() = default;

namespace {

void add_entry(BatchImpl& batch, BatchEntry entry) {
  auto fault = check(entry.address, &entry.value);
  if (!fault) fault = check(entry.address, entry.options);
  if (!fault && batch.entries.size() >= 65'535) fault = Error{ErrorCode::invalid_argument, "a bundle holds 65535 entries at most", {}};
  if (!fault) {
    batch.entries.push_back(std::move(entry));
  } else if (!batch.error) {
    batch.error = std::move(fault);
  }
}

}  // namespace

Batch& Batch::set(std::string_view address, const Value& value, const SetOptions& options) {
  add_entry(*impl_, {.is_set = true, .address = std::string(address), .value = EncodedValue(value), .options = options});
  return *this;
}
Batch& Batch::emit(std::string_view address, const Value& payload) {
  add_entry(*impl_, {.is_set = false, .address = std::string(address), .value = EncodedValue(payload), .options = {}, .signal = SignalType::event});
  return *this;
}
Batch& Batch::stream(std::string_view address, const Value& value) {
  add_entry(*impl_, {.is_set = false, .address = std::string(address), .value = EncodedValue(value), .options = {}, .signal = SignalType::stream});
  return *this;
}
std::size_t Batch::size() const { return impl_->entries.size(); }

// ---- Client: life ----

Client::Client(std::shared_ptr<ClientImpl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&& other) noexcept {
  if (this == &other) return *this;
  if (impl_) impl_->close();
  impl_ = std::move(other.impl_);
  return *this;
}
Client::~Client() {
  if (impl_) impl_->close();
}
void Client::close() { impl_->close(); }

// ---- params ----

Result<void> Client::set(std::string_view address, const Value& value, const SetOptions& options) {
  const EncodedValue encoded(value);
  if (auto fault = check(address, &encoded)) return *fault;
  if (auto fault = check(address, options)) return *fault;
  return impl_->call([&](ClientSession& session, Now now) { return session.set(to_set(address, encoded, options), now); });
}

Result<void> Client::set_locked(std::string_view address, const Value& value) {
  return set(address, value, {.lock = true, .lifetime = {}, .expected_revision = {}});
}
Result<void> Client::set_unlocked(std::string_view address, const Value& value) {
  return set(address, value, {.unlock = true, .lifetime = {}, .expected_revision = {}});
}
Result<void> Client::set_with_ttl(std::string_view address, const Value& value, Lifetime lifetime) {
  return set(address, value, {.lifetime = lifetime, .expected_revision = {}});
}

Result<Confirmation> Client::set_confirmed(std::string_view address, const Value& value, const SetOptions& options,
                                           std::chrono::milliseconds timeout) {
  const EncodedValue encoded(value);
  if (auto fault = check(address, &encoded)) return *fault;
  if (auto fault = check(address, options)) return *fault;
  return impl_->wait<Confirmation>(
      timeout,
      [&](ClientSession& session, Ticket ticket, SteadyTime deadline, Now now) {
        return session.set_confirmed(to_set(address, encoded, options), ticket, deadline, now);
      },
      to_confirmation);
}

void Client::set_confirmed(std::string_view address, const Value& value, const SetOptions& options, std::chrono::milliseconds timeout,
                           Then<Confirmation> then) {
  const EncodedValue encoded(value);
  auto fault = check(address, &encoded);
  if (!fault) fault = check(address, options);
  impl_->later<Confirmation>(
      timeout, std::move(then),
      [&](ClientSession& session, Ticket ticket, SteadyTime deadline, Now now) -> Result<void> {
        if (fault) return *fault;
        return session.set_confirmed(to_set(address, encoded, options), ticket, deadline, now);
      },
      to_confirmation);
}

namespace {

Result<Param> get_and_wait(ClientImpl& impl, std::string_view address, std::chrono::milliseconds timeout, std::chrono::milliseconds age_max,
                           bool fresh) {
  if (auto fault = check(address)) return *fault;
  return impl.wait<Param>(
      timeout,
      [&](ClientSession& session, Ticket ticket, SteadyTime deadline, Now now) {
        return session.get(address, std::chrono::duration_cast<Micros>(age_max), fresh, ticket, deadline, now);
      },
      to_param);
}

}  // namespace

Result<Value> Client::get(std::string_view address, const GetOptions& options) {
  auto param = get_param(address, options);
  if (!param) return param.error();
  return std::move(param->value);
}
Result<Param> Client::get_param(std::string_view address, const GetOptions& options) {
  return get_and_wait(*impl_, address, options.timeout, options.age_max, false);
}
Result<Param> Client::get_fresh(std::string_view address, std::chrono::milliseconds timeout) {
  return get_and_wait(*impl_, address, timeout, std::chrono::milliseconds(0), true);
}

void Client::get_async(std::string_view address, const GetOptions& options, Then<Param> then) {
  const auto fault = check(address);
  impl_->later<Param>(
      options.timeout, std::move(then),
      [&](ClientSession& session, Ticket ticket, SteadyTime deadline, Now now) -> Result<void> {
        if (fault) return *fault;
        return session.get(address, std::chrono::duration_cast<Micros>(options.age_max), false, ticket, deadline, now);
      },
      to_param);
}

std::optional<Value> Client::cached(std::string_view address) const {
  auto param = cached_param(address);
  if (!param) return std::nullopt;
  return std::move(param->value);
}

std::optional<Param> Client::cached_param(std::string_view address) const {
  return impl_->call([&](ClientSession& session, Now) -> std::optional<Param> {
    const client::CachedParam* known = session.cache().find(address);
    if (known == nullptr) return std::nullopt;
    Param param{.value = to_value(known->view()), .revision = known->revision, .writer = known->writer, .timestamp_us = {}};
    if (known->timestamp) param.timestamp_us = known->timestamp->us;
    param.stale = !session.is_active() || session.cache().is_stale(*known);
    return param;
  });
}

// ---- messages without state ----

Result<void> Client::emit(std::string_view address, const Value& payload) {
  const EncodedValue encoded(payload);
  if (auto fault = check(address, &encoded)) return *fault;
  Publish publish = empty_publish(address, SignalType::event);
  publish.value = encoded.view();
  return publish_now(*impl_, publish);
}

Result<void> Client::stream(std::string_view address, const Value& value) {
  const EncodedValue encoded(value);
  if (auto fault = check(address, &encoded)) return *fault;
  Publish publish = empty_publish(address, SignalType::stream);
  publish.value = encoded.view();
  return publish_now(*impl_, publish);
}

Result<void> Client::stream_samples(std::string_view address, const std::vector<double>& samples, std::optional<std::uint32_t> rate_hz) {
  if (auto fault = check(address)) return *fault;
  ByteBuffer bytes;
  for (const double sample : samples) bytes.u64(std::bit_cast<std::uint64_t>(sample));
  Publish publish = empty_publish(address, SignalType::stream);
  publish.samples = bytes.view();
  publish.rate = rate_hz;
  return publish_now(*impl_, publish);
}

Result<void> Client::gesture(std::string_view address, std::uint32_t id, Phase phase, const Value& payload) {
  const EncodedValue encoded(payload);
  if (auto fault = check(address, &encoded)) return *fault;
  if (phase > Phase::cancel) return Error{ErrorCode::invalid_argument, "no such gesture phase", std::string(address)};
  Publish publish = empty_publish(address, SignalType::gesture);
  publish.phase = static_cast<GesturePhase>(phase);
  publish.id = id;
  publish.value = encoded.view();
  return publish_now(*impl_, publish);
}

Result<void> Client::timeline(std::string_view address, const Timeline& timeline) {
  const EncodedValue encoded(to_value(timeline));
  if (auto fault = check(address, &encoded)) return *fault;
  Publish publish = empty_publish(address, SignalType::timeline);
  publish.value = encoded.view();
  return publish_now(*impl_, publish);
}

// ---- bundles ----

Result<void> Client::bundle(const Batch& batch) {
  return impl_->call([&](ClientSession& session, Now now) { return impl_->send_batch(session, batch, {}, Ticket::none, {}, now); });
}
Result<void> Client::bundle_at(const Batch& batch, std::uint64_t time_us) {
  return impl_->call([&](ClientSession& session, Now now) { return impl_->send_batch(session, batch, time_us, Ticket::none, {}, now); });
}
Result<Confirmation> Client::bundle_confirmed(const Batch& batch, std::optional<std::uint64_t> time_us, std::chrono::milliseconds timeout) {
  return impl_->wait<Confirmation>(
      timeout,
      [&](ClientSession& session, Ticket ticket, SteadyTime deadline, Now now) {
        return impl_->send_batch(session, batch, time_us, ticket, deadline, now);
      },
      to_confirmation);
}

// ---- subscriptions ----

Result<Subscription> Client::subscribe(std::string_view pattern, ValueCallback callback, const SubscriptionOptions& options) {
  if (!callback) return Error{ErrorCode::invalid_argument, "a subscription needs a callback", std::string(pattern)};
  return subscribe(
      pattern, DeliveryCallback([callback = std::move(callback)](const Delivery& delivery) { callback(delivery.value, delivery.address); }), options);
}

Result<Subscription> Client::subscribe(std::string_view pattern, DeliveryCallback callback, const SubscriptionOptions& options) {
  auto id = impl_->subscribe(pattern, std::move(callback), options);
  if (!id) return id.error();
  Subscription subscription;
  subscription.client_ = impl_;
  subscription.id_ = *id;
  return subscription;
}

void Client::unsubscribe(std::uint32_t id) { impl_->unsubscribe(id); }

// ---- signals ----

Result<void> Client::announce(std::string_view ns, const std::vector<SignalInfo>& signals) {
  if (auto fault = check(ns)) return *fault;
  Announce announce{.ns = ns, .signals = {}, .meta = {}};
  for (const SignalInfo& signal : signals) {
    SignalDefinition definition{.address = signal.address, .type = static_cast<SignalType>(signal.type), .datatype = {}, .access = {}, .meta = {}};
    if (!signal.datatype.empty()) definition.datatype = signal.datatype;
    if (!signal.access.empty()) definition.access = signal.access;
    SignalMeta meta{.unit = {}, .range = signal.range, .default_value = {}, .description = {}};
    if (!signal.unit.empty()) meta.unit = signal.unit;
    if (!signal.description.empty()) meta.description = signal.description;
    if (meta.unit || meta.range || meta.description) definition.meta = meta;
    announce.signals.push_back(std::move(definition));
  }
  return impl_->call([&](ClientSession& session, Now now) { return session.announce(announce, now); });
}

Result<std::vector<SignalInfo>> Client::query(std::string_view pattern, std::chrono::milliseconds timeout) {
  return impl_->wait<std::vector<SignalInfo>>(
      timeout, [&](ClientSession& session, Ticket ticket, SteadyTime deadline, Now now) { return session.query(pattern, ticket, deadline, now); },
      to_signals);
}
void Client::query_async(std::string_view pattern, std::chrono::milliseconds timeout, Then<std::vector<SignalInfo>> then) {
  impl_->later<std::vector<SignalInfo>>(
      timeout, std::move(then),
      [&](ClientSession& session, Ticket ticket, SteadyTime deadline, Now now) { return session.query(pattern, ticket, deadline, now); }, to_signals);
}

std::vector<SignalInfo> Client::signals(std::string_view pattern) const {
  const auto parsed = Pattern::parse(pattern);
  if (!parsed) return {};
  return impl_->call([&](ClientSession& session, Now) { return session.signals().find(*parsed); });
}

Result<void> Client::replay(const ReplayRequest& request) {
  if (const auto pattern = Pattern::parse(request.pattern); !pattern) {
    return Error{ErrorCode::pattern_error, describe_address_fault(pattern.error(), request.pattern), request.pattern};
  }
  Replay replay{.pattern = request.pattern, .from = {}, .to = {}, .limit = request.limit, .types = TypeMask::all()};
  if (request.from_us) replay.from = UnixTime{*request.from_us};
  if (request.to_us) replay.to = UnixTime{*request.to_us};
  if (!request.types.empty()) {
    replay.types.bits = 0;
    for (const Signal type : request.types) replay.types.bits |= TypeMask::of(static_cast<SignalType>(type)).bits;
  }
  return impl_->call([&](ClientSession& session, Now now) { return session.replay(replay, now); });
}

// ---- time ----

std::uint64_t Client::time() const {
  return impl_->call([](ClientSession& session, Now now) { return session.clock().to_server(now.unix_time).us; });
}
ClockInfo Client::clock() const {
  return impl_->call([](ClientSession& session, Now) { return to_clock_info(session.clock()); });
}
Result<ClockInfo> Client::sync(std::chrono::milliseconds timeout) {
  const auto done = impl_->wait<bool>(
      timeout, [](ClientSession& session, Ticket ticket, SteadyTime deadline, Now now) { return session.sync(ticket, deadline, now); },
      [](const Answer&) { return true; });
  if (!done) return done.error();
  return clock();
}
Result<std::chrono::microseconds> Client::ping(std::chrono::milliseconds timeout) {
  return impl_->wait<std::chrono::microseconds>(
      timeout, [](ClientSession& session, Ticket ticket, SteadyTime deadline, Now now) { return session.ping(ticket, deadline, now); },
      [](const Answer& answer) { return answer.round_trip; });
}

// ---- state ----

bool Client::is_connected() const {
  return impl_->call([](ClientSession& session, Now) { return session.is_active(); });
}
std::string Client::session_id() const {
  return impl_->call([](ClientSession& session, Now) { return session.session_text(); });
}
std::string Client::server_name() const {
  return impl_->call([](ClientSession& session, Now) { return session.server_name(); });
}
std::vector<std::string> Client::server_features() const {
  const std::uint8_t bits = impl_->call([](ClientSession& session, Now) { return session.server_features(); });
  std::vector<std::string> names;
  for (const auto& [name, bit] : client::feature_bits) {
    if ((bits & bit) != 0) names.emplace_back(name);
  }
  return names;
}
std::optional<Error> Client::last_error() const {
  return impl_->call([](ClientSession& session, Now) { return session.last_error(); });
}
void Client::clear_error() {
  impl_->call([](ClientSession& session, Now) { session.clear_error(); });
}
ClientStats Client::stats() const { return impl_->stats(); }

void Client::on_connect(std::function<void()> callback) { impl_->add_callback(&client::ClientConfig::on_connect, std::move(callback)); }
void Client::on_disconnect(std::function<void(std::string_view)> callback) {
  impl_->add_callback(&client::ClientConfig::on_disconnect, std::move(callback));
}
void Client::on_error(std::function<void(const Error&)> callback) { impl_->add_callback(&client::ClientConfig::on_error, std::move(callback)); }
void Client::on_reconnect(std::function<void(std::uint32_t)> callback) {
  impl_->add_callback(&client::ClientConfig::on_reconnect, std::move(callback));
}
void Client::on_resume(std::function<void(bool, std::string_view)> callback) {
  impl_->add_callback(&client::ClientConfig::on_resume, std::move(callback));
}

}  // namespace v0
}  // namespace clasp
