#include "bridge/http/server_bridge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "http_api/api_error.hpp"
#include "net/http_session.hpp"

namespace clasp::bridge::http {

namespace {

// So long after the link is up again a param may be missing in the snapshot that follows before it is taken for gone. One that comes later is there
// again.
constexpr Micros sweep_after{3'000'000};

}  // namespace

HttpServerBridge::HttpServerBridge(io::IoLoop& loop, RouterLink& router, HttpServerModeConfig config, std::function<void(std::string_view)> log)
    : router_(router),
      config_(std::move(config)),
      log_(std::move(log)),
      copy_(config_.params_max, random_, io::read_clocks()),
      engine_(copy_.router()),
      api_(config_.api, copy_.router(), this),
      sweep_(loop, [this] {
        copy_.sweep(io::read_clocks());
        if (nested_) nested_->turn_soon();
      }) {
  inner_.attach(engine_);
  inner_.attach(api_);  // behind the router: its turn ends with the router's answers
  nested_.emplace(loop, inner_);
}

HttpServerBridge::~HttpServerBridge() {
  stop();
  inner_.detach(api_);
  inner_.detach(engine_);
}

Result<void> HttpServerBridge::start() {
  net::Protocols known;
  known[net::Protocol::http] = [this](net::Stream& stream) {
    return std::make_unique<net::HttpSession>(stream, static_cast<net::HttpHandler&>(*this), &engine_);
  };
  known.log = log_;
  for (const net::ListenAddress& address : config_.listen) {
    auto listener = net::Listener::open(inner_, address, known);
    if (!listener) return listener.error();
    listeners_.push_back(std::move(*listener));
  }
  std::vector<std::string> patterns;
  for (const Pattern& pattern : config_.reads) patterns.push_back(pattern.text());
  if (patterns.empty()) patterns.push_back(config_.ns.pattern());
  router_.open({.name = config_.name, .ns = config_.ns.prefix(), .protocol = "http", .device = {}, .bidirectional = true}, patterns, true, *this);
  return {};
}

void HttpServerBridge::stop() {
  if (!nested_) return;
  router_.close();
  listeners_.clear();
  copy_.router().close_all({router::CloseCode::going_away, "the HTTP bridge is stopping"}, io::read_clocks());
  inner_.shut_down_streams();
  for (int i = 0; i < 3; ++i) inner_.turn(Micros{0});  // what is complete leaves
  nested_.reset();
  waiting_.clear();
}

std::vector<std::uint16_t> HttpServerBridge::ports() const {
  std::vector<std::uint16_t> out;
  for (const auto& listener : listeners_) out.push_back(listener->port());
  return out;
}

std::vector<std::pair<const char*, std::uint64_t>> HttpServerBridge::counters() const {
  const http_api::HttpApiCounters& c = api_.counters();
  return {{"requests", c.requests}, {"errors", c.errors},           {"streams_opened", c.streams_opened}, {"streams_open", c.streams_open},
          {"polls", c.polls},       {"not_kept", copy_.not_kept()}, {"writes_waiting", waiting_.size()},  {"writes_refused", writes_refused_}};
}

bool HttpServerBridge::is_read(std::string_view address) const {
  if (config_.reads.empty())
    return address.starts_with(config_.ns.prefix()) && (address.size() == config_.ns.prefix().size() || address[config_.ns.prefix().size()] == '/');
  return std::ranges::any_of(config_.reads, [address](const Pattern& pattern) { return pattern.matches(address); });
}

// ---- the router ----

void HttpServerBridge::link_up() {
  linked_ = true;
  if (copy_.has_doubts()) sweep_.set(io::steady_now() + sweep_after);
  nested_->turn_soon();
}

void HttpServerBridge::link_down(std::string_view reason) {
  away_ = reason;
  if (!std::exchange(linked_, false)) return;
  sweep_.cancel();
  copy_.lost();
  while (!waiting_.empty())
    settle(waiting_.begin(), {.error = Error{ErrorCode::unavailable,
                                             fmt::format("the connection to the router broke ({}); the write may have come into effect", reason),
                                             {}},
                              .revision = {},
                              .value = {},
                              .time = {}});
}

void HttpServerBridge::delivered(const LinkDelivery& delivery) {
  copy_.apply(delivery, io::read_clocks());
  nested_->turn_soon();
  if (!delivery.own || !delivery.is_set) return;
  const auto at = waiting_.find(static_cast<std::uint32_t>(delivery.peer));
  if (at != waiting_.end()) settle(at, {.error = {}, .acked = true, .revision = delivery.revision, .value = {}, .time = {}});
}

// The router names the address, not the write; of one address it refuses and accepts in the order in which it was asked.
void HttpServerBridge::refused(const Error& error) {
  ++writes_refused_;
  const auto at = std::ranges::find_if(waiting_, [&error](const auto& each) {
    return error.address.empty() || std::ranges::find(each.second.addresses, error.address) != each.second.addresses.end();
  });
  if (at != waiting_.end()) return settle(at, {.error = error, .revision = {}, .value = {}, .time = {}});
  paced_.line("refused", fmt::format("http: the router refuses {}: {}", error.address, error.message), io::steady_now(), log_);
}

void HttpServerBridge::settle(std::map<std::uint32_t, Waiting>::iterator at, http_api::RouterAnswer answer) {
  const Waiting settled = std::move(at->second);
  waiting_.erase(at);
  for (const Event& event : settled.events) {
    if (answer.error) break;
    Publish publish{.address = event.address, .signal = SignalType::event};
    if (event.value) publish.value = ValueView{static_cast<ValueTag>((*event.value)[0]), as_bytes(std::string_view(*event.value).substr(1))};
    copy_.publish(publish, io::read_clocks());
  }
  settled.done(std::move(answer));
  nested_->turn_soon();
}

// ---- what the interface asks ----

std::optional<Error> HttpServerBridge::unavailable() const {
  if (linked_) return std::nullopt;
  return Error{ErrorCode::unavailable, fmt::format("the router cannot be reached: {}", away_), {}};
}

std::optional<Error> HttpServerBridge::fault_of(const Message& message) const {
  if (const auto away = unavailable()) return away;
  const auto outside = [this](std::string_view address) -> std::optional<Error> {
    if (is_read(address)) return std::nullopt;
    return Error{ErrorCode::forbidden,
                 fmt::format("this bridge has nothing to do with {}: it is not below {} and in no --read", address, config_.ns.prefix()),
                 std::string(address)};
  };
  if (const auto* set = std::get_if<Set>(&message.body)) {
    if (set->ttl) return Error{ErrorCode::invalid_value, "ttl: a bridge cannot give a lifetime", std::string(set->address)};
    if (waiting_.size() >= writes_max)
      return Error{ErrorCode::too_many, fmt::format("more than {} writes wait for the router", writes_max), std::string(set->address)};
    return outside(set->address);
  }
  if (const auto* publish = std::get_if<Publish>(&message.body)) return outside(publish->address);
  for (const Message& member : std::get<Bundle>(message.body).messages) {
    if (const auto fault = fault_of(member)) return fault;
  }
  return std::nullopt;
}

std::uint64_t HttpServerBridge::write(const Message& message, Done done) {
  if (auto fault = fault_of(message)) {
    done({.error = std::move(*fault), .revision = {}, .value = {}, .time = {}});
    return 0;
  }
  if (const auto* publish = std::get_if<Publish>(&message.body)) {
    router_.publish(*publish, PeerTag::none);
    copy_.publish(*publish, io::read_clocks());
    done({.error = {}, .acked = true, .revision = {}, .value = {}, .time = {}});
    return 0;
  }
  if (const auto* bundle = std::get_if<Bundle>(&message.body)) return write_bundle(*bundle, std::move(done));
  const Set& set = std::get<Set>(message.body);
  const std::uint32_t tag = next_tag();
  waiting_.emplace(tag, Waiting{.addresses = {std::string(set.address)}, .events = {}, .done = std::move(done)});
  router_.set(set.address, set.value, PeerTag{tag});
  return tag;
}

std::uint64_t HttpServerBridge::write_bundle(const Bundle& bundle, Done done) {
  const std::uint32_t tag = next_tag();
  Waiting waiting{.addresses = {}, .events = {}, .done = std::move(done)};
  for (const Message& member : bundle.messages) {
    if (const auto* set = std::get_if<Set>(&member.body)) waiting.addresses.emplace_back(set->address);
    if (const auto* publish = std::get_if<Publish>(&member.body)) {
      Event& event = waiting.events.emplace_back(Event{.address = std::string(publish->address), .value = {}});
      if (publish->value) event.value.emplace(1, static_cast<char>(publish->value->tag)).append(as_text(publish->value->data));
    }
  }
  const bool later = bundle.timestamp && bundle.timestamp->us > io::read_clocks().unix_time.us;
  if (later) waiting.events.clear();  // nobody tells when it is executed
  const bool settles = waiting.addresses.empty() || later;
  const auto at = waiting_.emplace(tag, std::move(waiting)).first;
  if (settles) settle(at, {.error = {}, .acked = true, .revision = {}, .value = {}, .time = {}});  // nothing comes back, or not for a long time
  router_.bundle(bundle.messages, bundle.timestamp, PeerTag{tag});
  return tag;
}

std::uint32_t HttpServerBridge::next_tag() {
  if (++last_tag_ == 0) ++last_tag_;  // that is nobody's
  return last_tag_;
}

void HttpServerBridge::forget(std::uint64_t ticket) { waiting_.erase(static_cast<std::uint32_t>(ticket)); }

void HttpServerBridge::handle(const net::HttpRequest& request, net::HttpResponder& responder) {
  const std::string_view path = request.path();
  if (api_.owns(path)) return api_.handle(request, responder);
  if (path == "/healthz") return responder.answer(net::text_response(200, "ok\n"));
  if (path == "/readyz")
    return responder.answer(linked_ ? net::text_response(200, "ready\n") : net::text_response(503, "the router cannot be reached\n"));
  responder.answer(http_api::to_response(
      {.status = 404, .code = ErrorCode::not_found, .text = fmt::format("no such route: {}", path), .field = "path", .address = {}}));
}

std::optional<net::HttpResponse> HttpServerBridge::refuse_upgrade(const net::HttpRequest&) {
  return http_api::to_response(
      {.status = 404, .code = ErrorCode::not_found, .text = "no WebSocket here: the router has it", .field = {}, .address = {}});
}

}  // namespace clasp::bridge::http
