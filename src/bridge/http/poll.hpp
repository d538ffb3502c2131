// One URL that is asked again and again, and what of its answers becomes params.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "bridge/http/http_bridge_config.hpp"
#include "bridge/router_link.hpp"
#include "core/time.hpp"
#include "http_client/http_fetch.hpp"

namespace clasp::bridge::http {

// What the parts of the bridge share. Everything in it outlives them.
struct Surroundings {
  http_client::HttpFetcher& fetcher;
  RouterLink& router;
  const HttpClientModeConfig& config;
  HttpBridgeCounters& counters;
  std::function<Now()> clock;
  std::function<std::uint64_t()> random;
  // A line for the operator about `about`, a URL or one of a few fixed texts; of each at most one a second gets out.
  std::function<void(const std::string& about, std::string text)> report;
};

// Only values that differ from the last one are written. An answer that fails doubles the interval, up to limits::poll_backoff_max, until one comes;
// Retry-After is heeded. ETag and Last-Modified are sent back, so that a server that knows them has little to do.
class Poll {
 public:
  Poll(const PollConfig& config, Surroundings around);
  Poll(const Poll&) = delete;
  ~Poll();

  void advance(const Now& now);  // asks if it is time
  std::optional<SteadyTime> next_deadline() const;
  void forget();  // what has been written may be gone: the next answer is written as a whole
  // Called after an answer has been handled: next_deadline() is new.
  void set_changed(std::function<void()> changed) { changed_ = std::move(changed); }

 private:
  void answered(const Result<http_client::HttpAnswer>& answer);
  void failed(std::string why, const http_client::HttpAnswer* answer);
  bool take(const std::string& body);  // false: it is no JSON
  void take_reference_form(const Value& document);
  void take_item(const Value& item);
  void write(std::string_view address, const Value& value);

  const PollConfig& config_;
  Surroundings around_;
  std::function<void()> changed_ = [] {};
  http_client::CallId call_ = http_client::CallId::none;
  SteadyTime due_{0};
  SteadyTime asked_{0};
  unsigned failures_ = 0;  // in a row
  std::string etag_;
  std::string modified_;
  std::map<std::string, std::string, std::less<>> last_;  // address → tag and bytes of what was written
  std::size_t written_now_ = 0;                           // values of this answer
};

}  // namespace clasp::bridge::http
