// The bridges of a server's process, from their start to their end.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/frame/bridge_host.hpp"
#include "bridge/local/local_link.hpp"
#include "server/metrics.hpp"
#include "server/server_config.hpp"

namespace clasp::server {

class Bridges {
 public:
  // All of it outlives this.
  Bridges(router::Router& router, io::IoLoop& loop, std::function<void(std::string_view)> log) : router_(router), loop_(loop), log_(std::move(log)) {}
  ~Bridges() { stop(); }

  // Those of the configuration, in order, or the error of the first that cannot be started.
  Result<void> start(const ServerConfig& config);
  void stop();

  // Their mappings as another configuration has them, all or none. Which bridges there are stays as it was.
  using Tables = std::vector<mapping::MappingTable>;
  Result<Tables> compile(const ServerConfig& config) const;
  void replace(Tables tables);

  std::uint16_t port_of(std::string_view protocol) const;  // of the first of it that has one, else 0
  std::string ready_text() const;                          // " osc/udp port 9000 mqtt://broker.local:1883"
  void append_metrics(std::vector<BridgeMetric>& out) const;

 private:
  struct Part {
    Part(router::Router& router, std::uint32_t origin);
    bridge::LocalRouterLink link;
    std::unique_ptr<bridge::BridgeHost> host;
  };
  router::Router& router_;
  io::IoLoop& loop_;
  std::function<void(std::string_view)> log_;
  std::vector<std::unique_ptr<Part>> parts_;
};

}  // namespace clasp::server
