#include "home_assistant/discovery.hpp"

#include <fmt/format.h>

#include <cctype>
#include <utility>

#include "core/json.hpp"

namespace clasp::home_assistant {

namespace {

// Devices announce many signals one after the other; they are published together.
constexpr Micros settle_time{200'000};

constexpr std::string_view router_status = "clasp/status/router";  // topics
constexpr std::string_view device_status = "clasp/status/device";

}  // namespace

std::string router_id_of(std::string_view router_name) {
  std::string id;
  for (const char c : router_name) id += std::isalnum(static_cast<unsigned char>(c)) != 0 ? static_cast<char>(std::tolower(static_cast<unsigned char>(c))) : '_';
  return id.empty() ? "clasp" : id;
}

class Discovery::Nobody final : public router::Sink {
 public:
  explicit Nobody(router::SessionId& session) : session_(session) {}
  std::size_t deliver(const router::Delivery&) override { return 0; }
  std::size_t reply(const router::Reply&) override { return 0; }
  void close(const router::CloseReason&) override { session_ = router::nobody; }

 private:
  router::SessionId& session_;
};

Discovery::Discovery(router::Router& router, DiscoveryConfig config, const Now& now)
    : router_(router), config_(std::move(config)), sink_(std::make_unique<Nobody>(session_)), session_(router::nobody), due_(now.steady) {
  session_ = router_.open_session({.name = "home-assistant", .grants = router::open_grants(), .counted = false, .writer = "home-assistant"}, *sink_, now);
}

Discovery::~Discovery() = default;

std::string Discovery::address_of(const std::string& topic) const {
  std::string address;
  return config_.names.to_address(topic, address) ? address : "";
}

bool Discovery::end_turn(const Now& now) {
  if (router_.signals_version() != version_ && !due_) due_ = now.steady + settle_time;
  return false;
}

void Discovery::advance(const Now& now) {
  if (!due_ || now.steady < *due_) return;
  due_.reset();
  if (session_ == router::nobody || router_.signals_version() == version_) return;
  version_ = router_.signals_version();
  publish_all(now);
}

// Everything anew, of which only what has changed is written. A device that is gone keeps its entities, which become unavailable; they go when the
// router forgets its signals (--signal-ttl).
void Discovery::publish_all(const Now& now) {
  std::map<std::string, Value> wanted;
  const std::string router_topic(router_status);
  std::map<std::string, bool> devices;
  router_.for_each_signal(now, [&](const router::SignalRegistry::Entry& entry) {
    const router::SignalRegistry::Entry& signal = entry;
    std::string topic;
    if (!config_.names.to_name(signal.definition.address, topic)) return;  // MQTT clients do not see it
    const std::string device = fmt::format("{}/{}", device_status, to_id(device_of(signal.definition.address)));
    for (Entity& entity : entities_of(signal.definition, {.router_id = config_.router_id, .topic = topic, .availability = {router_topic, device}})) {
      devices[device] |= signal.present;
      const std::string address = address_of(fmt::format("{}/{}/{}/{}/config", config_.prefix, entity.component, config_.router_id, entity.object_id));
      if (!address.empty()) wanted.emplace(address, std::move(entity.config));
    }
  });
  if (!wanted.empty()) wanted.emplace(address_of(router_topic), Value("online"));
  for (const auto& [topic, present] : devices) wanted.emplace(address_of(topic), Value(present ? "online" : "offline"));

  for (auto known = published_.begin(); known != published_.end();) {
    if (wanted.contains(known->first)) {
      ++known;
      continue;
    }
    static_cast<void>(router_.remove(session_, known->first, now));  // an empty retained message: Home Assistant forgets the entity
    known = published_.erase(known);
  }
  for (const auto& [address, value] : wanted) {
    std::string text = to_json(value);
    std::string& before = published_[address];
    if (before == text) continue;
    set(address, value, now);
    before = std::move(text);
  }
}

void Discovery::set(const std::string& address, const Value& value, const Now& now) {
  const EncodedValue encoded(value);
  router_.submit(session_, Message{Set{.address = address, .value = encoded.view()}}, Qos::fire, {}, now);
}

}  // namespace clasp::home_assistant
