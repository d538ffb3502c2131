#include "http_api/long_poll.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <utility>

#include "core/json.hpp"
#include "http_api/api_connection.hpp"
#include "http_api/event_stream.hpp"

namespace clasp::http_api {

namespace {

constexpr std::chrono::seconds wait_default{30};

Checked<Micros> wait_of(const ApiRequest& request, std::chrono::seconds max) {
  const std::string* given = request.find_query("timeout");
  if (given == nullptr) return std::min<Micros>(wait_default, max);
  double seconds = -1;
  const auto [end, error] = std::from_chars(given->data(), given->data() + given->size(), seconds);
  if (given->empty() || error != std::errc{} || end != given->data() + given->size() || !(seconds >= 0) || seconds > static_cast<double>(max.count()))
    return std::unexpected(bad_field("timeout", fmt::format("not a number of seconds from 0 to {}", max.count())));
  return Micros{static_cast<std::int64_t>(seconds * 1e6)};
}

bool is_position(std::string_view text) { return !text.empty() && text.find_first_not_of("0123456789abcdef-") == std::string_view::npos; }

}  // namespace

std::unique_ptr<Exchange> LongPoll::answer(ApiConnection& connection, const ApiRequest& request) {
  const auto refuse = [&](const ApiError& error) {
    connection.fail(error);
    return nullptr;
  };
  HttpApi& api = connection.api();
  const auto pattern = pattern_of(request, api.router().config().address_bytes_max);
  if (!pattern) return refuse(pattern.error());
  const auto wait = wait_of(request, api.config().poll_max);
  if (!wait) return refuse(wait.error());
  const std::string* since = request.find_query("since");
  if (since != nullptr && !is_position(*since)) return refuse(bad_field("since", "not a position that an answer gave"));

  ++api.count().polls;
  auto poll = std::make_unique<LongPoll>(connection);
  poll->open(pattern->text(), since);
  if (poll->settled()) {
    poll->give();
    return nullptr;
  }
  api.set_deadline(connection, connection.now().steady + *wait);
  return poll;
}

void LongPoll::open(const std::string& pattern, const std::string* since) {
  HttpApi& api = connection_.api();
  router::Router& router = api.router();
  session_ = router.open_session({.name = "http-poll", .grants = {}, .encoding = router::Encoding::views, .writer = {}}, *this, connection_.now());
  const Subscribe subscribe{.id = 1, .pattern = pattern};
  std::optional<router::Seq> seen;
  if (since != nullptr) {
    seen = api.find_position(*since);
    // A bare number is a place in this run: what "revision" of an answer says. It cannot tell that the router was started anew.
    if (!seen && since->find('-') == std::string::npos) seen = api.find_position(api.position_text(0).substr(0, 17) + *since);
  }
  position_ = seen.value_or(0);
  if (seen && router.subscribe_since(session_, subscribe, *seen, connection_.now())) return;
  kind_ = since == nullptr ? Kind::fresh : Kind::reset;
  complete_ = false;
  router.submit(session_, Message{subscribe}, Qos::confirm, {}, connection_.now());
}

bool LongPoll::overflowing() const { return changes_.size() + events_.size() >= connection_.api().router().config().window_bytes; }

// ---- from the router ----

std::size_t LongPoll::deliver(const router::Delivery& delivery) {
  if (delivery.seq != 0 && delivery.presence == router::Presence::live) position_ = delivery.seq;
  std::string& out = delivery.kind == router::CommitKind::publish ? events_ : changes_;
  const std::size_t before = out.size();
  if (!out.empty()) out += ',';
  append_delivery_json(delivery, out);
  if (session_ != router::nobody && settled()) connection_.api().wake(connection_);
  return out.size() - before;
}

std::size_t LongPoll::reply(const router::Reply& reply) {
  const auto* error = reply.message == nullptr ? nullptr : std::get_if<ErrorReply>(&reply.message->body);
  if (error != nullptr && !refused_ && changes_.empty() && events_.empty())
    refused_ = std::make_unique<Error>(static_cast<ErrorCode>(error->code), std::string(error->message), std::string(error->address.value_or("")));
  return 0;
}

void LongPoll::caught_up(std::uint32_t) {
  complete_ = true;
  connection_.api().wake(connection_);
}

void LongPoll::close(const router::CloseReason& reason) {
  session_ = router::nobody;
  refused_ = std::make_unique<Error>(ErrorCode::unavailable, std::string(reason.text), "");
  connection_.api().wake(connection_);
}

// ---- from the connection ----

void LongPoll::resume() {
  if (settled()) give();
}

void LongPoll::give() {
  done_ = true;
  HttpApi& api = connection_.api();
  end_session();
  if (refused_) return connection_.fail(of_router(*refused_));
  const bool more = overflowing();
  if (more && kind_ != Kind::since)
    return connection_.fail({.status = kind_ == Kind::fresh ? 413U : 410U,
                             .code = ErrorCode::unavailable,
                             .text = "too much for one answer: read /v1/snapshot, then poll since its X-Clasp-Position",
                             .field = "since"});
  const router::Seq seq = more ? position_ : api.router().last_seq();
  const std::string position = api.position_text(seq);
  std::string body = fmt::format(R"({{"changes":[{}],"events":[{}],"revision":{},"position":"{}")", changes_, events_, seq, position);
  if (kind_ == Kind::reset) body += R"(,"reset":true)";
  if (more) body += R"(,"more":true)";
  connection_.answer_json(body + '}', {{"X-Clasp-Position", position}, {"Cache-Control", "no-store"}});
}

void LongPoll::on_deadline() {
  if (settled()) return give();
  done_ = true;
  HttpApi& api = connection_.api();
  ++api.count().polls_timed_out;
  const bool incomplete = !complete_;
  end_session();
  if (incomplete) return connection_.fail(of_router({ErrorCode::timeout, "the state could not be read in time", {}}));
  connection_.answer(
      {.status = 204, .fields = {{"X-Clasp-Position", api.position_text(api.router().last_seq())}, {"Cache-Control", "no-store"}}, .body = {}});
}

void LongPoll::on_end() { connection_.responder().abort(); }  // which calls on_closed(); this is gone then

void LongPoll::on_closed() {
  done_ = true;
  end_session();
}

void LongPoll::end_session() {
  if (session_ != router::nobody) connection_.api().router().close_session(std::exchange(session_, router::nobody), connection_.now());
}

}  // namespace clasp::http_api
