// The first handler of every accepted connection: looks at its first byte and hands over to who speaks that protocol.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "core/paced_log.hpp"
#include "net/first_bytes.hpp"
#include "net/http_handler.hpp"
#include "net/http_message.hpp"
#include "net/link_engine.hpp"
#include "net/stream.hpp"
#include "net/websocket_options.hpp"

namespace clasp::net {

using LogLine = std::function<void(std::string_view)>;

// Who speaks what on one port. A row without a maker is a protocol we know and don't have: such connections are closed and counted.
struct Protocols {
  using Maker = EventLoop::HandlerMaker;
  std::array<Maker, protocols> makers;
  LogLine log = [](std::string_view) {};
  std::shared_ptr<PacedLog> paced = std::make_shared<PacedLog>();
  void tell(std::string_view kind, std::string line, const Now& now) const { paced->line(kind, std::move(line), now.steady, log); }

  Maker& operator[](Protocol protocol) { return makers[static_cast<std::size_t>(protocol)]; }
  const Maker& operator[](Protocol protocol) const { return makers[static_cast<std::size_t>(protocol)]; }

  // WebSocket and HTTP, length-prefixed TCP and bare frames. The references outlive the connections.
  static Protocols clasp(LinkEngine& engine, HttpHandler& http, const WebSocketOptions& websocket = {});
  // HTTP alone, and the WebSockets the handler itself speaks on (HttpHandler::find_upgrade).
  static Protocols only_http(HttpHandler& http);
};

class Recogniser final : public StreamHandler {
 public:
  Recogniser(Stream& stream, std::shared_ptr<const Protocols> known) : stream_(stream), known_(std::move(known)) {}

  void on_bytes(std::span<std::byte>& input) override;
  void on_end() override { stream_.close_after_flush(); }  // port probes of load balancers end like this
  void on_setup_deadline() override;
  void on_shutdown() override { stream_.close_after_flush(); }

 private:
  Stream& stream_;
  std::shared_ptr<const Protocols> known_;  // shared by the listener and what it accepted
};

}  // namespace clasp::net
