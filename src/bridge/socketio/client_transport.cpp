#include "bridge/socketio/client_transport.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/address.hpp"
#include "io/io_loop.hpp"

namespace clasp::bridge::socketio {

PollTransport::PollTransport(io::IoLoop& loop, const dial::Target& target, std::string path, const std::vector<net::HttpField>& fields,
                             std::function<std::string()> sid, TransportEvents& events)
    : loop_(loop),
      path_(std::move(path)),
      sid_(std::move(sid)),
      events_(events),
      gets_(loop, target, fields, answer_bytes_max),
      posts_(loop, target, fields, answer_bytes_max) {}

void PollTransport::start() {
  events_.transport_ready();
  poll();
}

std::string PollTransport::path_with_sid() const {
  const std::string sid = sid_();
  return sid.empty() ? path_ : fmt::format("{}&sid={}", path_, sid);
}

void PollTransport::poll() {
  gets_.ask("GET", path_with_sid(), {}, [this](const Result<HttpAnswer>& answer) { polled(answer); });
}

void PollTransport::polled(const Result<HttpAnswer>& answer) {
  if (!answer) return events_.transport_lost(answer.error().message);
  if (answer->status != 200) return events_.transport_lost(fmt::format("the server answers {} {}", answer->status, printable(answer->body, 200)));
  PayloadReader reader(answer->body);
  while (!reader.done()) {
    const auto packet = reader.next();
    if (!packet) return events_.transport_lost("what answers there does not speak Engine.IO 4");
    if (packet->blob) events_.transport_binary(*packet->blob);
    else events_.transport_text(std::string(1, static_cast<char>(packet->type)) + std::string(packet->text));
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
  if (posts_.busy() || pending_.empty()) return;
  posts_.ask("POST", path_with_sid(), std::exchange(pending_, {}).body(), [this](const Result<HttpAnswer>& answer) {
    if (!answer) return events_.transport_lost(answer.error().message);
    if (answer->status != 200) return events_.transport_lost(fmt::format("the server answers {} {}", answer->status, printable(answer->body, 200)));
    events_.transport_writable();
    post();
  });
}

}  // namespace clasp::bridge::socketio
