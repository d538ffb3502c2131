// A question that waits for its answer: what has changed since a position, as soon as there is something. For those who cannot read event streams.
#pragma once

#include <memory>
#include <string>

#include "clasp/error.hpp"
#include "http_api/exchange.hpp"
#include "router/router.hpp"

namespace clasp::http_api {

class ApiConnection;
struct ApiRequest;

// A subscription that lives as long as the question. What the router delivers is collected until the end of the turn, so that a bundle comes whole;
// at most the router's window for one link (Config::window_bytes): the rest is asked for next time.
class LongPoll final : public Exchange, private router::Sink {
 public:
  static std::unique_ptr<Exchange> answer(ApiConnection& connection, const ApiRequest& request);

  explicit LongPoll(ApiConnection& connection) : connection_(connection) {}

  void on_end() override;
  void on_closed() override;
  void resume() override;
  void on_deadline() override;

 private:
  enum class Kind : std::uint8_t {
    since,  // everything after a position
    fresh,  // asked without one: the state
    reset,  // the position is gone: the state, and says so
  };

  // router::Sink
  std::size_t deliver(const router::Delivery& delivery) override;
  std::size_t reply(const router::Reply& reply) override;
  void caught_up(std::uint32_t subscription) override;
  void close(const router::CloseReason& reason) override;

  bool settled() const { return refused_ || overflowing() || (complete_ && (kind_ != Kind::since || !changes_.empty() || !events_.empty())); }
  bool overflowing() const;
  void open(const std::string& pattern, const std::string* since);
  void give();  // the answer, from what has been collected
  void end_session();

  ApiConnection& connection_;
  router::SessionId session_ = router::nobody;
  router::Seq position_ = 0;  // of the last delivery
  std::string changes_;
  std::string events_;
  std::unique_ptr<Error> refused_;
  Kind kind_ = Kind::since;
  bool complete_ = true;  // no snapshot is on its way
};

}  // namespace clasp::http_api
