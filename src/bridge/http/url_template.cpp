#include "bridge/http/url_template.hpp"

#include <fmt/format.h>

#include <array>

#include "core/json.hpp"
#include "http_client/http_client.hpp"
#include "url/url.hpp"

namespace clasp::bridge::http {

namespace {

struct PlaceholderRow {
  std::string_view name;
  std::string ChangeText::* text;
};
constexpr std::array placeholders{
    PlaceholderRow{"{address}", &ChangeText::address},   PlaceholderRow{"{name}", &ChangeText::name},
    PlaceholderRow{"{value}", &ChangeText::value},       PlaceholderRow{"{text}", &ChangeText::text},
    PlaceholderRow{"{revision}", &ChangeText::revision}, PlaceholderRow{"{signal}", &ChangeText::signal},
};

const PlaceholderRow* find_at(std::string_view text, std::size_t at) {
  for (const PlaceholderRow& row : placeholders) {
    if (text.substr(at).starts_with(row.name)) return &row;
  }
  return nullptr;
}

// Goes over the text, and over its placeholders in between.
template <typename Literal, typename Placeholder>
bool walk(std::string_view text, Literal literal, Placeholder placeholder) {
  std::size_t done = 0;
  for (std::size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
    const PlaceholderRow* row = find_at(text, at);
    if (row == nullptr) continue;
    literal(text.substr(done, at - done));
    if (!placeholder(*row)) return false;
    done = at + row->name.size();
  }
  literal(text.substr(done));
  return true;
}

// Of addresses the slashes stay, everything that is not unreserved (RFC 3986) is encoded.
void append_encoded(std::string& out, std::string_view text, bool keep_slashes) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' ||
                       byte == '_' || byte == '~';
    if (plain || (keep_slashes && c == '/'))
      out += c;
    else
      out += fmt::format("%{:02X}", byte);
  }
}

bool has_steps(std::string_view path) {
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment == "." || segment == "..") return true;
    if (slash == std::string_view::npos) return false;
    path.remove_prefix(slash + 1);
  }
}

std::size_t end_of_host(std::string_view url) {
  const std::size_t scheme = url.find("://");
  return scheme == std::string_view::npos ? std::string_view::npos : url.find_first_of("/?#{", scheme + 3);
}

}  // namespace

Result<void> check_template(const std::string& url) {
  const std::size_t end = end_of_host(url);
  // "http://host{address}" is one as well: an address begins with a slash.
  if (end != std::string::npos && url[end] == '{' && !url.substr(end).starts_with("{address}"))
    return Error{ErrorCode::invalid_argument, fmt::format("{}: a placeholder may not be part of the host", url), {}};
  std::string plain;
  walk(
      url, [&](std::string_view text) { plain += text; },
      [&](const PlaceholderRow& row) {
        plain += row.name == "{address}" ? "/x" : "x";
        return true;
      });
  if (const std::size_t open = plain.find('{'); open != std::string::npos)
    return Error{ErrorCode::invalid_argument,
                 fmt::format("{}: unknown placeholder; there are {{address}}, {{name}}, {{value}}, {{text}}, {{revision}}, {{signal}}", url),
                 {}};
  if (const auto usable = http_client::check_url(plain); !usable) {
    Error error = usable.error();
    error.message = fmt::format("{}: {}", url::shown_url(url), error.message);
    return error;
  }
  return {};
}

std::optional<std::string> fill_url(std::string_view url, const ChangeText& change) {
  std::string out;
  const bool whole = walk(
      url, [&](std::string_view text) { out += text; },
      [&](const PlaceholderRow& row) {
        const bool path = row.text == &ChangeText::address || row.text == &ChangeText::name;
        if (path && has_steps(change.*row.text)) return false;
        append_encoded(out, change.*row.text, path);
        return true;
      });
  if (!whole) return std::nullopt;
  return out;
}

std::string fill_body(std::string_view body, const ChangeText& change) {
  std::string out;
  walk(
      body, [&](std::string_view text) { out += text; },
      [&](const PlaceholderRow& row) {
        if (row.text == &ChangeText::value) {
          out += change.value;
          return true;
        }
        std::string quoted;
        append_json_string(change.*row.text, quoted);
        out += std::string_view(quoted).substr(1, quoted.size() - 2);
        return true;
      });
  return out;
}

}  // namespace clasp::bridge::http
