// An HTTP bridge to be, and the rows that describe it: a server in front of the router, or a client that asks and tells other servers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bridge/frame/bridge_plan.hpp"
#include "bridge/http/http_bridge_config.hpp"
#include "bridge/http/server_bridge.hpp"
#include "http_client/http_client.hpp"

namespace clasp::bridge::http {

class HttpPlan final : public BridgePlan {
 public:
  HttpPlan() : BridgePlan("http", "/http") {}

  std::string_view address_row() const override { return "bind"; }
  Result<void> check() const override;
  std::unique_ptr<Bridge> make(const BridgeContext& context) const override;

  HttpServerModeConfig server_config() const;
  // Lines are read here: what their names mean depends on namespace and URL, which may stand behind them. check() has been asked.
  Result<HttpClientModeConfig> client_config() const;
  http_client::HttpClientConfig fetcher_config() const { return fetcher; }

  enum class Mode : std::uint8_t { server, client };

  // What the rows fill in.
  Mode mode = Mode::server;
  // server
  std::string host = "0.0.0.0";
  std::uint16_t port = 3'000;
  bool local_only = false;
  HttpServerModeConfig server;
  std::vector<std::string> endpoints;
  // client
  std::string url;
  Micros poll_interval{0};
  bool mirror = true;
  bool strip_namespace = false;
  bool wrap_value = false;
  std::vector<std::string> polls;
  std::vector<std::string> sends;
  std::vector<std::string> webhooks;
  HttpClientModeConfig client;
  http_client::HttpClientConfig fetcher;

 private:
  std::vector<options::Option> own_rows() override;
  void add_server_rows(std::vector<options::Option>& rows);
  void add_client_rows(std::vector<options::Option>& rows);

  std::string first_client_row_;  // that was given: it makes no sense in server mode
};

std::unique_ptr<BridgePlan> make_http_plan();

}  // namespace clasp::bridge::http
