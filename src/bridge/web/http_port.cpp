#include "bridge/web/http_port.hpp"

#include <utility>

#include "core/check.hpp"

namespace clasp::bridge::web {

HttpPort::HttpPort(io::IoLoop& loop, net::HttpHandler& handler, net::Turns& turns, std::function<void(std::string_view)> log)
    : handler_(handler),
      turns_(turns),
      log_(std::move(log)),
      inner_({.yield_before_flush = false}),  // others live in the outer loop
      nested_(loop, inner_) {
  inner_.attach(turns_);
}

HttpPort::~HttpPort() {
  CLASP_CHECK(!listener_);
  inner_.detach(turns_);
}

Result<void> HttpPort::open(const net::ListenAddress& bind) {
  net::Protocols protocols = net::Protocols::only_http(handler_);
  protocols.log = log_;
  auto opened = net::Listener::open(inner_, bind, std::move(protocols));
  if (!opened) return opened.error();
  listener_ = *std::move(opened);
  turn_soon();
  return {};
}

void HttpPort::close(const std::function<void()>& goodbye) {
  if (!listener_) return;
  listener_.reset();
  goodbye();
  inner_.shut_down_streams();
  inner_.turn(Micros{0});
}

}  // namespace clasp::bridge::web
