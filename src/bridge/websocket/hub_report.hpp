// How a hub is, for the frame.
#pragma once

#include "bridge/frame/bridge.hpp"
#include "bridge/websocket/hub.hpp"

namespace clasp::bridge::websocket {

inline BridgeReport report_of(const Hub& hub) {
  const HubCounters& c = hub.counters();
  BridgeReport report;
  report.received = c.messages_in;
  report.sent = c.messages_out;
  report.counters = {{"peers_opened", c.peers_opened},
                     {"messages_in", c.messages_in},
                     {"messages_out", c.messages_out},
                     {"requests", c.requests},
                     {"errors_sent", c.errors_sent},
                     {"invalid_json", c.invalid_json},
                     {"refused", c.refused},
                     {"delivered", c.delivered},
                     {"closed_slow", c.closed_slow},
                     {"closed_silent", c.closed_silent},
                     {"peers", hub.peers()},
                     {"typed_peers", hub.typed_peers()},
                     {"subscriptions", hub.audience().patterns()},
                     {"params_kept", hub.audience().params()},
                     {"params_not_kept", hub.audience().not_kept()}};
  report.peers_total = hub.peers();
  return report;
}

}  // namespace clasp::bridge::websocket
