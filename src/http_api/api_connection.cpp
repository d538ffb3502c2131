#include "http_api/api_connection.hpp"

#include <fmt/format.h>

#include "core/check.hpp"
#include "core/json.hpp"
#include "http_api/route.hpp"
#include "http_api/upstream.hpp"

namespace clasp::http_api {

// A write whose answer waits for the disk.
class ApiConnection::PendingWrite final : public Exchange {
 public:
  // `ticket`: of the upstream, if it is that which is asked.
  PendingWrite(ApiConnection& connection, Then then, std::optional<std::uint64_t> ticket = {})
      : connection_(connection), then_(std::move(then)), ticket_(ticket) {
    connection.api().set_deadline(connection, connection.now().steady + Micros(connection.api().config().write_timeout));
  }
  void on_closed() override { forget(); }
  void resume() override {
    if (!connection_.answer_.settled()) return;
    done_ = true;
    then_(std::exchange(connection_.answer_, {}));
  }
  void on_deadline() override {
    done_ = true;
    forget();
    connection_.end_session();  // its late answer must not be taken for that to a later request
    connection_.fail(of_router({ErrorCode::timeout, "the router did not answer in time; the write may come into effect yet", {}}));
  }

 private:
  void forget() {
    if (ticket_) connection_.api().upstream()->forget(*std::exchange(ticket_, std::nullopt));
  }

  ApiConnection& connection_;
  Then then_;
  std::optional<std::uint64_t> ticket_;
};

void ApiConnection::handle(const Route& route, const ApiRequest& request) {
  common_fields_ = api_.common_fields(*request.http);
  alias_ = route.family == Family::alias;
  if (exchange_) api_.forget(*this);
  exchange_.reset();  // that of the request before is done
  (this->*route.handle)(request);
}

// ---- answers ----

void ApiConnection::answer(net::HttpResponse response) {
  if (response.status >= 400) ++api_.count().errors;
  response.fields.insert(response.fields.end(), common_fields_.begin(), common_fields_.end());
  responder_.answer(response);
}

void ApiConnection::answer_json(std::string body, std::vector<net::HttpField> fields, unsigned status) {
  fields.insert(fields.begin(), {"Content-Type", "application/json"});
  answer({.status = status, .fields = std::move(fields), .body = std::move(body)});
}

void ApiConnection::answer_document(const ApiRequest& request, std::string body, const std::string& tag, std::vector<net::HttpField> fields) {
  fields.insert(fields.begin(), {{"ETag", tag}, {"Cache-Control", "no-cache"}, {"Accept-Ranges", "bytes"}});
  const auto range = range_of(request, body.size(), tag);
  if (!range) return answer_json(std::move(body), std::move(fields));
  if (range->length == 0) {
    net::HttpResponse response = to_response({.status = 416, .text = fmt::format("Range: the answer has {} bytes", body.size()), .field = "Range"});
    response.fields.push_back({"Content-Range", fmt::format("bytes */{}", body.size())});
    return answer(std::move(response));
  }
  fields.push_back({"Content-Range", fmt::format("bytes {}-{}/{}", range->first, range->first + range->length - 1, body.size())});
  answer_json(body.substr(range->first, range->length), std::move(fields), 206);
}

void ApiConnection::begin(net::HttpResponse head, net::Flow flow) {
  head.fields.insert(head.fields.end(), common_fields_.begin(), common_fields_.end());
  responder_.begin(head, flow);
}

void ApiConnection::start(std::unique_ptr<Exchange> exchange) { exchange_ = std::move(exchange); }

// ---- events; an exchange that is done stays until the next request, as it may be the one that is calling ----

void ApiConnection::on_sent(std::size_t bytes) {
  if (exchange_ && !exchange_->done()) exchange_->on_sent(bytes);
}

void ApiConnection::on_end() {
  if (exchange_ && !exchange_->done()) exchange_->on_end();
}

void ApiConnection::resume() {
  if (exchange_ && !exchange_->done()) exchange_->resume();
}

void ApiConnection::on_deadline() {
  if (exchange_ && !exchange_->done()) exchange_->on_deadline();
}

void ApiConnection::on_closed() {
  api_.forget(*this);
  if (exchange_ && !exchange_->done()) exchange_->on_closed();
  end_session();
}

// ---- the router ----

router::SessionId ApiConnection::session() {
  if (session_ == router::nobody)
    session_ = api_.router().open_session({.name = "http", .grants = {}, .null_removes = true, .encoding = router::Encoding::views, .writer = {}},
                                          *this, now());
  return session_;
}

void ApiConnection::end_session() {
  if (session_ != router::nobody) api_.router().close_session(std::exchange(session_, router::nobody), now());
}

std::size_t ApiConnection::reply(const router::Reply& reply) {
  if (reply.message == nullptr) return 0;
  if (const auto* error = std::get_if<ErrorReply>(&reply.message->body)) {
    answer_.error = Error{static_cast<ErrorCode>(error->code), std::string(error->message), std::string(error->address.value_or(""))};
  } else if (const auto* ack = std::get_if<Ack>(&reply.message->body)) {
    answer_.acked = true;
    answer_.revision = ack->revision;
  } else if (const auto* snapshot = std::get_if<Snapshot>(&reply.message->body); snapshot != nullptr && !snapshot->params.empty()) {
    const SnapshotParam& param = snapshot->params.front();
    append_json(param.value, JsonBytes::numbers, answer_.value.emplace());
    answer_.revision = param.revision;
    answer_.time = param.timestamp;
  }
  if (exchange_ && !exchange_->done()) api_.wake(*this);
  return 0;
}

void ApiConnection::close(const router::CloseReason& reason) {
  session_ = router::nobody;
  answer_.error = Error{ErrorCode::unavailable, std::string(reason.text), {}};
  if (exchange_ && !exchange_->done()) api_.wake(*this);
}

RouterAnswer ApiConnection::read_param(const std::string& address) {
  answer_ = {};
  api_.router().submit(session(), Message{Get{.address = address}}, Qos::confirm, {}, now());
  return std::move(answer_);
}

void ApiConnection::write(const Message& message, Then then) {
  answer_ = {};
  if (api_.upstream() != nullptr) return write_upstream(message, std::move(then));
  api_.router().submit(session(), message, Qos::confirm, {}, now());
  if (answer_.settled()) return then(std::exchange(answer_, {}));
  start(std::make_unique<PendingWrite>(*this, std::move(then)));
}

void ApiConnection::write_upstream(const Message& message, Then then) {
  const std::uint64_t ticket = api_.upstream()->write(message, [this](RouterAnswer answer) {
    answer_ = std::move(answer);
    if (exchange_ && !exchange_->done()) api_.wake(*this);
  });
  if (answer_.settled()) return then(std::exchange(answer_, {}));
  start(std::make_unique<PendingWrite>(*this, std::move(then), ticket));
}

void ApiConnection::set(const std::string& address, const Value& value, std::optional<std::uint64_t> revision, std::optional<Ttl> ttl, Then then) {
  const EncodedValue encoded(value);
  if (!encoded.ok()) return then({.error = Error{ErrorCode::invalid_value, "the value does not fit the wire: too long or too deep", address}});
  if (revision && api_.upstream() != nullptr) {  // which cannot be told; the copy knows the revision
    const RouterAnswer there = read_param(address);
    if (there.revision.value_or(0) != *revision)
      return then({.error = Error{ErrorCode::revision_conflict,
                                  fmt::format("revision conflict: expected {}, there is {}", *revision, there.revision.value_or(0)), address}});
    revision.reset();
  }
  write(Message{Set{.address = address, .value = encoded.view(), .revision = revision, .ttl = ttl}}, std::move(then));
}

// PUBLISH is never ACKed; a refusal comes at once. Where it has to be on the disk before it is answered (contract 25), the ACK of an empty BUNDLE
// behind it says that it is.
void ApiConnection::publish(const std::string& address, const Value* value, Then then) {
  const EncodedValue encoded(value != nullptr ? *value : Value());
  if (!encoded.ok()) return then({.error = Error{ErrorCode::invalid_value, "the value does not fit the wire: too long or too deep", address}});
  Publish event{.address = address, .signal = SignalType::event};
  if (value != nullptr) event.value = encoded.view();
  answer_ = {};
  if (api_.upstream() != nullptr)
    api_.upstream()->write(Message{event}, [this](RouterAnswer answer) { answer_ = std::move(answer); });
  else
    api_.router().submit(session(), Message{event}, Qos::confirm, {}, now());
  if (answer_.error || api_.upstream() != nullptr || api_.router().confirmed_seq() == api_.router().last_seq()) return then(std::exchange(answer_, {}));
  write(Message{Bundle{}}, std::move(then));
}

// If-Match and If-None-Match: * of a write. `revision` is what the router has to find for it to go through.
std::optional<ApiError> ApiConnection::unmet_condition(const ApiRequest& request, const std::string& address,
                                                       std::optional<std::uint64_t>& revision) {
  const auto match = precondition_of(request, "If-Match");
  if (!match) return match.error();
  const auto none_match = precondition_of(request, "If-None-Match");
  if (!none_match) return none_match.error();
  if (!*match && !*none_match) return std::nullopt;
  const RouterAnswer there = read_param(address);
  if (there.error && there.error->code != ErrorCode::not_found) return of_router(*there.error);
  if (*match && !there.value)  // the router takes an expected revision of a new address for met
    return ApiError{
        .status = 409, .code = ErrorCode::revision_conflict, .text = "If-Match: there is no such param", .field = "If-Match", .address = address};
  if (*match && !(*match)->any) revision = (*match)->revision;
  if (*none_match && there.value && ((*none_match)->any || (*none_match)->revision == there.revision))
    return ApiError{.status = 412,
                    .code = ErrorCode::revision_conflict,
                    .text = "If-None-Match: there is such a param",
                    .field = "If-None-Match",
                    .address = address};
  return std::nullopt;
}

}  // namespace clasp::http_api
