// A request to another server, and what became of it. Plain data, and the interface behind which tests have a fake.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clasp/error.hpp"
#include "core/time.hpp"

namespace clasp::http_client {

struct HttpField {
  std::string name;
  std::string value;
  bool operator==(const HttpField&) const = default;
};

struct HttpCall {
  std::string method = "GET";
  std::string url;  // http or https
  std::vector<HttpField> fields;
  std::string body;                          // sent with a Content-Length; none with GET and HEAD
  Micros timeout{30'000'000};                // from the start to the last byte of the answer, redirects included
  std::size_t answer_bytes_max = 1'048'576;  // of the body; a larger one is a failure
  unsigned redirects_max = 5;                // followed within the same host only; GET and HEAD always, others for 307 and 308
};

struct HttpAnswer {
  unsigned status = 0;
  std::vector<HttpField> fields;  // of the last hop, in order
  std::string body;

  const std::string* find(std::string_view name) const;  // without regard to case; the first of that name
  bool is_success() const { return status >= 200 && status < 300; }
};

enum class CallId : std::uint64_t { none = 0 };

class HttpFetcher {
 public:
  virtual ~HttpFetcher() = default;
  // `done` is called once, later, on the loop's thread: with an answer, or with an error that says in a line what went wrong: connection_failed
  // (nobody there, no such name, TLS, the connection broke), timeout, invalid_argument (the URL), refused (a redirect not followed), overloaded (an
  // answer above the bound, or too many calls). It may start and cancel calls. The URL is not part of the error.
  using Done = std::function<void(Result<HttpAnswer>)>;
  virtual CallId start(HttpCall call, Done done) = 0;
  virtual void cancel(CallId id) = 0;  // `done` is not called any more; an id that is not known is none of our business
};

}  // namespace clasp::http_client
