#include "bridge/web/listen_rows.hpp"

#include <algorithm>
#include <array>

#include "core/address.hpp"
#include "options/apply.hpp"

namespace clasp::bridge::web {

namespace {
constexpr std::array<std::string_view, 3> kind_names{"param", "event", "stream"};  // in the order of SignalType
}

Result<void> set_place(ListenPlace& place, std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const bool bare_ipv6 = colon != std::string_view::npos && text.find(':') != colon && !text.starts_with('[');
  ListenPlace to = place;
  if (const auto port = options::parse_count(text, {0, 65'535})) {
    to.port = static_cast<std::uint16_t>(*port);
  } else if (colon == std::string_view::npos || bare_ipv6 || text.ends_with(']')) {
    to.host = text;
  } else {
    const auto behind = options::parse_count(text.substr(colon + 1), {0, 65'535});
    if (!behind) return options::bad_option("expected HOST, PORT or HOST:PORT");
    to.host = text.substr(0, colon);
    to.port = static_cast<std::uint16_t>(*behind);
  }
  if (to.host.starts_with('[') && to.host.ends_with(']')) to.host = to.host.substr(1, to.host.size() - 2);
  if (to.host == "::" || to.host == "*") to.host.clear();  // all addresses, IPv6 and IPv4
  place = to;
  return {};
}

Result<void> add_kind(std::vector<KindRule>& rules, std::string_view text) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string_view::npos) return options::bad_option("expected PATTERN=param, PATTERN=event or PATTERN=stream");
  const auto pattern = Pattern::parse(text.substr(0, equals));
  if (!pattern) return options::bad_option(describe_address_fault(pattern.error(), text.substr(0, equals)));
  const auto kind = options::parse_choice(text.substr(equals + 1), kind_names);
  if (!kind) return kind.error();
  rules.push_back({*pattern, static_cast<SignalType>(*kind)});
  return {};
}

Result<void> add_header(std::vector<net::HttpField>& fields, std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto fits = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; };
  if (colon == std::string_view::npos || colon == 0 || text.substr(0, colon).find(' ') != std::string_view::npos || !std::ranges::all_of(text, fits))
    return options::bad_option("expected NAME: VALUE");
  fields.push_back({std::string(text.substr(0, colon)), std::string(net::without_blanks(text.substr(colon + 1)))});
  return {};
}

options::Apply append_text(std::vector<std::string>& texts) {
  return [&texts](std::string_view text) -> Result<void> {
    if (text.empty()) return options::bad_option("expected a text");
    texts.emplace_back(text);
    return {};
  };
}

}  // namespace clasp::bridge::web
