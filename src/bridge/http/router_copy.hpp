// A part of another router's state, kept as it changes: a router of our own that is fed with deliveries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_set>

#include "bridge/router_link.hpp"
#include "core/time.hpp"
#include "router/router.hpp"

namespace clasp::bridge::http {

// Values have the revisions they have there. Full: what does not fit is not in it, and counted.
class RouterCopy final : private router::Sink {
 public:
  RouterCopy(std::size_t params_max, router::Random& random, const Now& now);

  router::Router& router() { return router_; }
  void apply(const LinkDelivery& delivery, const Now& now);
  void publish(const Publish& publish, const Now& now);  // one of our own, which does not come back

  // The link is gone: what the next snapshot does not bring again, sweep() removes.
  void lost();
  void sweep(const Now& now);
  bool has_doubts() const { return !doubtful_.empty(); }

  std::uint64_t not_kept() const { return not_kept_; }

 private:
  std::size_t deliver(const router::Delivery&) override { return 0; }
  std::size_t reply(const router::Reply& reply) override;
  void close(const router::CloseReason&) override { feeder_ = router::nobody; }
  void apply_set(const LinkDelivery& delivery, const Now& now);

  router::Router router_;
  router::SessionId feeder_;
  std::unordered_set<std::string> doubtful_;
  std::uint64_t not_kept_ = 0;
};

}  // namespace clasp::bridge::http
