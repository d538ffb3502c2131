// A router::Router as the engine of a loop and its links.
#pragma once

#include <optional>

#include "net/link_engine.hpp"
#include "router/router.hpp"

namespace clasp::net {

class RouterEngine final : public LinkEngine {
 public:
  explicit RouterEngine(router::Router& router) : router_(router) {}

  void advance(const Now& now) override { router_.advance(now); }
  bool end_turn(const Now& now) override { return router_.end_turn(now); }
  std::optional<SteadyTime> next_deadline() const override { return router_.next_deadline(); }
  router::LinkId open_link(router::Sink& sink, const Now& now) override { return router_.open_link(sink, now); }
  void receive(router::LinkId link, Bytes frame, const Now& now) override { router_.receive(link, frame, now); }
  void activity(router::LinkId link, const Now& now) override { router_.activity(link, now); }
  void sent(router::LinkId link, std::size_t bytes, const Now& now) override { router_.sent(link, bytes, now); }
  void closed(router::LinkId link, const Now& now) override { router_.closed(link, now); }

 private:
  router::Router& router_;
};

}  // namespace clasp::net
