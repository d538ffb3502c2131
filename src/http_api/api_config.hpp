// What can be set on the HTTP interface.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace clasp::http_api {

// A route of the operator's own: "GET /room/:name /rooms/{name}/dim". parse_endpoint() (endpoints.hpp) makes it.
struct EndpointConfig {
  std::string method;                // GET reads, PUT and PATCH set, POST emits, DELETE removes
  std::string path;                  // ":name" stands for one segment, "*name" at the end for all that follow
  std::string address;               // with {name}
  std::uint32_t per_minute_max = 0;  // requests, of all clients together; 0: unlimited
  std::string text;                  // for the OpenAPI document
};

struct HttpApiConfig {
  std::string base = "/api";         // of the reference's routes
  std::string ns = "/http";          // what they put before the addresses they write
  bool strict_reference = false;     // only the reference's own routes there, no aliases of /v1
  bool cors = true;                  // no: pages of other origins neither read nor write
  std::vector<std::string> origins;  // whose pages may use it ("https://desk.example"); empty: all
  bool journal = false;                             // HttpApi::set_journal() is called: the journal's routes are served
  std::string token;                 // required as Bearer, as X-API-Key, or as password of Basic; empty: none
  std::vector<EndpointConfig> endpoints;
  std::chrono::seconds poll_max{60};                // longest wait of a long poll
  std::chrono::milliseconds write_timeout{30'000};  // for an answer that waits for the disk; then 504
  std::chrono::milliseconds ping_interval{15'000};  // of silent event streams
};

}  // namespace clasp::http_api
