// The HTTP bridge in client mode without its sockets: polls that become params, changes that become requests (bridges specification, section 11.3).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "bridge/http/http_bridge_config.hpp"
#include "bridge/http/poll.hpp"
#include "bridge/http/target.hpp"
#include "bridge/router_link.hpp"
#include "core/paced_log.hpp"
#include "core/time.hpp"
#include "http_client/http_fetch.hpp"

namespace clasp::bridge::http {

class HttpClientBridge final : private RouterLinkListener {
 public:
  struct Outside {
    std::function<Now()> clock;
    std::function<std::uint64_t()> random;
    std::function<void(std::string_view line)> log;
    std::function<void()> deadline_changed = [] {};  // next_deadline() may be earlier than it was; calls nothing of the bridge but that
  };

  // Link and fetcher outlive the bridge.
  HttpClientBridge(RouterLink& router, http_client::HttpFetcher& fetcher, HttpClientModeConfig config, Outside outside);
  HttpClientBridge(const HttpClientBridge&) = delete;
  ~HttpClientBridge() override;

  void start();
  void stop();  // what waits is dropped
  void advance(const Now& now);
  std::optional<SteadyTime> next_deadline() const;

  const HttpBridgeCounters& counters() const { return counters_; }
  std::size_t waiting() const;  // for targets
  bool is_linked() const { return linked_; }

 private:
  void link_up() override;
  void link_down(std::string_view reason) override;
  void delivered(const LinkDelivery& delivery) override;
  void refused(const Error& error) override;

  Surroundings surroundings();

  RouterLink& router_;
  http_client::HttpFetcher& fetcher_;
  const HttpClientModeConfig config_;
  Outside outside_;
  HttpBridgeCounters counters_;
  PacedLog log_;
  bool linked_ = false;
  std::vector<std::unique_ptr<Poll>> polls_;
  std::vector<std::unique_ptr<Target>> targets_;
};

}  // namespace clasp::bridge::http
