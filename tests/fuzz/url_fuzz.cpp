// URLs as people write them: any text. What is understood means the same when it is written out and read again.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/check.hpp"
#include "url/url.hpp"

namespace {

using namespace clasp;

constexpr std::array schemes{url::Scheme{.name = "ws", .port = 7330, .websocket = true}, url::Scheme{.name = "https", .port = 443, .tls = true},
                             url::Scheme{.name = "mqtt", .port = 1883}};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(url::shown_url(text));
  static_cast<void>(url::is_origin(text));
  const auto read = url::parse_url(text, schemes);
  if (!read) {
    CLASP_CHECK(!read.error().message.empty());
    return 0;
  }
  CLASP_CHECK(!read->host.empty() && read->port != 0 && read->target.starts_with('/'));
  if (read->host.find('%') != std::string::npos) return 0;  // a zone may be written in two ways
  url::Url place = *read;
  place.user.clear();
  place.password.clear();
  const auto again = url::parse_url(place.scheme + "://" + url::place(place.host, place.port) + place.target, schemes);
  CLASP_CHECK(again && *again == place);
  return 0;
}
