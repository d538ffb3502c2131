#include "http_api/http_api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/base64.hpp"
#include "core/json.hpp"
#include "http_api/api_connection.hpp"
#include "http_api/event_stream.hpp"
#include "http_api/openapi.hpp"
#include "http_api/route.hpp"
#include "http_api/upstream.hpp"

namespace clasp::http_api {

namespace {

bool is_below(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

// "http://desk:7330" → "desk:7330"
std::string_view host_of(std::string_view origin) {
  const std::size_t scheme = origin.find("://");
  return scheme == std::string_view::npos ? std::string_view{} : origin.substr(scheme + 3);
}

// A name could be made to point at us by somebody else's name server (DNS rebinding); a number and "localhost" cannot.
bool cannot_be_rebound(std::string_view host) {
  const std::string_view name = host.starts_with('[') ? host.substr(0, host.find(']')) : host.substr(0, host.find(':'));
  return name == "localhost" || name.starts_with('[') || (!name.empty() && name.find_first_not_of("0123456789.") == std::string_view::npos);
}

// Takes the same time whatever differs.
bool same_secret(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned>(a[i] ^ b[b.empty() ? 0 : i % b.size()]);
  return difference == 0;
}

// What stands behind "Bearer " in an Authorization; nothing if it is another scheme.
std::optional<std::string_view> after_scheme(std::string_view authorization, std::string_view scheme) {
  if (authorization.size() < scheme.size() || !net::same_ignoring_case(authorization.substr(0, scheme.size()), scheme)) return std::nullopt;
  return net::without_blanks(authorization.substr(scheme.size()));
}

// Whoever cannot be asked otherwise gets HTTP's own words.
net::HttpResponse no_method(const RouteMatch& match, std::string_view method, std::string_view path) {
  net::HttpResponse response{.status = 405, .fields = {}, .body = {}};
  if (match.family != Family::reference)
    response =
        to_response({.status = 405, .code = ErrorCode::unavailable, .text = fmt::format("{} has no {}; it has {}", path, method, match.allow)});
  response.fields.push_back({"Allow", match.allow});
  return response;
}

}  // namespace

HttpApi::HttpApi(HttpApiConfig config, router::Router& router, Upstream* upstream)
    : config_(std::move(config)), router_(router), upstream_(upstream), endpoints_(config_.endpoints), pings_(Micros(config_.ping_interval)) {}

const std::string& HttpApi::openapi() {
  if (openapi_.empty()) openapi_ = openapi_document(config_);
  return openapi_;
}

const std::string& HttpApi::openapi_tag() {
  if (!openapi_tag_.empty()) return openapi_tag_;
  std::uint64_t hash = 14'695'981'039'346'656'037U;  // FNV-1a: only to tell one version from another
  for (const char c : openapi()) hash = (hash ^ static_cast<std::uint8_t>(c)) * 1'099'511'628'211U;
  return openapi_tag_ = fmt::format("\"{:016x}\"", hash);
}

bool HttpApi::owns(std::string_view path) const { return is_below(path, "/v1") || is_below(path, config_.base) || endpoints_.own(path); }

void HttpApi::handle(const net::HttpRequest& http, net::HttpResponder& responder) {
  ++counters_.requests;
  const auto common = common_fields(http);
  const auto refuse = [&](net::HttpResponse response) {
    ++counters_.errors;
    response.fields.insert(response.fields.end(), common.begin(), common.end());
    responder.answer(response);
  };
  auto match = endpoints_.find(http.method, http.path());
  if (!match) match = match_route(config_, http.method, http.path());
  if (!match) {
    if (is_below(http.path(), config_.base)) return refuse({.status = 404, .fields = {}, .body = {}});  // as the reference
    return refuse(to_response({.status = 404, .code = ErrorCode::not_found, .text = fmt::format("no such route: {}", http.path())}));
  }
  if (http.method == "OPTIONS") {
    net::HttpResponse response{.status = 200, .fields = common, .body = {}};
    response.fields.push_back({"Allow", match->allow});
    return responder.answer(response);
  }
  if (auto refusal = this->refuse(*match, http, responder.now())) return refuse(std::move(*refusal));

  ApiRequest request{.http = &http, .tail = std::move(match->address), .query = {}};
  if (match->tail.data() != nullptr) {
    auto tail = percent_decode(match->tail, false, "path");
    if (!tail) return refuse(to_response(tail.error()));
    const bool whole = match->tail.starts_with('%') && tail->starts_with('/');  // somebody encoded the address with its first slash
    request.tail = whole ? *tail : '/' + *tail;
  }
  auto query = parse_query(http.query());
  if (!query) return refuse(to_response(query.error()));
  request.query = std::move(*query);

  std::unique_ptr<net::HttpPeer>& peer = responder.peer();
  if (!peer) peer = std::make_unique<ApiConnection>(*this, responder);
  static_cast<ApiConnection&>(*peer).handle(*match->route, request);
}

// Before anybody looks at what is asked for.
std::optional<net::HttpResponse> HttpApi::refuse(const RouteMatch& match, const net::HttpRequest& request, const Now& now) {
  if (match.route == nullptr) return no_method(match, request.method, request.path());
  if (!has_token(request)) return to_response({.status = 401, .code = ErrorCode::unauthorized, .text = "the token is missing or wrong"});
  if (match.route->writes() && !may_write_from(request))
    return to_response({.status = 403, .code = ErrorCode::forbidden, .text = "pages of this origin may not write here", .field = "Origin"});
  if (!endpoints_.admit(match.route, now.steady))
    return to_response({.status = 429, .code = ErrorCode::too_many, .text = fmt::format("{} is asked more often than it may be", match.route->path)});
  if (upstream_ == nullptr || match.route->is_about_us()) return std::nullopt;
  if (const auto away = upstream_->unavailable()) return to_response(of_router(*away));
  return std::nullopt;
}

// Whose page sent it is not known, so it is shown to all or to none.
net::HttpResponse HttpApi::refusal(const net::HttpFault& fault) const {
  ApiError error{.status = fault.status, .text = std::string(fault.text), .field = std::string(fault.field)};
  if (fault.status == 404) error.code = ErrorCode::not_found;
  if (fault.status == 408) error.code = ErrorCode::timeout;
  if (fault.status == 505) error.code = ErrorCode::unsupported_version;
  net::HttpResponse response = to_response(error);
  if (config_.cors && config_.origins.empty()) response.fields.push_back({"Access-Control-Allow-Origin", "*"});
  return response;
}

// ---- who may ----

std::vector<net::HttpField> HttpApi::common_fields(const net::HttpRequest& request) const {
  if (!config_.cors) return {};
  const std::string* origin = net::find_field(request.fields, "Origin");
  std::vector<net::HttpField> fields;
  if (config_.origins.empty()) {
    fields.push_back({"Access-Control-Allow-Origin", "*"});
  } else {
    fields.push_back({"Vary", "Origin"});
    if (origin == nullptr || std::ranges::find(config_.origins, *origin) == config_.origins.end()) return fields;
    fields.push_back({"Access-Control-Allow-Origin", *origin});
  }
  if (origin == nullptr) return fields;
  if (request.method != "OPTIONS") {
    fields.push_back({"Access-Control-Expose-Headers", "ETag, X-Next-Cursor, X-Clasp-Position, Retry-After, Accept-Ranges, Content-Range"});
    return fields;
  }
  fields.push_back({"Access-Control-Allow-Methods", "GET, PUT, POST, DELETE, PATCH, OPTIONS"});
  fields.push_back({"Access-Control-Allow-Headers", "Content-Type, Authorization, X-API-Key, If-Match, If-None-Match, Last-Event-ID"});
  fields.push_back({"Access-Control-Max-Age", "600"});
  return fields;
}

// CORS alone keeps no page from writing: a POST of plain text is sent without asking first. Programs send no Origin. What a browser adds by itself,
// as a password it remembers, is no proof that the page may.
bool HttpApi::may_write_from(const net::HttpRequest& request) const {
  const std::string* origin = net::find_field(request.fields, "Origin");
  const std::string* authorization = net::find_field(request.fields, "Authorization");
  const bool remembered = !config_.token.empty() && authorization != nullptr && after_scheme(*authorization, "Basic ");
  if (origin == nullptr || (config_.cors && config_.origins.empty() && !remembered)) return true;
  if (std::ranges::find(config_.origins, *origin) != config_.origins.end()) return true;
  const std::string* host = net::find_field(request.fields, "Host");
  return host != nullptr && host_of(*origin) == *host && cannot_be_rebound(*host);  // a page of our own
}

bool HttpApi::has_token(const net::HttpRequest& request) const {
  if (config_.token.empty()) return true;
  if (const std::string* key = net::find_field(request.fields, "X-API-Key")) return same_secret(*key, config_.token);
  const std::string* authorization = net::find_field(request.fields, "Authorization");
  if (authorization == nullptr) return false;
  if (const auto bearer = after_scheme(*authorization, "Bearer ")) return same_secret(*bearer, config_.token);
  const auto basic = after_scheme(*authorization, "Basic ");
  const auto decoded = basic ? base64_decode(*basic) : std::nullopt;
  if (!decoded) return false;
  const std::string_view text = as_text(*decoded);  // whoever:password
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos && same_secret(text.substr(colon + 1), config_.token);
}

// ---- positions and events ----

std::string HttpApi::position_text(router::Seq seq) const { return fmt::format("{:016x}-{}", router_.epoch(), seq); }

std::optional<router::Seq> HttpApi::find_position(std::string_view text) const {
  const std::size_t dash = text.find('-');
  std::uint64_t epoch = 0;
  router::Seq seq = 0;
  const auto whole = [](std::string_view part, auto& number, int base) {
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number, base);
    return !part.empty() && error == std::errc{} && end == part.data() + part.size();
  };
  if (dash == std::string_view::npos || !whole(text.substr(0, dash), epoch, 16) || !whole(text.substr(dash + 1), seq, 10)) return std::nullopt;
  if (epoch != router_.epoch() || seq > router_.last_seq()) return std::nullopt;
  return seq;
}

const std::string& HttpApi::event_text(const router::Delivery& delivery, bool with_position) {
  const std::byte* value = delivery.value ? delivery.value->data.data() : nullptr;
  const bool shared = delivery.seq != 0 && delivery.presence == router::Presence::live;
  if (shared && delivery.seq == event_seq_ && value == event_value_ && with_position == event_has_position_) return event_;
  event_seq_ = shared ? delivery.seq : 0;
  event_value_ = value;
  event_has_position_ = with_position;
  append_event(delivery, with_position ? position_text(delivery.seq) : std::string{}, event_);
  return event_;
}

// ---- time ----

void HttpApi::wake(ApiConnection& connection) {
  if (!std::exchange(connection.schedule().woken, true)) woken_.push_back(&connection);
}

void HttpApi::set_deadline(ApiConnection& connection, SteadyTime at) {
  cancel_deadline(connection);
  connection.schedule().due = at;
  deadlines_.emplace(at, &connection);
}

void HttpApi::cancel_deadline(ApiConnection& connection) {
  if (const auto due = std::exchange(connection.schedule().due, std::nullopt)) deadlines_.erase({*due, &connection});
}

void HttpApi::forget(ApiConnection& connection) {
  if (std::exchange(connection.schedule().woken, false)) std::erase(woken_, &connection);
  cancel_deadline(connection);
}

void HttpApi::advance(const Now& now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now.steady) {
    ApiConnection& due = *deadlines_.begin()->second;
    cancel_deadline(due);
    due.on_deadline();
  }
  while (net::DeadlineNode* due = pings_.pop_due(now.steady)) static_cast<EventStream*>(due)->look(now);
}

bool HttpApi::end_turn(const Now&) {
  while (!woken_.empty()) {
    ApiConnection& connection = *woken_.back();
    woken_.pop_back();
    connection.schedule().woken = false;
    connection.resume();
  }
  return false;
}

std::optional<SteadyTime> HttpApi::next_deadline() const {
  std::optional<SteadyTime> next = pings_.next_deadline();
  if (!deadlines_.empty() && (!next || deadlines_.begin()->first < *next)) next = deadlines_.begin()->first;
  return next;
}

}  // namespace clasp::http_api
