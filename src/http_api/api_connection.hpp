// One HTTP connection that uses the interface: its session of the router, and what is being answered.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http_api/api_request.hpp"
#include "http_api/exchange.hpp"
#include "http_api/http_api.hpp"
#include "http_api/router_answer.hpp"
#include "net/http_handler.hpp"
#include "router/router.hpp"

namespace clasp::http_api {

struct Route;

// The session is opened with the first request that needs one and ends with the connection. Of one connection one request is handled at a time, so
// every answer of the router belongs to it.
class ApiConnection final : public net::HttpPeer, private router::Sink {
 public:
  ApiConnection(HttpApi& api, net::HttpResponder& responder) : api_(api), responder_(responder) {}

  void handle(const Route& route, const ApiRequest& request);

  // net::HttpPeer
  void on_sent(std::size_t bytes) override;
  void on_end() override;
  void on_closed() override;

  // from HttpApi
  void resume();
  void on_deadline();

  struct Schedule {  // HttpApi's notes about this connection
    bool woken = false;
    std::optional<SteadyTime> due;
  };
  Schedule& schedule() { return schedule_; }

  // ---- for exchanges ----
  HttpApi& api() { return api_; }
  net::HttpResponder& responder() { return responder_; }
  void answer(net::HttpResponse response);
  void answer_json(std::string body, std::vector<net::HttpField> fields = {}, unsigned status = 200);
  // A whole document, or the part of it that the request's Range asks for. `tag`: equal for equal bytes only.
  void answer_document(const ApiRequest& request, std::string body, const std::string& tag, std::vector<net::HttpField> fields = {});
  void fail(const ApiError& error) { answer(to_response(error)); }
  void begin(net::HttpResponse head, net::Flow flow);
  router::SessionId session();
  const Now& now() const { return responder_.now(); }

  // ---- routes (v1_routes.cpp) ----
  void get_state(const ApiRequest& request);
  void put_state(const ApiRequest& request);
  void patch_state(const ApiRequest& request);
  void delete_state(const ApiRequest& request);
  void emit(const ApiRequest& request);
  void get_snapshot(const ApiRequest& request);
  void get_list(const ApiRequest& request);
  void get_signals(const ApiRequest& request);
  void bundle(const ApiRequest& request);
  void subscribe(const ApiRequest& request);
  void poll(const ApiRequest& request);
  void health(const ApiRequest& request);
  void openapi(const ApiRequest& request);
  // ---- routes (reference_routes.cpp) ----
  void reference_signals(const ApiRequest& request);
  void reference_get(const ApiRequest& request);
  void reference_put(const ApiRequest& request);
  void reference_post(const ApiRequest& request);
  void reference_delete(const ApiRequest& request);

  // ---- routes (journal_routes.cpp) ----
  void journal_query(const ApiRequest& request);
  void journal_since(const ApiRequest& request);
  void journal_latest(const ApiRequest& request);
  void journal_snapshot(const ApiRequest& request);

 private:
  class PendingWrite;
  template <typename T>
  class JournalAnswer;
  template <typename T, typename Ask, typename Take>
  void ask_journal(Ask ask, Take take);
  using Then = std::function<void(const RouterAnswer&)>;

  // router::Sink
  std::size_t deliver(const router::Delivery&) override { return 0; }  // somebody signals this session directly; it has no use for it
  std::size_t reply(const router::Reply& reply) override;
  void close(const router::CloseReason& reason) override;

  RouterAnswer read_param(const std::string& address);  // QoS 1: an error if there is none
  // Submits, and calls `then` with the router's answer: at once, or when it has come.
  void write(const Message& message, Then then);
  void write_upstream(const Message& message, Then then);
  void put(const std::string& address, const Value& value, std::optional<std::uint64_t> revision, std::optional<Ttl> ttl);  // a set that answers
  void set(const std::string& address, const Value& value, std::optional<std::uint64_t> revision, std::optional<Ttl> ttl, Then then);
  void publish(const std::string& address, const Value* value, Then then);
  std::optional<ApiError> unmet_condition(const ApiRequest& request, const std::string& address, std::optional<std::uint64_t>& revision);
  void start(std::unique_ptr<Exchange> exchange);
  void end_session();

  std::size_t address_bytes_max() { return api_.router().config().address_bytes_max; }
  std::optional<WriteBody> reference_body(const ApiRequest& request);  // nothing: it was refused
  std::string reference_address(const ApiRequest& request) const;      // <ns>/<path>

  HttpApi& api_;
  net::HttpResponder& responder_;
  std::unique_ptr<Exchange> exchange_;
  std::vector<net::HttpField> common_fields_;  // of the answer to the request being handled
  router::SessionId session_ = router::nobody;
  bool alias_ = false;  // the request came by an alias
  RouterAnswer answer_;
  Schedule schedule_;
};

}  // namespace clasp::http_api
