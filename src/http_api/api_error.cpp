#include "http_api/api_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/json.hpp"

namespace clasp::http_api {

namespace {

struct StatusRow {
  ErrorCode code;
  unsigned status;
};
constexpr std::array statuses{
    StatusRow{ErrorCode::invalid_address, 400},   StatusRow{ErrorCode::address_not_found, 404}, StatusRow{ErrorCode::pattern_error, 400},
    StatusRow{ErrorCode::unauthorized, 401},      StatusRow{ErrorCode::forbidden, 403},         StatusRow{ErrorCode::token_expired, 401},
    StatusRow{ErrorCode::revision_conflict, 409}, StatusRow{ErrorCode::lock_held, 409},         StatusRow{ErrorCode::invalid_value, 400},
    StatusRow{ErrorCode::refused, 403},           StatusRow{ErrorCode::not_found, 404},         StatusRow{ErrorCode::too_many, 429},
    StatusRow{ErrorCode::internal_error, 500},    StatusRow{ErrorCode::unavailable, 503},       StatusRow{ErrorCode::timeout, 504},
    StatusRow{ErrorCode::overloaded, 503},
};
static_assert(std::ranges::is_sorted(statuses, {}, &StatusRow::code));
constexpr unsigned status_of_others = 502;  // 100–102, and whatever else a router says

}  // namespace

unsigned status_of(ErrorCode code) {
  const auto at = std::ranges::lower_bound(statuses, code, {}, &StatusRow::code);
  return at != statuses.end() && at->code == code ? at->status : status_of_others;
}

ApiError of_router(const Error& error) {
  return {.status = status_of(error.code), .code = error.code, .text = error.message, .address = error.address};
}

ApiError bad_field(std::string field, std::string_view why) {
  std::string text = fmt::format("{}: {}", field, why);
  return {.text = std::move(text), .field = std::move(field)};
}

net::HttpResponse to_response(const ApiError& error) {
  std::string body = R"({"error":)";
  append_json_string(error.text, body);
  body += fmt::format(R"(,"code":{})", static_cast<unsigned>(error.code));
  const auto add = [&body](std::string_view name, const std::string& text) {
    if (text.empty()) return;
    body += fmt::format(R"(,"{}":)", name);
    append_json_string(text, body);
  };
  add("field", error.field);
  add("address", error.address);
  body += '}';
  net::HttpResponse response{.status = error.status, .fields = {{"Content-Type", "application/json"}}, .body = std::move(body)};
  if (error.status == 401) response.fields.push_back({"WWW-Authenticate", "Bearer"});
  if (error.status == 429) response.fields.push_back({"Retry-After", "1"});
  return response;
}

}  // namespace clasp::http_api
