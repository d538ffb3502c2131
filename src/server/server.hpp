// `clasp server`: the composition of loop, router, listeners and bridges. Reading Server's members shows the whole program.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "server/server_config.hpp"

namespace clasp::router {
class Router;
}
namespace clasp::net {
class EventLoop;
}

namespace clasp::server {

// The command: reads its options, runs until SIGINT or SIGTERM, returns the exit code (0 stopped, 1 could not start, 2 usage).
int run_server(std::span<const std::string> arguments);

// The same in pieces, for tests and embedders.
class Server {
 public:
  explicit Server(ServerConfig config);
  ~Server();

  // Binds everything. The error names what could not be had.
  Result<void> start();
  std::uint16_t port() const;               // of the first listener
  std::uint16_t osc_port() const;           // of the first OSC bridge, 0 if none
  std::string ready_line() const;
  std::string bridges_text() const;         // " osc/udp port 9000" …, its end
  void run();                               // until stop(); then drains, closes everybody with 1001 and returns
  void stop();                              // any thread; a second time: at once
  void stop_on_signals(std::function<void()> asked_to_reload = {});  // SIGINT and SIGTERM, from now on; SIGHUP, if there is something to do
  // Takes over mappings and transforms; what else is in it waits for a restart. An error is told in the log, and the old ones stay in force.
  void reload(const Result<ServerConfig>& config);

  // For what lives on the loop's thread.
  router::Router& router();
  net::EventLoop& loop();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace clasp::server
