// Server-sent events: a subscription as text that a browser's EventSource reads (bridges specification, section 11.4).
//
//   event: value | event | stream
//   id: <position>
//   data: {"address":…,"value":…,"revision"?}
//
// An id says: everything due up to here has been sent; who comes back with it as Last-Event-ID gets exactly the rest, or, if the router has it no
// longer, the whole state, and is told so. So there is no id on what belongs to a snapshot, on what comes before it is complete, and on what had to
// wait because the peer did not read: there the place in the order isn't known.
//
// Around these, events of our own, which an EventSource ignores unless asked for: `snapshot` (the whole state follows, and why), `live` (it was
// complete, with an id), `resumed`, `notice` (the router dropped something on this slow link), `closed` (why the router ends it).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http_api/exchange.hpp"
#include "net/deadline_queue.hpp"
#include "net/http_handler.hpp"
#include "router/router.hpp"

namespace clasp::http_api {

class ApiConnection;
struct ApiRequest;

// {"address":…,"value":…,"revision"?,…}
void append_delivery_json(const router::Delivery& delivery, std::string& out);
// Replaces `out`. `position` empty: no id line.
void append_event(const router::Delivery& delivery, std::string_view position, std::string& out);

// The deadline of its node is the next look at it: a comment if nothing was sent meanwhile, the end if nothing was taken.
class EventStream final : public Exchange, public net::DeadlineNode, private router::Sink {
 public:
  // Null if it was refused.
  static std::unique_ptr<Exchange> answer(ApiConnection& connection, const ApiRequest& request);

  explicit EventStream(ApiConnection& connection) : connection_(connection) {}

  void on_sent(std::size_t bytes) override;
  void on_end() override;  // nobody ends one direction only of an event stream: it is over
  void on_closed() override;
  void look(const Now& now);  // its deadline has come

 private:
  enum class Beginning : std::uint8_t { snapshot_new, snapshot_reset, resumed, live };

  // router::Sink
  std::size_t deliver(const router::Delivery& delivery) override;
  std::size_t reply(const router::Reply& reply) override;
  void caught_up(std::uint32_t subscription) override;
  void close(const router::CloseReason& reason) override;

  void open(const std::string& pattern, const std::string* last_event_id, bool snapshot);
  void begin();
  std::size_t send(std::string_view text);

  ApiConnection& connection_;
  router::SessionId session_ = router::nobody;
  router::Seq position_ = 0;       // everything due up to here has been sent, or is part of the snapshot
  std::size_t bytes_waiting_ = 0;  // of what the router was told that it waits
  std::unique_ptr<Error> refused_;
  Beginning beginning_ = Beginning::live;
  bool begun_ = false;
  bool complete_ = true;  // no snapshot is on its way
  bool active_ = false;   // something was sent, or taken, since the last look
};

}  // namespace clasp::http_api
