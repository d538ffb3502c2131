// HTTP requests by libcurl on our loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "http_client/http_fetch.hpp"

namespace clasp::io {
class IoLoop;
}

namespace clasp::http_client {

struct HttpClientConfig {
  std::string user_agent = "clasp";
  std::string ca_file;    // certificates to trust instead of the system's; empty: the system's
  bool insecure = false;  // trust any certificate
  std::string proxy;      // URL of one; the environment is not asked
  Micros connect_timeout{10'000'000};
  long connections_max = 32;  // kept and open
  long connections_per_host_max = 8;
  std::size_t calls_max = 1'024;  // at a time
};

struct HttpClientStats {
  std::uint64_t calls = 0;
  std::uint64_t failures = 0;  // no answer
  std::uint64_t redirects = 0;
};

// Loop thread only. Ends whatever is under way when it is destroyed; no `done` is called then.
class HttpClient final : public HttpFetcher {
 public:
  // Error unavailable if this libcurl would hold the loop while it looks names up.
  static Result<std::unique_ptr<HttpClient>> create(io::IoLoop& loop, HttpClientConfig config);
  HttpClient(const HttpClient&) = delete;
  ~HttpClient() override;

  CallId start(HttpCall call, Done done) override;
  void cancel(CallId id) override;

  std::size_t calls_open() const;
  const HttpClientStats& stats() const;

 private:
  struct Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Whether `url` is one that can be called: http or https, with a host. The error says what is wrong.
Result<void> check_url(const std::string& url);

}  // namespace clasp::http_client
