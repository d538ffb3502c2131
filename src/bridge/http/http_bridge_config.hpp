// What the HTTP bridge can be told in client mode: servers to ask, and servers to tell.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/namespace_map.hpp"
#include "core/pattern.hpp"
#include "http_client/http_fetch.hpp"
#include "transform/json_path.hpp"

namespace clasp::bridge::http {

using http_client::HttpField;

// One value of an answer, and where it goes.
struct Pick {
  std::string address;                          // absolute: the namespace is in it
  std::string path;                             // a JSON pointer ("/main/temp", "" is the whole document) or a JSONPath ("$.main.temp")
  std::optional<transform::JsonPath> compiled;  // of a JSONPath
};

// Without picks an answer has the form of the reference's routes: {"address","value"}, or {"signals":[{"address","value"}]}.
struct PollConfig {
  std::string url;
  Micros interval{5'000'000};
  std::vector<Pick> picks;
};

enum class BodyForm : std::uint8_t {
  value,    // the value as JSON, as the reference sends it
  wrapped,  // {"value":v}
  event,    // {"address","value","revision","signal","time"}
  text,     // Target::body with its {placeholders}
};

// A server that is told what happens below a pattern.
struct TargetConfig {
  Pattern pattern = *Pattern::parse("/**");
  std::string url;     // {address} {name} {value} {revision} {signal} stand for the change, percent-encoded; never in the host
  std::string method;  // empty: PUT of params, POST of everything else
  BodyForm form = BodyForm::value;
  std::string body;        // of BodyForm::text: {value} as JSON, {text} inside a JSON string, and those of the URL as they are
  std::string secret;      // signs the body; empty: no signature
  double rate_hz_max = 0;  // requests; 0: as fast as the answers come
  std::size_t queue_max = 1'000;
  unsigned retries = 3;
  bool own = false;  // also what this bridge itself has written
};

struct HttpClientModeConfig {
  std::string name = "http-bridge";
  NamespaceMap ns;
  std::vector<PollConfig> polls;
  std::vector<TargetConfig> targets;
  std::vector<HttpField> fields;  // of every request: Authorization …
  Micros timeout{30'000'000};
  std::size_t answer_bytes_max = 1'048'576;
  bool sync_on_connect = false;  // targets are told the state as well when the router is reached
};

namespace limits {
inline constexpr Micros poll_interval_min{50'000};
inline constexpr Micros poll_backoff_max{300'000'000};   // of one that fails; never below its interval
inline constexpr std::size_t poll_values_max = 10'000;   // of one answer
inline constexpr std::size_t json_values_max = 262'144;  // in one answer, all its parts counted
inline constexpr Micros retry_first{250'000};
inline constexpr Micros retry_max{30'000'000};
inline constexpr Micros event_age_max{60'000'000};     // an event that waited longer is not sent any more
inline constexpr std::size_t rules_max = 256;          // polls, and targets
}  // namespace limits

struct HttpBridgeCounters {
  // polls
  std::uint64_t polls = 0;
  std::uint64_t polls_not_modified = 0;
  std::uint64_t polls_failed = 0;
  std::uint64_t values_written = 0;
  std::uint64_t values_unchanged = 0;
  std::uint64_t values_unusable = 0;  // not where the path says, no address, too large, too many
  // targets
  std::uint64_t delivered = 0;  // matched a target
  std::uint64_t sent = 0;       // and was taken
  std::uint64_t retries = 0;
  std::uint64_t failed = 0;      // given up
  std::uint64_t replaced = 0;    // by a newer value of the same param
  std::uint64_t dropped = 0;     // the queue was full
  std::uint64_t expired = 0;     // events that had waited too long
  std::uint64_t unsendable = 0;  // addresses that cannot stand in a URL
  std::uint64_t refused = 0;     // by the router
};

}  // namespace clasp::bridge::http
