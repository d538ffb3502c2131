// Announced signals as entities of Home Assistant, which is a client of the MQTT broker: their discovery messages are params below
// <prefix>/<component>/<router>/<object>/config, which is what retained messages are (docs/home-assistant.md).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "bridge/namespace_map.hpp"
#include "home_assistant/entity.hpp"
#include "net/event_loop.hpp"
#include "router/router.hpp"

namespace clasp::home_assistant {

struct DiscoveryConfig {
  std::string prefix = "homeassistant";  // a topic; as in Home Assistant's own settings
  std::string router_id = "clasp";       // letters, digits, _ and -; router_id_of()
  bridge::NamespaceMap names;            // where MQTT topics are in the router
};

std::string router_id_of(std::string_view router_name);  // "CLASP Router" is clasp_router

// On the router's thread. The router outlives it.
class Discovery final : public net::Turns {
 public:
  Discovery(router::Router& router, DiscoveryConfig config, const Now& now);
  ~Discovery() override;

  void advance(const Now& now) override;
  bool end_turn(const Now& now) override;
  std::optional<SteadyTime> next_deadline() const override { return due_; }

  std::size_t entities() const { return published_.size(); }

 private:
  class Nobody;  // the session's sink: it hears nothing
  void publish_all(const Now& now);
  void set(const std::string& address, const Value& value, const Now& now);
  std::string address_of(const std::string& topic) const;

  router::Router& router_;
  DiscoveryConfig config_;
  std::unique_ptr<Nobody> sink_;
  router::SessionId session_;
  std::uint64_t version_ = ~std::uint64_t{0};
  std::optional<SteadyTime> due_;
  std::map<std::string, std::string> published_;  // address to what it holds, as JSON
};

}  // namespace clasp::home_assistant
