#include "bridge/socketio/client_link.hpp"

#include <fmt/format.h>

#include <utility>

#include "bridge/web/redial.hpp"

namespace clasp::bridge::socketio {

namespace {

// As the standard client does it.
constexpr client::BackoffConfig standard_backoff{.first = Micros{1'000'000}, .factor = 2, .cap = Micros{5'000'000}, .jitter = 0.5};
constexpr std::size_t socket_bytes_max = 65'536;  // given to the connection; the rest waits where newer values replace it

}  // namespace

ClientLink::ClientLink(io::IoLoop& loop, RouterLink& router, const ClientConfig& config, ServerPlace place, std::function<void(std::string_view)> log)
    : config_(config),
      loop_(loop),
      place_(std::move(place)),
      log_(std::move(log)),
      client_(router, config_,
              {.clock = [] { return io::read_clocks(); },
               .log = log_,
               .changed = [this] { look_after(); },
               .give_up = [this](std::string_view why) { end_soon(std::string(why)); }}),
      backoff_(standard_backoff),
      redial_(loop, [this] { attempt(); }),
      clock_(loop, [this] {
        if (auto why = client_.advance(io::steady_now())) end_soon(std::move(*why));
        look_after();
      }) {
  if (place_.websocket) order_.push_back(true);
  if (place_.polling) order_.push_back(false);
}

Result<void> ClientLink::start() {
  if (place_.secure) {
    auto loaded = dial::TlsContext::load(place_.tls);
    if (!loaded) return loaded.error();
    tls_ = *std::move(loaded);
  }
  if (place_.polling) {
    auto http = http_client::HttpClient::create(loop_, {.ca_file = place_.tls.ca_file, .insecure = place_.tls.insecure});
    if (!http) return http.error();
    http_ = *std::move(http);
  }
  running_ = true;
  client_.start();
  attempt();
  return {};
}

void ClientLink::stop() {
  if (!std::exchange(running_, false)) return;
  redial_.cancel();
  clock_.cancel();
  client_.engine().say_goodbye();
  client_.engine().end("the bridge is stopping");
  transport_.reset();
  client_.stop();
}

// ---- attempts ----

void ClientLink::attempt() {
  ++attempts_;
  ending_.reset();
  transport_ = make_transport(order_[at_]);
  transport_->start();
}

std::unique_ptr<ClientTransport> ClientLink::make_transport(bool websocket) {
  TransportEvents& told = *this;
  if (websocket) {
    dial::Target target{.host = place_.host, .port = place_.port, .tls = tls_, .websocket = {}, .out_bytes_max = socket_bytes_max};
    target.websocket =
        dial::WebSocketTarget{.target = request_path("websocket"), .fields = place_.headers, .message_bytes_max = config_.packets.bytes_max};
    return std::make_unique<SocketTransport>(loop_, std::move(target), told);
  }
  std::string url = fmt::format("{}://{}{}", place_.secure ? "https" : "http", url::place(place_.host, place_.port), request_path("polling"));
  std::vector<http_client::HttpField> fields;
  for (const net::HttpField& field : place_.headers) fields.push_back({field.name, field.value});
  return std::make_unique<PollTransport>(
      loop_, *http_, std::move(url), std::move(fields), [this] { return client_.engine().is_open() ? client_.engine().sid() : std::string{}; }, told);
}

std::string ClientLink::request_path(std::string_view transport) const {
  return fmt::format("{}?EIO=4&transport={}{}{}", place_.path, transport, place_.query.empty() ? "" : "&", place_.query);
}

void ClientLink::end_soon(std::string why) {
  if (ending_ || !transport_) return;
  ending_ = std::move(why);
  loop_.post([this, alive = std::weak_ptr(alive_)] {  // not from inside what told us
    if (!alive.expired() && running_) end();
  });
}

void ClientLink::end() {
  if (!ending_) return;
  const std::string why = *std::exchange(ending_, std::nullopt);
  const bool was_open = client_.engine().is_open();
  client_.engine().end(why);
  transport_.reset();
  if (was_open) backoff_.connection_ended(Micros{0});
  if (!was_open && ++at_ < order_.size()) return attempt();  // there is another way
  at_ = 0;
  const bool wanted = client_.wants_connection();
  const Micros delay = backoff_.next(web::random_bits());
  const std::string told = why.starts_with(place_.host) ? why : fmt::format("{}: {}", url::place(place_.host, place_.port), why);
  if (told != last_failure_)
    log_(fmt::format("socketio: {}{}", told, wanted ? fmt::format("; next attempt in {:.1f} s", static_cast<double>(delay.count()) / 1e6) : ""));
  last_failure_ = told;
  if (wanted) redial_.set(io::steady_now() + delay);
}

// ---- what the transport brings ----

void ClientLink::transport_ready() {
  client_.engine().begin(*transport_, io::steady_now());
  look_after();
}

void ClientLink::transport_text(std::string_view packet) {
  const bool was_open = client_.engine().is_open();
  if (ending_) return;
  if (auto why = client_.engine().take_text(packet, io::steady_now())) end_soon(std::move(*why));
  if (!was_open && client_.engine().is_open()) {
    if (!last_failure_.empty()) log_(fmt::format("socketio: {}: connected", url::place(place_.host, place_.port)));
    last_failure_.clear();
  }
  look_after();
}

void ClientLink::transport_binary(Bytes message) {
  if (ending_) return;
  if (auto why = client_.engine().take_binary(message)) end_soon(std::move(*why));
}

void ClientLink::transport_writable() { client_.engine().writable(); }

void ClientLink::look_after() {
  if (const auto at = client_.next_deadline(); at && running_) clock_.set(*at);
}

}  // namespace clasp::bridge::socketio
