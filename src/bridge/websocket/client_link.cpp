#include "bridge/websocket/client_link.hpp"

#include <limits>
#include <string>
#include <utility>

namespace clasp::bridge::websocket {

namespace {

// The hub keeps what the connection does not take; the connection pings by itself.
HubConfig as_client(HubConfig config) {
  config.session = false;
  config.ping_interval = Micros{0};
  return config;
}

dial::Target with_room(dial::Target target, const HubConfig& config) {
  target.out_bytes_max = config.wire_bytes_max;
  return target;
}

}  // namespace

ClientLink::ClientLink(io::IoLoop& loop, RouterLink& router, HubConfig config, dial::Target target, const client::BackoffConfig& backoff,
                       std::function<void(std::string_view)> log)
    : config_(as_client(std::move(config))),
      loop_(loop),
      redial_(loop, with_room(std::move(target), config_), backoff, log, *this),
      hub_(router, config_, {.clock = [] { return io::read_clocks(); }, .log = log, .changed = [this] { look_after_hub(); }}),
      timer_(loop, [this] {
        hub_.advance(io::steady_now());
        look_after_hub();
      }) {}

void ClientLink::start() {
  running_ = true;
  hub_.start();
  redial_.start();
}

void ClientLink::stop() {
  if (!std::exchange(running_, false)) return;
  timer_.cancel();
  redial_.stop();
  hub_.closed(peer_);
  hub_.stop();
}

void ClientLink::dial_input(Bytes bytes, dial::Form form) {
  if (form == dial::Form::text)
    hub_.on_text(peer_, as_text(bytes));
  else
    hub_.on_binary(peer_, bytes);
  look_after_hub();
}

// Full or not: dial_writable() tells when it has changed.
std::size_t ClientLink::bytes_waiting() const { return redial_.has_room() ? 0 : std::numeric_limits<std::size_t>::max(); }

// The hub has already forgotten this peer when it is told.
void ClientLink::close(std::uint16_t, std::string_view reason) {
  loop_.post([this, alive = std::weak_ptr(alive_), why = std::string(reason)] {
    if (!alive.expired()) redial_.drop(why);
  });
}

void ClientLink::look_after_hub() {
  if (const auto at = hub_.next_deadline()) timer_.set(*at);
}

}  // namespace clasp::bridge::websocket
