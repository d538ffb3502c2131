// The HTTP bridge in server mode: the HTTP interface on a port of its own, in front of a router that may be elsewhere (bridges specification, 11).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/http/router_copy.hpp"
#include "bridge/namespace_map.hpp"
#include "bridge/router_link.hpp"
#include "core/paced_log.hpp"
#include "core/pattern.hpp"
#include "http_api/http_api.hpp"
#include "http_api/upstream.hpp"
#include "io/timer.hpp"
#include "net/event_loop.hpp"
#include "net/http_handler.hpp"
#include "net/listener.hpp"
#include "net/nested_loop.hpp"
#include "net/router_engine.hpp"

namespace clasp::bridge::http {

struct HttpServerModeConfig {
  std::string name = "http-bridge";
  NamespaceMap ns;
  std::vector<Pattern> reads;  // what is kept, and so what can be read and written; empty: the namespace
  std::vector<net::ListenAddress> listen{{"0.0.0.0", 3'000}};
  http_api::HttpApiConfig api{.write_timeout = std::chrono::milliseconds{10'000}};
  std::size_t params_max = 100'000;
};

// Reads are answered from a copy of what `reads` covers, which follows the router; writes go to the router, and are answered when it has accepted
// them (their echo is there) or refused them. While it cannot be reached everything is answered with 503.
class HttpServerBridge final : private RouterLinkListener, private http_api::Upstream, private net::HttpHandler {
 public:
  static constexpr std::size_t writes_max = 4'096;  // that wait for an answer; then 429

  // Loop and link outlive the bridge.
  HttpServerBridge(io::IoLoop& loop, RouterLink& router, HttpServerModeConfig config, std::function<void(std::string_view)> log);
  HttpServerBridge(const HttpServerBridge&) = delete;
  ~HttpServerBridge() override;

  Result<void> start();  // the error names the address and the reason
  void stop();           // the port is free afterwards

  std::vector<std::uint16_t> ports() const;
  bool is_linked() const { return linked_; }
  std::size_t streams() const { return inner_.streams(); }
  std::vector<std::pair<const char*, std::uint64_t>> counters() const;

 private:
  class DeviceRandom final : public router::Random {
   public:
    std::uint64_t next() override { return (std::uint64_t{device_()} << 32) | device_(); }

   private:
    std::random_device device_;
  };
  struct Event {
    std::string address;
    std::optional<std::string> value;  // tag and bytes
  };
  struct Waiting {
    std::vector<std::string> addresses;  // that are set
    std::vector<Event> events;           // of a bundle: told to our own listeners when it is accepted, because they do not come back
    Done done;
  };

  // RouterLinkListener
  void link_up() override;
  void link_down(std::string_view reason) override;
  void delivered(const LinkDelivery& delivery) override;
  void refused(const Error& error) override;
  // http_api::Upstream
  std::optional<Error> unavailable() const override;
  std::uint64_t write(const Message& message, Done done) override;
  void forget(std::uint64_t ticket) override;
  // net::HttpHandler
  void handle(const net::HttpRequest& request, net::HttpResponder& responder) override;
  net::HttpResponse refusal(const net::HttpFault& fault) override { return api_.refusal(fault); }
  std::optional<net::HttpResponse> refuse_upgrade(const net::HttpRequest& request) override;

  std::optional<Error> fault_of(const Message& message) const;
  void settle(std::map<std::uint32_t, Waiting>::iterator at, http_api::RouterAnswer answer);
  bool is_read(std::string_view address) const;
  std::uint32_t next_tag();
  std::uint64_t write_bundle(const Bundle& bundle, Done done);

  RouterLink& router_;
  const HttpServerModeConfig config_;
  std::function<void(std::string_view)> log_;
  PacedLog paced_;
  DeviceRandom random_;
  net::EventLoop inner_;
  RouterCopy copy_;
  net::RouterEngine engine_;
  http_api::HttpApi api_;
  std::optional<net::NestedLoop> nested_;
  io::Timer sweep_;
  std::vector<std::unique_ptr<net::Listener>> listeners_;
  std::map<std::uint32_t, Waiting> waiting_;  // by the tag their writes carry, so oldest first
  std::uint32_t last_tag_ = 0;
  std::uint64_t writes_refused_ = 0;
  std::string away_ = "not connected yet";
  bool linked_ = false;
};

}  // namespace clasp::bridge::http
