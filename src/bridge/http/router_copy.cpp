#include "bridge/http/router_copy.hpp"

namespace clasp::bridge::http {

namespace {

router::Config config_of(std::size_t params_max) {
  router::Config config;
  config.name = "copy";
  config.params_max = params_max;
  config.signal_ttl = router::seconds{0};
  return config;
}

}  // namespace

RouterCopy::RouterCopy(std::size_t params_max, router::Random& random, const Now& now)
    : router_(config_of(params_max), {.random = &random, .log = {}}, now),
      feeder_(router_.open_session({.name = "feeder",
                                    .grants = {},
                                    .echo_sets = router::Echo::no,
                                    .encoding = router::Encoding::views,
                                    .writer = "router"},
                                   *this, now)) {}

void RouterCopy::apply(const LinkDelivery& delivery, const Now& now) {
  if (delivery.is_set) return apply_set(delivery, now);
  Publish publish{.address = delivery.address, .signal = delivery.signal, .phase = delivery.phase, .value = delivery.value};
  publish.samples = delivery.samples;
  publish.id = delivery.id;
  this->publish(publish, now);
}

void RouterCopy::publish(const Publish& publish, const Now& now) {
  if (feeder_ != router::nobody) router_.submit(feeder_, Message{publish}, Qos::fire, {}, now);
}

void RouterCopy::apply_set(const LinkDelivery& delivery, const Now& now) {
  if (!delivery.value || feeder_ == router::nobody) return;
  if (!doubtful_.empty()) doubtful_.erase(std::string(delivery.address));
  const auto there = router_.find(delivery.address);
  if (there && there->revision == delivery.revision && same_value(there->value, *delivery.value)) return;  // a snapshot brought it again
  if (delivery.value->tag == ValueTag::null) {
    if (there) static_cast<void>(router_.remove(feeder_, delivery.address, now));
    return;
  }
  // A write makes the revision one higher than what is there, which may lie further back, or ahead.
  if (delivery.revision > 0 && (!there || there->revision + 1 != delivery.revision)) {
    const auto placed = router_.restore(delivery.address, *delivery.value, delivery.revision - 1, "router", now.unix_time, {}, now);
    if (!placed) {
      ++not_kept_;
      return;
    }
  }
  router_.submit(feeder_, Message{Set{.address = delivery.address, .value = *delivery.value}}, Qos::fire, {}, now);
}

std::size_t RouterCopy::reply(const router::Reply& reply) {
  if (reply.message != nullptr && std::holds_alternative<ErrorReply>(reply.message->body)) ++not_kept_;
  return 0;
}

void RouterCopy::lost() {
  doubtful_.clear();
  router_.for_each(*Pattern::parse("/**"), [this](const router::Router::ParamView& param) { doubtful_.emplace(param.address); });
}

void RouterCopy::sweep(const Now& now) {
  for (const std::string& address : doubtful_) static_cast<void>(router_.remove(feeder_, address, now));
  doubtful_.clear();
}

}  // namespace clasp::bridge::http
