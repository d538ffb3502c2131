#include "bridge/mqtt/mqtt_unit.hpp"

#include <fmt/format.h>

#include <optional>
#include <random>
#include <utility>

#include "bridge/mqtt/broker_link.hpp"
#include "bridge/mqtt/mqtt_bridge.hpp"
#include "io/io_loop.hpp"

namespace clasp::bridge::mqtt {
namespace {

std::string random_client_id() { return fmt::format("clasp-{:08x}", std::random_device{}()); }

class MqttUnit final : public Bridge {
 public:
  MqttUnit(MqttConfig config, Result<dial::Target> target, std::string url, const BridgeContext& context)
      : target_(std::move(target)),
        url_(std::move(url)),
        context_(context),
        bridge_(context.router, std::move(config), random_client_id(), {.clock = io::steady_now, .log = context.log}) {}
  ~MqttUnit() override { stop(); }

  Result<void> start() override {
    if (!target_) return target_.error();
    broker_ = std::make_unique<BrokerLink>(context_.loop, *target_, bridge_, context_.log);
    broker_->start();
    bridge_.start();
    return {};
  }
  void stop() override {
    if (!broker_) return;
    bridge_.stop();
    broker_.reset();
  }

  BridgeReport report() const override {
    BridgeReport report;
    report.endpoint = url_;
    const bool connected = broker_ && broker_->state() == BrokerLink::State::connected;
    report.state = !broker_ ? BridgeState::stopped : connected ? BridgeState::running : BridgeState::waiting;
    if (broker_) report.detail = broker_->describe();
    report.received = bridge_.counters().received;
    report.sent = bridge_.client().counters().sent;
    for (const auto& [name, count] : bridge_.all_counters()) report.counters.emplace_back(name, count);
    if (broker_) report.counters.emplace_back("attempts", broker_->attempts());
    if (connected) report.peers.push_back({.name = url_, .received = report.received, .sent = report.sent});
    report.peers_total = report.peers.size();
    return report;
  }

 private:
  Result<dial::Target> target_;
  std::string url_;
  BridgeContext context_;
  MqttBridge bridge_;
  std::unique_ptr<BrokerLink> broker_;
};

}  // namespace

std::unique_ptr<Bridge> make_mqtt_bridge(MqttConfig config, Result<dial::Target> target, std::string url, const BridgeContext& context) {
  return std::make_unique<MqttUnit>(std::move(config), std::move(target), std::move(url), context);
}

std::unique_ptr<Bridge> MqttPlan::make(const BridgeContext& context) const { return make_mqtt_bridge(config(), target(), url(), context); }

}  // namespace clasp::bridge::mqtt
