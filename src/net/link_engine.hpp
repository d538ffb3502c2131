// What CLASP links need of a router. One implementation forwards to router::Router (router_engine.hpp); tests have a fake.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/bytes.hpp"
#include "core/time.hpp"
#include "net/event_loop.hpp"
#include "router/sink.hpp"
#include "router/types.hpp"

namespace clasp::net {

class LinkEngine : public Turns {
 public:
  virtual router::LinkId open_link(router::Sink& sink, const Now& now) = 0;
  virtual void receive(router::LinkId link, Bytes frame, const Now& now) = 0;
  // A text message of a WebSocket, UTF-8 for sure. False: it means nothing here; it is counted and ignored (transports, section 4.4).
  virtual bool receive_text(router::LinkId link, std::string_view text, const Now& now) {
    static_cast<void>(link), static_cast<void>(text), static_cast<void>(now);
    return false;
  }
  virtual void activity(router::LinkId link, const Now& now) = 0;
  virtual void sent(router::LinkId link, std::size_t bytes, const Now& now) = 0;
  virtual void closed(router::LinkId link, const Now& now) = 0;
};

}  // namespace clasp::net
