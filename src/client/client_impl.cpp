#include "client/client_impl.hpp"

#include <fmt/format.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <utility>

#include "client/signal_table.hpp"

namespace clasp::client {

namespace {

constexpr Micros close_linger{2'000'000};

Delivery to_delivery(const Item& item) {
  Delivery delivery;
  delivery.address = item.address;
  if (item.value) delivery.value = to_value(*item.value);
  delivery.kind = item.is_set ? DeliveryKind::set : DeliveryKind::publish;
  delivery.signal = static_cast<Signal>(item.signal);
  delivery.revision = item.revision;
  delivery.writer = item.writer;
  if (item.timestamp) delivery.timestamp_us = item.timestamp->us;
  if (item.signal == SignalType::gesture) {  // every PUBLISH carries phase bits; only gestures mean them
    delivery.phase = static_cast<clasp::Phase>(item.phase);
    delivery.gesture_id = item.id;
  }
  if (item.samples) {
    delivery.samples.reserve(item.samples->size() / sizeof(double));
    for (std::size_t at = 0; at + sizeof(double) <= item.samples->size(); at += sizeof(double)) {
      delivery.samples.push_back(std::bit_cast<double>(load_be<std::uint64_t>(item.samples->data() + at)));
    }
  }
  delivery.rate_hz = item.rate;
  delivery.snapshot = item.snapshot;
  return delivery;
}

}  // namespace

// Sliding or absolute 0 s means never, as in the published clients.
std::optional<Ttl> to_ttl(const std::optional<Lifetime>& lifetime) {
  if (!lifetime) return std::nullopt;
  if (lifetime->mode == Lifetime::Mode::never_expires || lifetime->length.count() == 0) return Ttl{};
  return Ttl{lifetime->mode == Lifetime::Mode::sliding ? Ttl::Mode::sliding : Ttl::Mode::absolute,
             static_cast<std::uint32_t>(lifetime->length.count())};
}

Confirmation to_confirmation(const Answer& answer) { return {std::string(answer.address), answer.revision}; }

struct ClientImpl::Runner {
  boost::asio::io_context loop{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{loop.get_executor()};
  std::thread thread;
};

ClientImpl::ClientImpl(ClientConfig config) : config_(std::move(config)), runner_(std::make_unique<Runner>()) {}

ClientImpl::~ClientImpl() {
  // The last owner may be the thread itself (a client that was dropped inside a callback).
  if (!runner_->thread.joinable()) return;
  if (runner_->thread.get_id() == std::this_thread::get_id()) {
    runner_->thread.detach();
  } else {
    runner_->thread.join();
  }
}

Result<void> ClientImpl::start(const Endpoint& endpoint) {
  dispatcher_ = std::make_shared<Dispatcher>(
      std::exchange(config_.executor, nullptr),
      [weak = weak_from_this()](bool paused) {
        if (const auto self = weak.lock()) self->driver_->pause_reading(paused);
      },
      [weak = weak_from_this()](const std::string& text) {
        const auto self = weak.lock();
        if (!self) return;
        const Error error{ErrorCode::internal_error, fmt::format("a callback threw {}", text), {}};
        self->driver_->call([&](ClientSession&, Now) { self->reported(error); });
      });
  driver_ = ClientDriver::create(runner_->loop, config_.session, endpoint, *this);
  std::future<Result<void>> outcome = first_.emplace().get_future();
  driver_->call([](ClientSession& session, Now now) { session.begin(now); });
  runner_->thread = std::thread([self = shared_from_this()] {
    self->loop_thread_ = std::this_thread::get_id();
    self->runner_->loop.run();
  });
  return outcome.get();
}

void ClientImpl::close() {
  if (!closing_.exchange(true)) end_connection();
  if (loop_thread_.load() == std::this_thread::get_id()) return;  // inside a callback: the thread ends by itself
  std::lock_guard lock(close_mutex_);
  if (runner_->thread.joinable()) runner_->thread.join();
}

void ClientImpl::end_connection() {
  dispatcher_->stop();
  driver_->detach(close_linger, [self = shared_from_this()] { self->runner_->work.reset(); });
}

Result<void> ClientImpl::check_may_wait() const {
  if (loop_thread_.load() != std::this_thread::get_id()) return {};
  return Error{
      ErrorCode::invalid_argument, "a call that waits for an answer cannot be made on the client's own thread: use its form with a callback", {}};
}

// ---- subscriptions and bundles ----

Result<std::uint32_t> ClientImpl::subscribe(std::string_view pattern, Client::DeliveryCallback callback, const SubscriptionOptions& options) {
  if (!callback) return Error{ErrorCode::invalid_argument, "a subscription needs a callback", std::string(pattern)};
  TypeMask types = TypeMask::all();
  if (!options.types.empty()) {
    types.bits = 0;
    for (const Signal signal : options.types) types.bits |= TypeMask::of(static_cast<SignalType>(signal)).bits;
  }
  clasp::SubscribeOptions wire{.max_rate = options.max_rate_hz, .epsilon = options.epsilon, .history = options.history, .window = {}};
  if (options.window) wire.window = static_cast<std::uint32_t>(options.window->count());
  return driver_->call([&](ClientSession& session, Now now) -> Result<std::uint32_t> {
    auto id = session.subscribe(pattern, types, wire, now);
    if (id) dispatcher_->add(*id, std::move(callback));
    return id;
  });
}

void ClientImpl::unsubscribe(std::uint32_t id) {
  driver_->call([id](ClientSession& session, Now now) { session.unsubscribe(id, now); });
  dispatcher_->remove(id);
}

Result<void> ClientImpl::send_batch(ClientSession& session, const Batch& batch, std::optional<std::uint64_t> time_us, Ticket ticket,
                                    SteadyTime deadline, Now now) {
  const BatchImpl& content = *batch.impl_;
  if (content.error) return *content.error;
  std::vector<Message> messages;
  messages.reserve(content.entries.size());
  for (const BatchEntry& entry : content.entries) {
    if (entry.is_set) {
      messages.push_back({Set{.address = entry.address,
                              .value = entry.value.view(),
                              .revision = entry.options.expected_revision,
                              .ttl = to_ttl(entry.options.lifetime),
                              .lock = entry.options.lock,
                              .unlock = entry.options.unlock}});
    } else {
      messages.push_back({Publish{
          .address = entry.address, .signal = entry.signal, .value = entry.value.view(), .samples = {}, .timestamp = {}, .id = {}, .rate = {}}});
    }
  }
  const std::optional<UnixTime> at = time_us ? std::optional(UnixTime{*time_us}) : std::nullopt;
  return session.bundle(messages, at, ticket, deadline, now);
}

ClientStats ClientImpl::stats() {
  ClientStats stats = driver_->call([](ClientSession& session, Now) {
    const SessionStats& counted = session.stats();
    return ClientStats{.frames_in = counted.frames_in,
                       .frames_out = counted.frames_out,
                       .undecodable_frames = counted.undecodable_frames,
                       .overloaded_calls = counted.overloaded_calls,
                       .cache_refused = session.cache().refused(),
                       .signals_refused = session.signals().refused(),
                       .frames_lost = counted.frames_lost,
                       .reconnects = counted.reconnects,
                       .resumed = counted.resumed};
  });
  stats.callback_exceptions = dispatcher_->exceptions();
  stats.read_pauses = dispatcher_->pauses();
  return stats;
}

// ---- what the session tells ----

template <typename Callback, typename... Args>
void ClientImpl::notify(std::vector<Callback> ClientConfig::* list, const Args&... args) {
  std::vector<Callback> callbacks;
  {
    std::lock_guard lock(callbacks_mutex_);
    callbacks = config_.*list;
  }
  for (Callback& callback : callbacks) {
    if (callback) events_.emplace_back(std::function<void()>([callback = std::move(callback), ... kept = args] { callback(kept...); }));
  }
}

void ClientImpl::connected() {
  if (first_) {
    first_->set_value({});
    first_.reset();
  }
  notify(&ClientConfig::on_connect);
}

void ClientImpl::resumed(bool yes, std::string_view why) { notify(&ClientConfig::on_resume, yes, std::string(why)); }
void ClientImpl::disconnected(std::string_view reason) { notify(&ClientConfig::on_disconnect, std::string(reason)); }
void ClientImpl::reconnecting(std::uint32_t attempt) { notify(&ClientConfig::on_reconnect, attempt); }

// An on_error callback that throws is counted, not reported: it would be told of its own failure for ever.
void ClientImpl::reported(const Error& error) {
  std::lock_guard lock(callbacks_mutex_);
  for (const auto& callback : config_.on_error) {
    if (!callback) continue;
    events_.emplace_back(std::function<void()>([callback, error, dispatcher = dispatcher_] {
      try {
        callback(error);
      } catch (...) {
        dispatcher->count_exception();
      }
    }));
  }
}

void ClientImpl::gave_up(const Error& error) {
  if (!first_) return reported(error);
  first_->set_value(error);
  first_.reset();
}

void ClientImpl::arrived(const Item& item) {
  events_.emplace_back(Arrival{to_delivery(item), {item.subscriptions.begin(), item.subscriptions.end()}});
}

void ClientImpl::answered(Ticket ticket, const Answer& answer) {
  const auto waiter = waiters_.extract(static_cast<std::uint64_t>(ticket));
  if (waiter) waiter.mapped()(&answer, nullptr);
}

void ClientImpl::failed(Ticket ticket, const Error& error) {
  const auto waiter = waiters_.extract(static_cast<std::uint64_t>(ticket));
  if (waiter) waiter.mapped()(nullptr, &error);
}

void ClientImpl::turn_ended() {
  driver_->call([this](ClientSession&, Now) { batch_.swap(events_); });
  if (!batch_.empty()) dispatcher_->hand_out(batch_);
}

}  // namespace clasp::client
