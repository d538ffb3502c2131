#include "bridge/socketio/client_transport.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/address.hpp"
#include "io/io_loop.hpp"

namespace clasp::bridge::socketio {

using http_client::CallId;
using http_client::HttpAnswer;

namespace {
constexpr Micros call_max = std::chrono::hours{2};  // the session's own deadlines are shorter
}

PollTransport::PollTransport(io::IoLoop& loop, http_client::HttpFetcher& http, std::string url, std::vector<http_client::HttpField> fields,
                             std::function<std::string()> sid, TransportEvents& events)
    : loop_(loop), http_(http), url_(std::move(url)), fields_(std::move(fields)), sid_(std::move(sid)), events_(events) {}

PollTransport::~PollTransport() {
  http_.cancel(get_);
  http_.cancel(post_);
}

void PollTransport::start() {
  events_.transport_ready();
  poll();
}

http_client::HttpCall PollTransport::call(std::string_view method, std::string body) const {
  http_client::HttpCall made{.method = std::string(method),
                             .url = url_,
                             .fields = fields_,
                             .body = std::move(body),
                             .timeout = call_max,
                             .answer_bytes_max = answer_bytes_max,
                             .redirects_max = 0};
  if (const std::string sid = sid_(); !sid.empty()) made.url += fmt::format("&sid={}", sid);
  if (method == "POST") made.fields.push_back({"Content-Type", "text/plain;charset=UTF-8"});
  return made;
}

bool PollTransport::is_fine(const Result<HttpAnswer>& answer) {
  if (!answer)
    events_.transport_lost(answer.error().message);
  else if (answer->status != 200)
    events_.transport_lost(fmt::format("the server answers {} {}", answer->status, printable(answer->body, 200)));
  return answer && answer->status == 200;
}

void PollTransport::poll() {
  get_ = http_.start(call("GET", {}), [this](const Result<HttpAnswer>& answer) { polled(answer); });
}

void PollTransport::polled(const Result<HttpAnswer>& answer) {
  get_ = CallId::none;
  if (!is_fine(answer)) return;
  PayloadReader reader(answer->body);
  while (!reader.done()) {
    const auto packet = reader.next();
    if (!packet) return events_.transport_lost("what answers there does not speak Engine.IO 4");
    if (packet->blob)
      events_.transport_binary(*packet->blob);
    else
      events_.transport_text(std::string(1, static_cast<char>(packet->type)) + std::string(packet->text));
  }
  poll();
}

void PollTransport::send_text(std::string_view packet) {
  if (packet.empty()) return;
  pending_.add_text(static_cast<EngineType>(packet[0]), packet.substr(1));
  post_soon();
}

void PollTransport::send_binary(Bytes message) {
  pending_.add_binary(message);
  post_soon();
}

// All that is sent in one turn is one request.
void PollTransport::post_soon() {
  if (std::exchange(post_due_, true)) return;
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) post();
  });
}

void PollTransport::post() {
  post_due_ = false;
  if (post_ != CallId::none || pending_.empty()) return;
  post_ = http_.start(call("POST", std::exchange(pending_, {}).body()), [this](const Result<HttpAnswer>& answer) {
    post_ = CallId::none;
    if (!is_fine(answer)) return;
    events_.transport_writable();
    post();
  });
}

}  // namespace clasp::bridge::socketio
