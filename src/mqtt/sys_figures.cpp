// $SYS: the broker's figures as topics. They are not part of the router's state; who subscribes gets them at once and every ten seconds.
#include <fmt/format.h>

#include "mqtt/broker.hpp"

namespace clasp::mqtt {

namespace {
constexpr Micros figures_interval{10'000'000};
}

void Broker::each_figure(const std::function<void(std::string_view, std::string_view)>& visit) const {
  const auto number = [&visit](std::string_view topic, std::uint64_t value) { visit(topic, fmt::format("{}", value)); };
  visit("$SYS/broker/version", "clasp");
  number("$SYS/broker/uptime", static_cast<std::uint64_t>((now_.steady - started_).count() / 1'000'000));
  number("$SYS/broker/clients/connected", attached_);
  number("$SYS/broker/clients/disconnected", by_id_.size() - attached_);
  number("$SYS/broker/clients/total", by_id_.size());
  number("$SYS/broker/clients/expired", stats_.sessions_expired);
  number("$SYS/broker/messages/received", stats_.published_in);
  number("$SYS/broker/messages/sent", stats_.published_out);
  number("$SYS/broker/publish/messages/dropped", stats_.dropped_detached + stats_.dropped_expired + stats_.dropped_too_large + stats_.conflated);
  number("$SYS/broker/retained messages/count", router_.gauges().params);
  number("$SYS/broker/subscriptions/count", router_.gauges().subscriptions);
}

void Broker::send_figures(Session& session, const Subscription& subscription) {
  if (!subscription.filter.starts_with("$SYS")) return;
  each_figure([&](std::string_view topic, std::string_view text) {
    if (!filter_matches(subscription.filter, topic)) return;
    MessageRef shared;
    Terms terms{.qos = std::min(subscription.options.qos, Qos::at_least_once), .retain = true, .group = 0, .identifiers = {}};
    if (subscription.identifier != 0) terms.identifiers.push_back(subscription.identifier);
    session.send({.topic = topic, .payload = as_bytes(text), .forwarded = {}, .expires = {}, .qos = Qos::at_least_once, .retain = true}, shared,
                 std::move(terms));
  });
  if (!figures_due_) figures_due_ = now_.steady + figures_interval;
}

void Broker::publish_figures() {
  figures_due_.reset();
  each_figure([this](std::string_view topic, std::string_view text) {
    MessageRef shared;
    for (const auto& [id, session] : by_id_) {
      if (!session->is_attached() || !session->wants_figures(topic)) continue;
      session->send({.topic = topic, .payload = as_bytes(text), .forwarded = {}, .expires = {}}, shared, {});
      figures_due_ = now_.steady + figures_interval;
    }
  });
}

}  // namespace clasp::mqtt
