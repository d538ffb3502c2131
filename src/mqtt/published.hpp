// What became of a PUBLISH of a client: what its PUBACK or PUBREC says, and when.
#pragma once

#include "mqtt/reason.hpp"
#include "router/types.hpp"

namespace clasp::mqtt {

struct Published {
  Reason reason = Reason::success;
  bool journal_failed = false;  // refused for that: later it may be accepted
  router::Seq needs = 0;        // it may be acknowledged once the router confirms this
};

}  // namespace clasp::mqtt
