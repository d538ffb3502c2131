// The query of a URL: "EIO=4&transport=polling".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace clasp::bridge::web {

// The first value of that name, decoded; nothing if it is not there or its encoding is broken. "x" alone has the empty value.
std::optional<std::string> find_query(std::string_view query, std::string_view name);

std::string percent_encode(std::string_view text);  // all but letters, digits and -._~

}  // namespace clasp::bridge::web
