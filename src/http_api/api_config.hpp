// What can be set on the HTTP interface.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace clasp::http_api {

struct HttpApiConfig {
  std::string base = "/api";                        // of the reference's routes
  std::string ns = "/http";                         // what they put before the addresses they write
  bool strict_reference = false;                    // only the reference's own routes there, no aliases of /v1
  std::vector<std::string> origins;                 // whose pages may use it ("https://desk.example"); empty: all
  std::string token;                                // required as Bearer or X-API-Key; empty: none
  std::chrono::seconds poll_max{60};                // longest wait of a long poll
  std::chrono::milliseconds write_timeout{30'000};  // for an answer that waits for the disk; then 504
  std::chrono::milliseconds ping_interval{15'000};  // of silent event streams
};

}  // namespace clasp::http_api
