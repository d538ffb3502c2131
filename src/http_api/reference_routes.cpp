// The routes of the reference implementation, quirks included (bridges specification, section 11.2): GET reads /<path>, while PUT, POST and DELETE
// act on <namespace>/<path>. Its state is the router's.
#include <fmt/format.h>

#include "core/json.hpp"
#include "core/limits.hpp"
#include "http_api/api_connection.hpp"
#include "http_api/listing.hpp"

namespace clasp::http_api {

namespace {

std::string object_begin(std::string_view address) {
  std::string body = R"({"address":)";
  append_json_string(address, body);
  return body;
}

net::HttpResponse not_found(std::string_view address) {
  std::string body = R"({"error":"Signal not found","address":)";
  append_json_string(address, body);
  return {.status = 404, .fields = {{"Content-Type", "application/json"}}, .body = body + '}'};
}

bool is_json(const std::string* type) {
  if (type == nullptr) return false;
  const std::string_view essence = net::without_blanks(std::string_view(*type).substr(0, type->find(';')));
  return net::same_ignoring_case(essence, "application/json") ||
         (essence.size() > 17 && net::same_ignoring_case(essence.substr(0, 12), "application/") &&
          net::same_ignoring_case(essence.substr(essence.size() - 5), "+json"));
}

}  // namespace

std::string ApiConnection::reference_address(const ApiRequest& request) const { return api_.config().ns + request.tail; }

std::optional<WriteBody> ApiConnection::reference_body(const ApiRequest& request) {
  if (!is_json(request.find_header("Content-Type"))) {
    answer(net::text_response(415, "Expected request with `Content-Type: application/json`"));
    return std::nullopt;
  }
  auto document = parse_json(request.http->body, wire::payload_bytes_max);
  if (!document) {
    answer(net::text_response(400, fmt::format("Failed to parse the request body as JSON: {}", document.error().message)));
    return std::nullopt;
  }
  const Value* value = document->find("value");
  return WriteBody{.value = value != nullptr ? *value : std::move(*document), .ttl = {}};
}

void ApiConnection::reference_signals(const ApiRequest& request) {
  ApiRequest all = request;
  all.query.clear();  // unpaged
  start(Listing::answer(*this, Listing::Form::signals, all));
}

void ApiConnection::reference_get(const ApiRequest& request) {
  const auto address = address_of(request, address_bytes_max());
  const RouterAnswer there = address ? read_param(*address) : RouterAnswer{};
  if (there.error && there.error->code != ErrorCode::not_found) return fail(of_router(*there.error));
  if (!there.value) return answer(not_found(request.tail));
  answer_json(object_begin(*address) + fmt::format(R"(,"value":{}}})", *there.value));
}

void ApiConnection::reference_put(const ApiRequest& request) {
  const auto body = reference_body(request);
  if (!body) return;
  ApiRequest below = request;
  below.tail = reference_address(request);
  const auto address = address_of(below, address_bytes_max());
  if (!address) return fail(address.error());
  std::string given;
  append_json(*body->value, JsonBytes::numbers, given);
  set(*address, *body->value, std::nullopt, std::nullopt, [this, address = *address, given = std::move(given)](const RouterAnswer& written) {
    if (written.error) return fail(of_router(*written.error));
    answer_json(object_begin(address) + fmt::format(R"(,"value":{},"status":"set"}})", given));
  });
}

void ApiConnection::reference_post(const ApiRequest& request) {
  const auto body = reference_body(request);
  if (!body) return;
  ApiRequest below = request;
  below.tail = reference_address(request);
  const auto address = address_of(below, address_bytes_max());
  if (!address) return fail(address.error());
  std::string out = object_begin(*address) + R"(,"value":)";
  append_json(*body->value, JsonBytes::numbers, out);
  publish(*address, &*body->value, [this, out = std::move(out)](const RouterAnswer& published) {
    if (published.error) return fail(of_router(*published.error));
    answer_json(out + R"(,"status":"published"})");
  });
}

void ApiConnection::reference_delete(const ApiRequest& request) {
  ApiRequest below = request;
  below.tail = reference_address(request);
  const auto address = address_of(below, address_bytes_max());
  const RouterAnswer there = address ? read_param(*address) : RouterAnswer{};
  if (there.error && there.error->code != ErrorCode::not_found) return fail(of_router(*there.error));
  if (!there.value) return answer(not_found(below.tail));
  set(*address, Value(), std::nullopt, std::nullopt, [this, address = *address](const RouterAnswer& written) {
    if (written.error) return fail(of_router(*written.error));
    answer_json(object_begin(address) + R"(,"status":"deleted"})");
  });
}

}  // namespace clasp::http_api
