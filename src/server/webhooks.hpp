// The webhooks of rules: requests under way and requests that wait for another attempt.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/time.hpp"
#include "http_client/http_fetch.hpp"
#include "io/timer.hpp"

namespace clasp::server {

// Each is tried four times at most: what is answered 5xx, 408 or 429, or not at all, after 1, 2 and 4 s, later if Retry-After says so. They overtake
// each other. Every attempt has the same X-Clasp-Delivery, and with a secret X-Clasp-Signature: sha256=<HMAC-SHA256 of the body, in hex>.
class Webhooks {
 public:
  static constexpr std::size_t waiting_max = 1'000;
  using Failed = std::function<void(std::string_view rule, const std::string& why)>;
  struct Stats {
    std::uint64_t delivered = 0;
    std::uint64_t retries = 0;
    std::uint64_t failed = 0;
  };

  // Loop thread only. `failed` is told once for each that did not get there.
  Webhooks(io::IoLoop& loop, std::string secret, Failed failed);
  Webhooks(const Webhooks&) = delete;
  ~Webhooks();  // what waits is given up

  void call(std::string_view rule, std::string url, std::string body);  // begins when the loop turns
  std::size_t waiting() const { return hooks_.size(); }
  const Stats& stats() const { return stats_; }

 private:
  struct Hook {
    std::string rule;
    std::string url;
    std::string body;
    unsigned attempts = 0;
    SteadyTime due{};  // of the next attempt; while one is under way: none
    bool under_way = false;
  };
  void send(std::uint64_t number, Hook& hook);
  void answered(std::uint64_t number, const Result<http_client::HttpAnswer>& answer);
  void give_up(std::uint64_t number, const std::string& why);
  void send_due();
  void set_timer();

  io::IoLoop& loop_;
  const std::string secret_;
  const Failed failed_;
  std::map<std::uint64_t, Hook> hooks_;  // by number, which X-Clasp-Delivery shows
  std::uint64_t last_number_ = 0;
  Stats stats_;
  io::Timer timer_;
  std::unique_ptr<http_client::HttpFetcher> client_;  // made when the first is needed
};

}  // namespace clasp::server
