// The HTTP interface of a router: the documented /v1 routes, server-sent events, long poll, and the routes of the reference implementation
// (bridges specification, section 11). Everything it does, it does as a session of the router.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/time.hpp"
#include "http_api/api_config.hpp"
#include "http_api/endpoints.hpp"
#include "net/deadline_queue.hpp"
#include "net/event_loop.hpp"
#include "net/http_handler.hpp"
#include "router/router.hpp"

namespace clasp::store {
class Journal;
}

namespace clasp::http_api {

class ApiConnection;
class EventStream;
class Upstream;
struct RouteMatch;

struct HttpApiCounters {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;           // answered with 4xx or 5xx
  std::uint64_t streams_opened = 0;   // event streams
  std::uint64_t streams_resumed = 0;  // of these, those that got exactly what they had missed
  std::uint64_t streams_reset = 0;    // of these, those that had a position and got the whole state instead
  std::uint64_t streams_stalled = 0;  // closed because nobody read
  std::uint64_t streams_open = 0;
  std::uint64_t polls = 0;
  std::uint64_t polls_timed_out = 0;
};

// Loop thread only. Attach it to the loop behind the router: its end_turn() gives the answers that waited for the router's.
class HttpApi final : public net::Turns {
 public:
  HttpApi(HttpApiConfig config, router::Router& router, Upstream* upstream = nullptr);  // the latter: writes go there
  HttpApi(const HttpApi&) = delete;

  bool owns(std::string_view path) const;                                       // below /v1 or the reference's base, or an endpoint's
  void handle(const net::HttpRequest& request, net::HttpResponder& responder);  // of a path it owns
  net::HttpResponse refusal(const net::HttpFault& fault) const;                 // of what is no request

  // Whose entries are shown (HttpApiConfig::journal); outlives this.
  void set_journal(store::Journal* journal) { journal_ = journal; }

  void advance(const Now& now) override;
  bool end_turn(const Now& now) override;
  std::optional<SteadyTime> next_deadline() const override;

  const HttpApiCounters& counters() const { return counters_; }

  // ---- for the parts of this folder ----
  router::Router& router() { return router_; }
  store::Journal* journal() { return journal_; }
  Upstream* upstream() { return upstream_; }
  const HttpApiConfig& config() const { return config_; }
  HttpApiCounters& count() { return counters_; }
  const std::string& openapi();  // written when it is first asked for
  const std::string& openapi_tag();

  // "<epoch>-<seq>": a place in the one order of everything the router has accepted. Only within one run of it.
  std::string position_text(router::Seq seq) const;
  std::optional<router::Seq> find_position(std::string_view text) const;

  // One delivery as server-sent event. The same commit goes to many: it is rendered once.
  const std::string& event_text(const router::Delivery& delivery, bool with_position);

  std::vector<net::HttpField> common_fields(const net::HttpRequest& request) const;  // of every answer: CORS

  void wake(ApiConnection& connection);                         // Exchange::resume() at the end of this turn
  void set_deadline(ApiConnection& connection, SteadyTime at);  // Exchange::on_deadline(); one at a time
  void forget(ApiConnection& connection);                       // neither woken nor due any more
  net::DeadlineQueue& pings() { return pings_; }

 private:
  void cancel_deadline(ApiConnection& connection);
  bool may_write_from(const net::HttpRequest& request) const;
  bool has_token(const net::HttpRequest& request) const;
  std::optional<net::HttpResponse> refuse(const RouteMatch& match, const net::HttpRequest& request, const Now& now);

  HttpApiConfig config_;
  router::Router& router_;
  store::Journal* journal_ = nullptr;
  Upstream* upstream_;
  HttpApiCounters counters_;
  Endpoints endpoints_;
  std::string openapi_;
  std::string openapi_tag_;
  std::vector<ApiConnection*> woken_;
  std::set<std::pair<SteadyTime, ApiConnection*>> deadlines_;
  net::DeadlineQueue pings_;
  // The last event that was rendered, and of what.
  router::Seq event_seq_ = 0;
  const std::byte* event_value_ = nullptr;
  bool event_has_position_ = false;
  std::string event_;
};

}  // namespace clasp::http_api
