#include "bridge/http/rule_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "bridge/http/url_template.hpp"
#include "core/address.hpp"
#include "http_client/http_client.hpp"
#include "options/option_set.hpp"

namespace clasp::bridge::http {

namespace {

Error bad(std::string message) { return {ErrorCode::invalid_argument, std::move(message), {}}; }

struct Setting {
  std::string_view name;
  std::string_view value;
};
std::optional<Setting> setting(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos || equals == 0) return std::nullopt;
  return Setting{word.substr(0, equals), word.substr(equals + 1)};
}

Result<std::string> parse_url(std::string_view word, const std::string& base) {
  std::string url(word);
  if (url.starts_with('/')) {
    if (base.empty()) return bad(fmt::format("{}: expected http://…, because there is no --url it could be below", word));
    url = base + url;
  }
  if (const auto usable = check_template(url); !usable) return usable.error();
  return url;
}

Result<void> set_target(TargetConfig& target, const Setting& given) {
  const auto number = [&](auto& out, std::uint64_t min, std::uint64_t max) -> Result<void> {
    const auto count = options::parse_count(given.value, {min, max});
    if (!count) return bad(fmt::format("{}: {}", given.name, count.error().message));
    out = static_cast<std::remove_reference_t<decltype(out)>>(*count);
    return {};
  };
  if (given.name == "method") {
    target.method = given.value;
    const bool known =
        target.method == "POST" || target.method == "PUT" || target.method == "PATCH" || target.method == "DELETE" || target.method == "GET";
    return known ? Result<void>{} : bad("method: expected GET, PUT, POST, PATCH or DELETE");
  }
  if (given.name == "body") {
    static constexpr std::string_view names[] = {"value", "wrapped", "event"};
    const auto* const at = std::ranges::find(names, given.value);
    if (at != std::end(names)) {
      target.form = static_cast<BodyForm>(at - std::begin(names));
      return {};
    }
    if (given.value.find('{') == std::string_view::npos) return bad("body: expected value, wrapped, event, or a text with {value}");
    target.form = BodyForm::text;
    target.body = given.value;
    return {};
  }
  if (given.name == "secret") {
    target.secret = given.value;
    return given.value.empty() ? bad("secret: expected a text") : Result<void>{};
  }
  if (given.name == "rate") {
    double rate = 0;
    const auto [end, error] = std::from_chars(given.value.data(), given.value.data() + given.value.size(), rate);
    if (error != std::errc{} || end != given.value.data() + given.value.size() || !(rate > 0 && rate <= 10'000))
      return bad("rate: expected a number of requests a second, above 0 and up to 10000");
    target.rate_hz_max = rate;
    return {};
  }
  if (given.name == "queue") return number(target.queue_max, 1, 100'000);
  if (given.name == "retries") return number(target.retries, 0, 100);
  if (given.name == "own") {
    const auto on = options::parse_switch(given.value);
    if (!on) return bad(fmt::format("own: {}", on.error().message));
    target.own = *on;
    return {};
  }
  return bad(fmt::format("{}: unknown; there are method, body, secret, rate, queue, retries, own", given.name));
}

Result<TargetConfig> parse_target(std::string_view line, const std::string& base, TargetConfig target, std::string_view form) {
  const auto words = split_words(line);
  if (!words) return words.error();
  if (words->size() < 2) return bad(fmt::format("expected {}", form));
  auto pattern = Pattern::parse(words->front());
  if (!pattern) return bad(describe_address_fault(pattern.error(), words->front()));
  target.pattern = std::move(*pattern);
  auto url = parse_url((*words)[1], base);
  if (!url) return url.error();
  target.url = std::move(*url);
  for (std::size_t i = 2; i < words->size(); ++i) {
    const auto given = setting((*words)[i]);
    if (!given) return bad(fmt::format("{}: expected NAME=VALUE", (*words)[i]));
    if (const auto set = set_target(target, *given); !set) return set.error();
  }
  return target;
}

Result<Pick> parse_pick(const Setting& given, const NamespaceMap& ns) {
  Pick pick{.address = {}, .path = std::string(given.value), .compiled = {}};
  if (given.name.starts_with('/')) {
    pick.address = given.name;
  } else if (!ns.to_address(given.name, pick.address)) {
    return bad(fmt::format("{}: no name", given.name));
  }
  if (const auto fault = check_address(pick.address)) return bad(describe_address_fault(*fault, pick.address));
  if (pick.path.starts_with('$')) {
    auto path = transform::JsonPath::parse(pick.path);
    if (!path) return bad(fmt::format("{}: {}", given.name, path.error().message));
    pick.compiled = std::move(*path);
  } else if (!pick.path.empty() && !pick.path.starts_with('/')) {
    return bad(fmt::format("{}: expected a path as $.a.b or /a/b", given.name));
  }
  return pick;
}

}  // namespace

Result<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool inside = false;
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      if (c == '\\' && i + 1 < line.size() && (line[i + 1] == '"' || line[i + 1] == '\\')) {
        word += line[++i];
      } else if (c == '"') {
        quoted = false;
      } else {
        word += c;
      }
    } else if (c == '"') {
      quoted = inside = true;
    } else if (c == ' ' || c == '\t') {
      if (std::exchange(inside, false)) words.push_back(std::exchange(word, {}));
    } else {
      word += c;
      inside = true;
    }
  }
  if (quoted) return bad("a quotation mark is not closed");
  if (inside) words.push_back(std::move(word));
  return words;
}

Result<PollConfig> parse_poll(std::string_view line, const NamespaceMap& ns, const std::string& base) {
  const auto words = split_words(line);
  if (!words) return words.error();
  if (words->empty()) return bad("expected URL [every=TIME] [NAME=PATH …]");
  PollConfig poll;
  auto url = parse_url(words->front(), base);
  if (!url) return url.error();
  if (url->find('{') != std::string::npos) return bad(fmt::format("{}: there is nothing that could stand for a {{placeholder}} in a poll", *url));
  poll.url = std::move(*url);
  for (std::size_t i = 1; i < words->size(); ++i) {
    const auto given = setting((*words)[i]);
    if (!given) return bad(fmt::format("{}: expected every=TIME or NAME=PATH", (*words)[i]));
    if (given->name == "every") {
      const auto time = options::parse_duration(
          given->value, {std::chrono::duration_cast<std::chrono::milliseconds>(limits::poll_interval_min), std::chrono::hours{24 * 7}});
      if (!time) return bad(fmt::format("every: {}", time.error().message));
      poll.interval = *time;
      continue;
    }
    auto pick = parse_pick(*given, ns);
    if (!pick) return pick.error();
    poll.picks.push_back(std::move(*pick));
  }
  return poll;
}

Result<TargetConfig> parse_send(std::string_view line, const std::string& base) { return parse_target(line, base, {}, "PATTERN URL [NAME=VALUE …]"); }

Result<TargetConfig> parse_webhook(std::string_view line) {
  TargetConfig hook;
  hook.method = "POST";
  hook.form = BodyForm::event;
  hook.own = true;
  return parse_target(line, {}, std::move(hook), "PATTERN URL [NAME=VALUE …]");
}

Result<HttpField> parse_header(std::string_view line) {
  const std::size_t colon = line.find(':');
  const auto is_token = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  };
  if (colon == std::string_view::npos || colon == 0 || !std::ranges::all_of(line.substr(0, colon), is_token)) return bad("expected \"Name: value\"");
  std::string_view value = line.substr(colon + 1);
  while (value.starts_with(' ')) value.remove_prefix(1);
  if (std::ranges::any_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t'; }))
    return bad("a header has no control characters");
  return HttpField{std::string(line.substr(0, colon)), std::string(value)};
}

}  // namespace clasp::bridge::http
