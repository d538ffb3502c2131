// Routes of the operator's own (bridges specification, section 11.4, `endpoints`): a path that stands for an address.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "clasp/error.hpp"
#include "core/time.hpp"
#include "http_api/api_config.hpp"

namespace clasp::http_api {

struct Route;
struct RouteMatch;

// "METHOD PATH ADDRESS [rate=REQUESTS-A-MINUTE]". The error says which word is wrong.
Result<EndpointConfig> parse_endpoint(std::string_view line, std::string_view base);

const Route& endpoint_route(std::string_view method);  // the row of /v1 that does what an endpoint of that method does

// They come before the reference's routes and behind /v1, where none may be.
class Endpoints {
 public:
  explicit Endpoints(std::span<const EndpointConfig> configs);
  Endpoints(const Endpoints&) = delete;
  ~Endpoints();

  bool own(std::string_view path) const;
  // The first whose path fits and, of those of that path, the one with the method. Nothing: no such path, or it names what no address can hold.
  std::optional<RouteMatch> find(std::string_view method, std::string_view path) const;
  // Whether a request of this route may be answered now, which counts it. True for routes that are no endpoints.
  bool admit(const Route* route, SteadyTime now);

 private:
  struct Endpoint;
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
};

}  // namespace clasp::http_api
