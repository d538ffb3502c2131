// Everything that matches a pattern, as one JSON document. Without `limit` all of it, in pieces, as the peer takes them: a million params cost no
// memory. With `limit` a page, and how to go on. Values are those of the moment at which they leave.
#pragma once

#include <memory>
#include <string>

#include "core/pattern.hpp"
#include "http_api/exchange.hpp"
#include "router/router.hpp"

namespace clasp::http_api {

class ApiConnection;
struct ApiRequest;

class Listing final : public Exchange {
 public:
  enum class Form : std::uint8_t {
    object,     // {"/a":1,"/b":2}
    addresses,  // {"addresses":["/a","/b"],"next"?}
    signals,    // {"signals":[{"address":"/a","value":1}],"count":1,"next"?}
  };
  static constexpr std::size_t page_bytes_max = 1'048'576;  // a page ends here at the latest
  static constexpr std::size_t piece_bytes = 32'768;
  static constexpr std::size_t ranged_bytes_max = 4'194'304;  // a Range of more is not served: the whole is, in pieces
  static constexpr std::size_t waiting_bytes_max = 65'536;    // no further piece while more than this waits

  // Begins the answer, or gives all of it; then nothing is left to do and null is returned.
  static std::unique_ptr<Exchange> answer(ApiConnection& connection, Form form, const ApiRequest& request);

  Listing(ApiConnection& connection, Form form, Pattern pattern, std::string after)
      : connection_(connection), pattern_(std::move(pattern)), after_(std::move(after)), form_(form) {}

  void on_sent(std::size_t) override { pump(); }
  void on_closed() override {}

 private:
  enum class More : bool { no, yes };
  void pump();
  More append(std::string& out, std::size_t entries_max, std::size_t bytes_max);  // yes: it goes on behind after_
  void append_end(std::string& out, More more) const;
  std::string_view beginning() const;

  ApiConnection& connection_;
  Pattern pattern_;
  std::string after_;  // the address of the last one
  std::size_t count_ = 0;
  Form form_;
};

}  // namespace clasp::http_api
