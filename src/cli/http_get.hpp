// One HTTP GET, for the health and figures of a router.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "clasp/error.hpp"

namespace clasp::cli {

struct HttpReply {
  unsigned status = 0;
  std::string body;
  bool operator==(const HttpReply&) const = default;
};

struct HttpGetOptions {
  std::string token;                      // "Authorization: Bearer …"; empty: none
  std::size_t bytes_max = 4'194'304;      // of the answer
};

// Connects, asks with HTTP/1.0 and reads until the peer closes or the announced length is there; at most `bytes_max`. Errors: connection_failed, timeout.
Result<HttpReply> http_get(const std::string& host, std::uint16_t port, std::string_view path, std::chrono::milliseconds timeout,
                           const HttpGetOptions& options = {});

// Of a whole answer; nothing if it is none, or cut off.
std::optional<HttpReply> parse_http_reply(std::string_view text);

// The value of a figure without labels in the text exposition format of Prometheus.
std::optional<double> find_metric(std::string_view exposition, std::string_view name);

}  // namespace clasp::cli
