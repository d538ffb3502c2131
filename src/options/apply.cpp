#include "options/apply.hpp"

namespace clasp::options {

Error bad_option(std::string message) { return {ErrorCode::invalid_argument, std::move(message), {}}; }

Apply apply_text(std::string& target) {
  return [&target](std::string_view text) -> Result<void> {
    target = text;
    return {};
  };
}

Apply apply_filled_text(std::string& target) {
  return [&target](std::string_view text) -> Result<void> {
    if (text.empty()) return bad_option("expected a text that is not empty; leave the option out if there is none");
    target = text;
    return {};
  };
}

Apply apply_switch(bool& target) {
  return [&target](std::string_view text) -> Result<void> {
    const auto value = parse_switch(text);
    if (!value) return value.error();
    target = *value;
    return {};
  };
}

}  // namespace clasp::options
