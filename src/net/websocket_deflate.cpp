#include "net/websocket_deflate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace clasp::net {

namespace {

constexpr std::string_view extension_name = "permessage-deflate";

bool is_token_char(char c) {
  const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return alphanumeric || std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
}

// Reads one field value from its front; every step says whether it found what it takes.
class ListReader {
 public:
  explicit ListReader(std::string_view text) : rest_(without_blanks(text)) {}

  bool at_end() const { return rest_.empty(); }

  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    advance(1);
    return true;
  }
  std::optional<std::string> token() {
    const std::size_t bytes = static_cast<std::size_t>(std::ranges::find_if_not(rest_, is_token_char) - rest_.begin());
    if (bytes == 0) return std::nullopt;
    std::string text{rest_.substr(0, bytes)};
    advance(bytes);
    return text;
  }
  // A token, or a quoted string that holds one.
  std::optional<std::string> value() {
    if (!rest_.starts_with('"')) return token();
    std::string text;
    std::size_t at = 1;
    for (; at < rest_.size() && rest_[at] != '"'; ++at) {
      if (rest_[at] == '\\') ++at;
      if (at == rest_.size() || !is_token_char(rest_[at])) return std::nullopt;
      text += rest_[at];
    }
    if (at == rest_.size() || text.empty()) return std::nullopt;
    advance(at + 1);
    return text;
  }

 private:
  void advance(std::size_t bytes) {
    rest_.remove_prefix(bytes);
    rest_ = without_blanks(rest_);
  }
  std::string_view rest_;
};

std::optional<Extension> read_extension(ListReader& reader) {
  std::optional<std::string> name = reader.token();
  if (!name) return std::nullopt;
  Extension extension{.name = *std::move(name), .parameters = {}};
  while (reader.take(';')) {
    std::optional<std::string> parameter = reader.token();
    if (!parameter) return std::nullopt;
    extension.parameters.push_back({.name = *std::move(parameter), .value = {}});
    if (!reader.take('=')) continue;
    extension.parameters.back().value = reader.value();
    if (!extension.parameters.back().value) return std::nullopt;
  }
  return extension;
}

// 8 to 15, without leading zeros.
std::optional<std::uint8_t> window_bits(const std::optional<std::string>& value) {
  if (!value || value->starts_with('0')) return std::nullopt;
  std::uint8_t bits = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), bits);
  if (error != std::errc{} || end != value->data() + value->size() || bits < 8 || bits > DeflateAgreement::window_bits_max) return std::nullopt;
  return bits;
}

bool has_duplicates(const std::vector<ExtensionParameter>& parameters) {
  for (auto at = parameters.begin(); at != parameters.end(); ++at) {
    if (std::any_of(parameters.begin(), at, [&](const ExtensionParameter& earlier) { return earlier.name == at->name; })) return true;
  }
  return false;
}

// RFC 7692, section 7: an offer with anything unknown, repeated or out of range is declined.
std::optional<DeflateAgreement> agree_on(const Extension& offer) {
  if (offer.name != extension_name || has_duplicates(offer.parameters)) return std::nullopt;
  DeflateAgreement agreement;
  for (const auto& [name, value] : offer.parameters) {
    if (name == "server_no_context_takeover" || name == "client_no_context_takeover") {
      if (value) return std::nullopt;
    } else if (name == "client_max_window_bits") {  // a hint, which may stay unanswered: we read windows of every size
      if (value && !window_bits(value)) return std::nullopt;
    } else if (name == "server_max_window_bits") {
      agreement.server_window_bits = window_bits(value);
      if (agreement.server_window_bits.value_or(0) < DeflateAgreement::window_bits_min) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  return agreement;
}

}  // namespace

std::optional<std::vector<Extension>> parse_extensions(const std::vector<HttpField>& fields) {
  std::vector<Extension> all;
  for (const HttpField& field : fields) {
    if (!same_ignoring_case(field.name, "Sec-WebSocket-Extensions")) continue;
    ListReader reader{field.value};
    while (!reader.at_end()) {
      if (reader.take(',')) continue;  // empty elements of a list are passed over (RFC 9110, section 5.6.1)
      std::optional<Extension> extension = read_extension(reader);
      if (!extension || !(reader.at_end() || reader.take(','))) return std::nullopt;
      all.push_back(*std::move(extension));
    }
  }
  return all;
}

std::optional<DeflateAgreement> agree_on_deflate(std::span<const Extension> offered) {
  for (const Extension& offer : offered) {
    if (std::optional<DeflateAgreement> agreement = agree_on(offer)) return agreement;
  }
  return std::nullopt;
}

std::string DeflateAgreement::header() const {
  std::string text = fmt::format("{}; server_no_context_takeover; client_no_context_takeover", extension_name);
  if (server_window_bits) text += fmt::format("; server_max_window_bits={}", *server_window_bits);
  return text;
}

}  // namespace clasp::net
