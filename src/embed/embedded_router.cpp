#include <fmt/format.h>

#include <future>
#include <thread>
#include <utility>

#include "clasp/embed.hpp"
#include "core/pattern.hpp"
#include "net/event_loop.hpp"
#include "router/router.hpp"
#include "server/server.hpp"

namespace clasp {
inline namespace v0 {

namespace {

static_assert(static_cast<int>(Strategy::merge) == static_cast<int>(router::ConflictStrategy::merge));

// The program's own session: answers of the engine come during submit().
class OwnSession final : public router::Sink {
 public:
  struct Listener {
    Pattern pattern;
    std::function<void(const Value&, std::string_view)> callback;
  };
  std::size_t deliver(const router::Delivery& delivery) override {
    const Value value = delivery.value ? to_value(*delivery.value) : Value();
    for (const Listener& listener : listeners) {
      if (delivery.presence == router::Presence::live && listener.pattern.matches(delivery.address)) listener.callback(value, delivery.address);
    }
    return 0;
  }
  std::size_t reply(const router::Reply& reply) override {
    if (reply.message == nullptr) return 0;
    if (const auto* ack = std::get_if<Ack>(&reply.message->body)) revision = ack->revision.value_or(0);
    if (const auto* refusal = std::get_if<ErrorReply>(&reply.message->body))
      error = Error{static_cast<ErrorCode>(refusal->code), std::string(refusal->message), std::string(refusal->address.value_or(""))};
    return 0;
  }
  void close(const router::CloseReason&) override { id = router::nobody; }

  router::SessionId id = router::nobody;
  std::vector<Listener> listeners;
  std::uint64_t revision = 0;
  std::optional<Error> error;
};

}  // namespace

struct EmbeddedRouter::Impl {
  explicit Impl(server::ServerConfig config) : server(std::move(config)) {}

  bool on_thread() const { return std::this_thread::get_id() == thread.get_id(); }

  // Runs `work` on the router's thread and waits for it; from that thread itself it runs soon and `early` is the answer.
  template <typename T>
  Result<T> call(std::function<Result<T>()> work, T early) {
    if (stopped) return Error{ErrorCode::not_connected, "the router was stopped", {}};
    if (on_thread()) {
      server.loop().defer([work = std::move(work)] { static_cast<void>(work()); });
      return early;
    }
    std::promise<Result<T>> promise;
    auto answer = promise.get_future();
    server.loop().post([&] { promise.set_value(work()); });
    return answer.get();
  }

  Result<std::uint64_t> submit(const Message& message) {
    own.error.reset();
    own.revision = 0;
    server.router().submit(own.id, message, Qos::confirm, {}, server.loop().now());
    if (own.error) return *own.error;
    return own.revision;
  }

  server::Server server;
  OwnSession own;
  std::uint32_t next_subscription = 0;
  std::thread thread;
  bool stopped = false;
};

EmbeddedRouter::EmbeddedRouter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmbeddedRouter::EmbeddedRouter(EmbeddedRouter&&) noexcept = default;
EmbeddedRouter& EmbeddedRouter::operator=(EmbeddedRouter&& other) noexcept {
  stop();
  impl_ = std::move(other.impl_);
  return *this;
}
EmbeddedRouter::~EmbeddedRouter() { stop(); }

Result<EmbeddedRouter> EmbeddedRouter::start(const std::vector<std::string>& options) {
  auto config = server::load_server_config(
      options, {.variable = [](const char*) -> const char* { return nullptr; },
                .file = [](const std::string& path) -> Result<std::string> {
                  return Error{ErrorCode::invalid_argument, fmt::format("an embedded router reads no file ({})", path), {}};
                }});
  if (!config) return config.error();
  auto impl = std::make_unique<Impl>(std::move(*config));
  if (auto started = impl->server.start(); !started) return started.error();
  impl->own.id = impl->server.router().open_session({.name = "embedder"}, impl->own, io::read_clocks());
  impl->thread = std::thread([server = &impl->server] { server->run(); });
  return EmbeddedRouter(std::move(impl));
}

std::uint16_t EmbeddedRouter::port() const { return impl_->server.port(); }
std::uint16_t EmbeddedRouter::osc_port() const { return impl_->server.osc_port(); }

Result<std::uint64_t> EmbeddedRouter::set(std::string_view address, const Value& value) {
  return impl_->call<std::uint64_t>([impl = impl_.get(), to = std::string(address), value]() -> Result<std::uint64_t> {
    const EncodedValue encoded(value);
    if (!encoded.ok()) return Error{ErrorCode::invalid_value, "the value does not fit the wire", to};
    return impl->submit(Message{Set{.address = to, .value = encoded.view()}});
  }, 0);
}

std::optional<Value> EmbeddedRouter::get(std::string_view address) const {
  const auto read = [impl = impl_.get(), from = std::string(address)]() -> Result<std::optional<Value>> {
    const auto param = impl->server.router().find(from);
    return param ? std::optional(to_value(param->value)) : std::nullopt;
  };
  const auto value = impl_->on_thread() ? read() : impl_->call<std::optional<Value>>(read, std::nullopt);
  return value ? *value : std::nullopt;
}

Result<void> EmbeddedRouter::emit(std::string_view address, const Value& payload) {
  const auto sent = impl_->call<std::uint64_t>([impl = impl_.get(), to = std::string(address), payload]() -> Result<std::uint64_t> {
    const EncodedValue encoded(payload);
    if (!encoded.ok()) return Error{ErrorCode::invalid_value, "the value does not fit the wire", to};
    return impl->submit(Message{Publish{.address = to, .signal = SignalType::event, .value = encoded.view()}});
  }, 0);
  if (!sent) return sent.error();
  return {};
}

Result<void> EmbeddedRouter::on(std::string_view pattern, std::function<void(const Value&, std::string_view)> callback) {
  const auto parsed = Pattern::parse(pattern);
  if (!parsed) return Error{ErrorCode::pattern_error, describe_address_fault(parsed.error(), pattern), std::string(pattern)};
  const auto added = impl_->call<std::uint64_t>([impl = impl_.get(), parsed = *parsed, callback = std::move(callback)]() -> Result<std::uint64_t> {
    impl->own.listeners.push_back({parsed, callback});
    return impl->submit(Message{Subscribe{.id = ++impl->next_subscription, .pattern = parsed.text()}});
  }, 0);
  if (!added) return added.error();
  return {};
}

Result<void> EmbeddedRouter::set_strategy(std::string_view pattern, Strategy strategy) {
  const auto parsed = Pattern::parse(pattern);
  if (!parsed) return Error{ErrorCode::pattern_error, describe_address_fault(parsed.error(), pattern), std::string(pattern)};
  const auto done = impl_->call<std::uint64_t>([impl = impl_.get(), parsed = *parsed, strategy]() -> Result<std::uint64_t> {
    impl->server.router().set_strategy(parsed, static_cast<router::ConflictStrategy>(strategy));
    return std::uint64_t{0};
  }, 0);
  if (!done) return done.error();
  return {};
}

void EmbeddedRouter::stop() {
  if (!impl_ || std::exchange(impl_->stopped, true)) return;
  impl_->server.stop();
  impl_->thread.join();
}

}  // namespace v0
}  // namespace clasp
