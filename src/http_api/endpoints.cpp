#include "http_api/endpoints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

#include "core/address.hpp"
#include "http_api/api_connection.hpp"
#include "http_api/api_request.hpp"
#include "http_api/route.hpp"

namespace clasp::http_api {

namespace {

Error bad(std::string message) { return {ErrorCode::invalid_argument, std::move(message), {}}; }

// Which route answers a method.
struct MethodRow {
  std::string_view method;
  std::string_view route;
};
constexpr std::array methods{MethodRow{"GET", "getState"}, MethodRow{"PUT", "putState"}, MethodRow{"PATCH", "patchState"}, MethodRow{"POST", "emit"},
                             MethodRow{"DELETE", "deleteState"}};

const MethodRow* find_method(std::string_view method) {
  const auto* const at = std::ranges::find(methods, method, &MethodRow::method);
  return at == methods.end() ? nullptr : at;
}

using Names = std::vector<std::pair<std::string, std::string>>;  // what the names in the path stand for

// Nothing if `path` is not one of `pattern`, or a segment is not properly encoded.
std::optional<Names> fit(std::string_view pattern, std::string_view path) {
  Names names;
  SegmentCursor expected(pattern);
  SegmentCursor given(path);
  while (!expected.done()) {
    const std::string_view segment = expected.next();
    if (given.done()) return std::nullopt;
    std::string value(given.next());
    if (segment.starts_with('*')) {
      while (!given.done()) value += '/' + std::string(given.next());
    }
    if (!segment.starts_with(':') && !segment.starts_with('*')) {
      if (segment != value) return std::nullopt;
      continue;
    }
    const auto decoded = percent_decode(value, false, "path");
    const bool one = segment.starts_with(':') && decoded && decoded->find('/') != std::string::npos;  // an encoded slash would be a step further
    if (!decoded || decoded->empty() || one) return std::nullopt;
    names.emplace_back(segment.substr(1), *decoded);
  }
  return given.done() ? std::optional(std::move(names)) : std::nullopt;
}

std::string fill(std::string_view address, const Names& names) {
  std::string out;
  for (std::size_t at = 0; at < address.size();) {
    const auto name =
        std::ranges::find_if(names, [&](const auto& each) { return address.substr(at).starts_with(fmt::format("{{{}}}", each.first)); });
    if (name == names.end()) {
      out += address[at++];
    } else {
      out += name->second;
      at += name->first.size() + 2;
    }
  }
  return out;
}

bool is_name(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

Result<Names> names_of(std::string_view path) {
  Names names;
  for (SegmentCursor segments(path); !segments.done();) {
    const std::string_view segment = segments.next();
    if (!segment.starts_with(':') && !segment.starts_with('*')) continue;
    if (!is_name(segment.substr(1))) return bad(fmt::format("{}: expected a name of letters, digits and _ behind {}", path, segment.substr(0, 1)));
    if (segment.starts_with('*') && !segments.done()) return bad(fmt::format("{}: *{} has to be the last segment", path, segment.substr(1)));
    names.emplace_back(segment.substr(1), "x");
  }
  return names;
}

}  // namespace

struct Endpoints::Endpoint {
  EndpointConfig config;
  Route route;
  double tokens = 0;
  SteadyTime counted;

  bool admit(SteadyTime now) {
    const double most = config.per_minute_max;
    if (most == 0) return true;
    tokens = std::min(most, tokens + static_cast<double>((now - counted).count()) * most / 60e6);
    counted = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  }
};

Result<EndpointConfig> parse_endpoint(std::string_view line, std::string_view base) {
  std::vector<std::string> words;
  for (std::size_t at = 0; (at = line.find_first_not_of(" \t", at)) != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(" \t", at), line.size());
    words.emplace_back(line.substr(at, end - at));
    at = end;
  }
  if (words.size() < 3) return bad("expected METHOD PATH ADDRESS, as \"GET /room/:name /rooms/{name}/dim\"");
  EndpointConfig config{.method = words[0], .path = words[1], .address = words[2]};
  if (find_method(config.method) == nullptr) return bad(fmt::format("{}: expected GET, PUT, PATCH, POST or DELETE", config.method));
  if (!config.path.starts_with('/') || config.path.find("//") != std::string::npos || config.path.find_first_of("?#%") != std::string::npos)
    return bad(fmt::format("{}: expected a path as /room/:name", config.path));
  if (config.path == "/v1" || config.path.starts_with("/v1/")) return bad(fmt::format("{}: /v1 has its own routes", config.path));
  for (const std::string_view own : {"/signals", "/health"}) {
    if (config.path == std::string(base) + std::string(own)) return bad(fmt::format("{}: there is such a route", config.path));
  }
  const auto names = names_of(config.path);
  if (!names) return names.error();
  const std::string filled = fill(config.address, *names);
  if (filled.find_first_of("{}") != std::string::npos) return bad(fmt::format("{}: a {{name}} that {} does not have", config.address, config.path));
  if (const auto fault = check_address(filled)) return bad(describe_address_fault(*fault, config.address));
  for (std::size_t i = 3; i < words.size(); ++i) {
    constexpr std::string_view rate = "rate=";
    const auto [end, error] = words[i].starts_with(rate)
                                  ? std::from_chars(words[i].data() + rate.size(), words[i].data() + words[i].size(), config.per_minute_max)
                                  : std::from_chars_result{words[i].data(), std::errc::invalid_argument};
    if (error != std::errc{} || end != words[i].data() + words[i].size() || config.per_minute_max > 1'000'000)
      return bad(fmt::format("{}: expected rate=REQUESTS-A-MINUTE", words[i]));
  }
  return config;
}

Endpoints::Endpoints(std::span<const EndpointConfig> configs) {
  for (const EndpointConfig& config : configs) {
    auto endpoint = std::make_unique<Endpoint>(Endpoint{
        .config = config, .route = route(find_method(config.method)->route), .tokens = static_cast<double>(config.per_minute_max), .counted = {}});
    endpoint->route.method = endpoint->config.method;
    endpoint->route.path = endpoint->config.path;
    endpoints_.push_back(std::move(endpoint));
  }
}

Endpoints::~Endpoints() = default;

const Route& endpoint_route(std::string_view method) { return route(find_method(method)->route); }

bool Endpoints::own(std::string_view path) const {
  return std::ranges::any_of(endpoints_, [path](const auto& each) { return fit(each->config.path, path).has_value(); });
}

std::optional<RouteMatch> Endpoints::find(std::string_view method, std::string_view path) const {
  if (method == "HEAD") method = "GET";
  std::optional<RouteMatch> match;
  const Endpoint* decided = nullptr;
  for (const auto& each : endpoints_) {
    if (decided != nullptr && decided->config.path != each->config.path) continue;
    const auto names = fit(each->config.path, path);
    if (!names) continue;
    decided = each.get();
    if (!match) match = RouteMatch{.route = nullptr, .tail = {}, .allow = {}, .address = {}, .family = Family::v1};
    if (each->config.method == method && match->route == nullptr) {
      match->route = &each->route;
      match->address = fill(each->config.address, *names);
    }
    match->allow += each->config.method;
    match->allow += each->config.method == "GET" ? ", HEAD, " : ", ";
  }
  if (match) match->allow += "OPTIONS";
  return match;
}

bool Endpoints::admit(const Route* route, SteadyTime now) {
  const auto at = std::ranges::find_if(endpoints_, [route](const auto& each) { return &each->route == route; });
  return at == endpoints_.end() || (*at)->admit(now);
}

}  // namespace clasp::http_api
