// A WebSocket echo built from the router's own loop, listener and links, for suites that test an implementation by an echo (Autobahn): text
// comes back as text, binary as binary. No router behind it, and no part of the product.
#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "io/signal_watch.hpp"
#include "net/listener.hpp"
#include "net/stream_link.hpp"

namespace {

using namespace clasp;

constexpr std::size_t message_bytes_max = 64 << 20;  // the suite sends 16 MiB
constexpr std::size_t waiting_bytes_max = 1 << 20;   // of one link; then it is not read until half of it has left
constexpr Micros setup_max{600'000'000};             // a case may say nothing but pings

class EchoEngine final : public net::LinkEngine {
 public:
  void advance(const Now&) override {}
  bool end_turn(const Now&) override { return false; }
  std::optional<SteadyTime> next_deadline() const override { return std::nullopt; }

  router::LinkId open_link(router::Sink& sink, const Now&) override {
    const router::LinkId id{++last_id_};
    links_[id].sink = &sink;
    return id;
  }
  void receive(router::LinkId id, Bytes frame, const Now&) override {
    Link& link = links_.at(id);
    sent_away(link, link.sink->reply({.message = nullptr, .frame = frame}));
  }
  bool receive_text(router::LinkId id, std::string_view text, const Now&) override {
    Link& link = links_.at(id);
    sent_away(link, dynamic_cast<net::WebSocketLink&>(*link.sink).send_text(text));  // no other link has text
    return true;
  }
  void activity(router::LinkId, const Now&) override {}
  void sent(router::LinkId id, std::size_t bytes, const Now&) override {
    Link& link = links_.at(id);
    link.waiting -= bytes;
    if (link.waiting <= waiting_bytes_max / 2) link.sink->read(true);
  }
  void closed(router::LinkId id, const Now&) override { links_.erase(id); }

 private:
  struct Link {
    router::Sink* sink = nullptr;
    std::size_t waiting = 0;
  };
  static void sent_away(Link& link, std::size_t bytes) {
    link.waiting += bytes;
    if (link.waiting > waiting_bytes_max) link.sink->read(false);
  }

  std::map<router::LinkId, Link> links_;
  std::uint32_t last_id_ = 0;
};

int usage(std::string_view why) {
  fmt::print(stderr, "clasp_echo: {}\nusage: clasp_echo [--listen ADDRESS] [--deflate]\n", why);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::string listen = "127.0.0.1:0";
  net::WebSocketOptions websocket{.message_bytes_max = message_bytes_max};
  const std::span<char*> arguments{argv, static_cast<std::size_t>(argc)};
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--listen" && i + 1 < arguments.size()) {
      listen = arguments[++i];
    } else if (argument == "--deflate") {
      websocket.deflate = true;
    } else {
      return usage(fmt::format("what is {}?", argument));
    }
  }
  const Result<net::ListenAddress> address = net::parse_listen_address(listen);
  if (!address) return usage(address.error().message);

  net::EventLoop loop{{.setup_max = setup_max}};
  EchoEngine engine;
  net::ProbeHandler http;
  loop.attach(engine);
  io::SignalWatch signals{loop.io(), [&loop] { loop.stop(); }};
  const net::Protocols known = net::Protocols::clasp(engine, http, websocket);
  const Result<std::unique_ptr<net::Listener>> listener = net::Listener::open(loop, *address, known);
  if (!listener) return usage(listener.error().message);
  fmt::print("clasp_echo is ready: ws://127.0.0.1:{}\n", (*listener)->port());
  std::fflush(stdout);
  loop.run();
  return EXIT_SUCCESS;
}
