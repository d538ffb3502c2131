// The routes as rows: from them come dispatch, 405 with Allow, and the OpenAPI document, so that it cannot say what is not so.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http_api/api_config.hpp"
#include "http_api/api_request.hpp"

namespace clasp::http_api {

class ApiConnection;

enum class Family : std::uint8_t {
  v1,         // the documented interface
  alias,      // other documented spellings, below the reference's base
  reference,  // as the reference answers, quirks included
  journal,    // where the reference has its journal; served if there is one
};

struct ParameterDoc {
  std::string_view name;
  std::string_view in;      // "query" or "header"
  std::string_view schema;  // JSON
  std::string_view text;
};
struct AnswerDoc {
  unsigned status;
  std::string_view schema;  // name of a component; empty: no body
  std::string_view text;
  std::string_view type = "application/json";
};

struct Route {
  std::string_view method;
  std::string_view path;  // a {parameter} at the end takes the rest, slashes and all; "{base}" at the front is HttpApiConfig::base
  Family family;
  void (ApiConnection::*handle)(const ApiRequest& request);
  std::string_view id;    // of the operation; unique
  std::string_view text;  // one sentence
  std::span<const ParameterDoc> parameters;
  std::string_view body;  // name of a component; empty: the request has none
  std::span<const AnswerDoc> answers;

  bool writes() const { return method != "GET"; }
  bool is_about_us() const { return id == "health" || id == "openapi" || id == "referenceHealth"; }  // not about the state
};

std::span<const Route> routes();

const Route& route(std::string_view id);  // there is one

struct RouteMatch {
  const Route* route = nullptr;  // null: the path exists, the method does not
  std::string_view tail;         // still encoded
  std::string allow;             // "GET, HEAD, PUT, OPTIONS"
  std::string address;           // of an endpoint: decoded, instead of a tail
  Family family = Family::v1;
};
// Nothing: no such path. The first row whose path fits decides; literal names stand before parameters. HEAD is GET.
std::optional<RouteMatch> match_route(const HttpApiConfig& config, std::string_view method, std::string_view path);
// "/v1/state/{address}" of "{base}/state/{address}" …
std::string full_path(const HttpApiConfig& config, const Route& route);
bool is_served(const HttpApiConfig& config, const Route& route);

}  // namespace clasp::http_api
