// The real router with its real listener on a thread of its own, for tests of clients against it.
#pragma once

#include <fmt/format.h>

#include <future>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>

#include "net/event_loop.hpp"
#include "net/listener.hpp"
#include "net/router_engine.hpp"
#include "router/router.hpp"

namespace clasp::client::testing {

class RealRouter {
 public:
  explicit RealRouter(router::Config config = {}) {
    std::promise<std::uint16_t> port;
    auto opened = port.get_future();
    thread_ = std::thread([this, config = std::move(config), &port] { run(config, port); });
    port_ = opened.get();
  }
  ~RealRouter() {
    loop_.stop();
    thread_.join();
  }
  RealRouter(const RealRouter&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url(std::string_view scheme = "ws") const { return fmt::format("{}://127.0.0.1:{}", scheme, port_); }

 private:
  class SystemRandom final : public router::Random {
   public:
    std::uint64_t next() override { return generator_(); }

   private:
    std::mt19937_64 generator_{std::random_device{}()};
  };

  void run(const router::Config& config, std::promise<std::uint16_t>& port) {
    SystemRandom random;
    router::Router router(config, router::Hooks{.random = &random, .log = {}}, io::read_clocks());
    net::RouterEngine engine(router);
    loop_.attach(engine);
    net::ProbeHandler http;
    auto listener = net::Listener::open(loop_, {"127.0.0.1", 0}, net::Protocols::clasp(engine, http));
    if (!listener) throw std::runtime_error(listener.error().message);
    port.set_value((*listener)->port());
    loop_.run();
    loop_.detach(engine);
  }

  net::EventLoop loop_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace clasp::client::testing
