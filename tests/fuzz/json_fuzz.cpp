// Any text: the parser ends with a value or an error that says where, and what it accepts survives being written and read again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/address.hpp"
#include "core/check.hpp"
#include "core/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const clasp::Result<clasp::Value> value = clasp::parse_json({reinterpret_cast<const char*>(data), size});
  if (!value) {
    CLASP_CHECK(value.error().message.starts_with("invalid JSON at byte "));
    CLASP_CHECK(clasp::valid_utf8(value.error().message));
    return 0;
  }
  const std::string text = clasp::to_json(*value);
  const clasp::Result<clasp::Value> again = clasp::parse_json(text);
  CLASP_CHECK(again.has_value());
  CLASP_CHECK(*again == *value);
  CLASP_CHECK(clasp::to_json(*again) == text);
  return 0;
}
