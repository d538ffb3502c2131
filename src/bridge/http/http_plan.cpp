#include "bridge/http/http_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "bridge/http/http_unit.hpp"
#include "bridge/http/rule_line.hpp"
#include "core/address.hpp"
#include "http_api/endpoints.hpp"
#include "options/apply.hpp"
#include "url/url.hpp"

namespace clasp::bridge::http {

namespace {

using options::apply_bytes;
using options::apply_choice;
using options::apply_count;
using options::apply_duration;
using options::apply_switch;
using options::apply_filled_text;
using options::apply_text;
using options::bad_option;
using options::Option;
using std::chrono::milliseconds;

constexpr std::array<std::string_view, 2> mode_names{"server", "client"};

// "3000", "HOST", "HOST:3000", "[::1]:3000": a host alone keeps the port, a port alone the host.
Result<void> set_bind(HttpPlan& plan, std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const bool bare_ipv6 = colon != std::string_view::npos && text.find(':') != colon && !text.starts_with('[');
  std::string_view host = text;
  std::string_view port;
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos) {
    host = {};
    port = text;
  } else if (colon != std::string_view::npos && !bare_ipv6 && !text.ends_with(']')) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (host.empty()) plan.host.clear();
  }
  if (!port.empty() || text.ends_with(':')) {
    const auto number = options::parse_count(port, {0, 65'535});
    if (!number) return bad_option("expected HOST, PORT or HOST:PORT");
    plan.port = static_cast<std::uint16_t>(*number);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (!host.empty()) plan.host = host;
  return {};
}

// true and false as the reference has them, else an origin.
Result<void> set_cors(http_api::HttpApiConfig& api, std::string_view text) {
  if (text == "*") return {};
  if (const auto on = options::parse_switch(text)) {
    api.cors = *on;
    return {};
  }
  if (!url::is_origin(text)) return bad_option("expected *, true, false, or an origin as https://desk.example, without a path");
  api.origins.emplace_back(text);
  return {};
}

Result<void> set_base(std::string& base, std::string_view text) {
  if (check_address(text) || text.ends_with('/') || text == "/v1" || text.starts_with("/v1/"))
    return bad_option("expected a path as /api, not below /v1");
  base = text;
  return {};
}

template <typename Parsed>
Error in_line(std::string_view row, const std::string& line, const Result<Parsed>& parsed) {
  return {ErrorCode::invalid_argument, fmt::format("--{} \"{}\": {}", row, line, parsed.error().message), {}};
}

}  // namespace

Result<void> HttpPlan::check() const {
  if (mode == Mode::server) {
    if (!first_client_row_.empty())
      return Error{ErrorCode::invalid_argument, fmt::format("--{} is for --mode client; this is --mode server", first_client_row_), {}};
    for (const std::string& line : endpoints) {
      if (const auto endpoint = http_api::parse_endpoint(line, server.api.base); !endpoint) return in_line("endpoint", line, endpoint);
    }
    return {};
  }
  const auto config = client_config();
  if (!config) return config.error();
  if (config->polls.empty() && config->targets.empty())
    return Error{ErrorCode::invalid_argument, "--mode client needs something to do: --url, --poll, --send or --webhook", {}};
  return {};
}

HttpServerModeConfig HttpPlan::server_config() const {
  HttpServerModeConfig config = server;
  config.name = name();
  config.ns = ns();
  config.api.ns = ns().prefix();
  config.listen = {{local_only ? "127.0.0.1" : host, port}};
  for (const std::string& line : endpoints) config.api.endpoints.push_back(http_api::parse_endpoint(line, server.api.base).value());
  return config;
}

Result<HttpClientModeConfig> HttpPlan::client_config() const {
  HttpClientModeConfig config = client;
  config.name = name();
  config.ns = ns();
  const std::string base = url.ends_with('/') ? url.substr(0, url.size() - 1) : url;
  for (const std::string& line : polls) {
    auto poll = parse_poll(line, ns(), base);
    if (!poll) return in_line("poll", line, poll);
    if (poll_interval.count() > 0 && line.find("every=") == std::string::npos) poll->interval = poll_interval;
    config.polls.push_back(std::move(*poll));
  }
  if (polls.empty() && !base.empty() && poll_interval.count() > 0)  // as the reference
    config.polls.push_back({.url = base + "/api/signals", .interval = poll_interval, .picks = {}});
  if (!base.empty() && mirror) {
    const std::string line =
        fmt::format("\"{}\" \"{}{}\" body={}", ns().pattern(), base, strip_namespace ? "/{name}" : "{address}", wrap_value ? "wrapped" : "value");
    auto target = parse_send(line, {});
    if (!target) return in_line("url", url, target);
    config.targets.push_back(std::move(*target));
  }
  for (const std::string& line : sends) {
    auto target = parse_send(line, base);
    if (!target) return in_line("send", line, target);
    config.targets.push_back(std::move(*target));
  }
  for (const std::string& line : webhooks) {
    auto hook = parse_webhook(line);
    if (!hook) return in_line("webhook", line, hook);
    config.targets.push_back(std::move(*hook));
  }
  if (config.polls.size() > limits::rules_max || config.targets.size() > limits::rules_max)
    return Error{ErrorCode::invalid_argument, fmt::format("more than {} polls, or servers to tell", limits::rules_max), {}};
  return config;
}

std::unique_ptr<Bridge> HttpPlan::make(const BridgeContext& context) const {
  if (mode == Mode::server) return make_server_unit(server_config(), context);
  return make_client_unit(client_config().value(), fetcher_config(), context);
}

std::unique_ptr<BridgePlan> make_http_plan() { return std::make_unique<HttpPlan>(); }

std::vector<Option> HttpPlan::own_rows() {
  std::vector<Option> rows{{.name = "mode",
                            .letter = 'm',
                            .value = "NAME",
                            .default_text = "server",
                            .help = "server: the HTTP interface at a port of its own. client: asks other servers, and tells them.",
                            .apply = apply_choice(mode, mode_names),
                            .in_file = false}};
  add_server_rows(rows);
  add_client_rows(rows);
  return rows;
}

void HttpPlan::add_server_rows(std::vector<Option>& rows) {
  const auto add = [&rows](Option row) {
    row.in_file = false;
    rows.push_back(std::move(row));
  };
  add({.name = "bind",
       .letter = 'b',
       .value = "HOST[:PORT]",
       .default_text = "0.0.0.0:3000",
       .help = "Where it is served; :: is IPv6 and IPv4.",
       .apply = [this](std::string_view text) { return set_bind(*this, text); }});
  add({.name = "port",
       .letter = 'p',
       .value = "N",
       .help = "Its port; 0: any.",
       .apply = apply_count(port, 0, 65'535),
       .variable = "CLASP_BRIDGE_PORT"});
  add({.name = "local-only", .help = "Serve this machine only (127.0.0.1).", .apply = apply_switch(local_only)});
  add({.name = "base-path",
       .value = "PATH",
       .default_text = server.api.base,
       .help = "Where the routes of the reference implementation are.",
       .apply = [this](std::string_view text) { return set_base(server.api.base, text); }});
  add({.name = "strict",
       .help = "Only the reference's own routes there, no other spellings of /v1.",
       .apply = apply_switch(server.api.strict_reference)});
  add({.name = "cors",
       .value = "ORIGIN",
       .default_text = "*",
       .help = "Web pages that may use it, \"https://desk.example\"; repeatable. * or true: all; false: none.",
       .apply = [this](std::string_view text) { return set_cors(server.api, text); },
       .repeatable = true});
  add({.name = "no-cors", .help = "No pages of other origins.", .apply = [this](std::string_view text) -> Result<void> {
         const auto on = options::parse_switch(text);
         if (!on) return on.error();
         server.api.cors = !*on;
         return {};
       }});
  add({.name = "listen-token",
       .value = "TEXT",
       .help = "Asked of everybody: \"Authorization: Bearer TEXT\", \"X-API-Key: TEXT\", or as password.",
       .apply = apply_filled_text(server.api.token)});
  add({.name = "api-key", .value = "TEXT", .help = "The same.", .apply = apply_filled_text(server.api.token)});
  add({.name = "read",
       .value = "PATTERN",
       .help = "What is kept and served instead of the namespace, \"/**\"; repeatable.",
       .apply = [this](std::string_view text) -> Result<void> {
         auto pattern = Pattern::parse(text);
         if (!pattern) return bad_option(describe_address_fault(pattern.error(), text));
         server.reads.push_back(std::move(*pattern));
         return {};
       },
       .repeatable = true});
  add({.name = "max-params",
       .value = "N",
       .default_text = "100000",
       .help = "Params kept; of more the newest are not.",
       .apply = apply_count(server.params_max, 1, 100'000'000)});
  add({.name = "endpoint",
       .value = "ROUTE",
       .help = "A route of your own, \"GET /room/:name /http/rooms/{name}\"; repeatable (docs/http.md).",
       .apply = [this](std::string_view text) -> Result<void> {
         endpoints.emplace_back(text);
         return {};
       },
       .repeatable = true});
}

void HttpPlan::add_client_rows(std::vector<Option>& rows) {
  const auto add = [this, &rows](Option row) {
    row.in_file = false;
    row.apply = [this, name = row.name, apply = std::move(row.apply)](std::string_view text) {
      if (first_client_row_.empty()) first_client_row_ = name;
      return apply(text);
    };
    rows.push_back(std::move(row));
  };
  const auto lines = [](std::vector<std::string>& target) {
    return [&target](std::string_view text) -> Result<void> {
      target.emplace_back(text);
      return {};
    };
  };
  add({.name = "url",
       .letter = 'u',
       .value = "URL",
       .help = "A server that hears every change below the namespace, PUT of params and POST of events at its address; and the base of other URLs.",
       .apply = [this](std::string_view text) -> Result<void> {
         if (const auto usable = http_client::check_url(std::string(text)); !usable) return bad_option(usable.error().message);
         url = text;
         return {};
       }});
  add({.name = "mirror",
       .value = "BOOL",
       .default_text = "true",
       .help = "Whether --url is told changes, or is only the base of other URLs.",
       .apply = apply_switch(mirror)});
  add({.name = "strip-namespace", .help = "Without the namespace there.", .apply = apply_switch(strip_namespace)});
  add({.name = "wrap-value", .help = "Send {\"value\":v} there instead of v.", .apply = apply_switch(wrap_value)});
  add({.name = "poll",
       .value = "RULE",
       .help = "A URL asked again and again: \"URL [every=5s] [NAME=PATH ...]\"; repeatable (docs/bridges/http.md).",
       .apply = lines(polls),
       .repeatable = true});
  add({.name = "poll-interval",
       .value = "TIME",
       .help = "For polls without every=; with --url and no --poll its /api/signals is polled.",
       .apply = apply_duration(poll_interval, milliseconds{0}, std::chrono::hours{24 * 7})});
  add({.name = "send",
       .value = "RULE",
       .help = "A server told of changes: \"PATTERN URL [method=] [body=] [rate=] ...\"; repeatable.",
       .apply = lines(sends),
       .repeatable = true});
  add({.name = "webhook",
       .value = "RULE",
       .help = "The same with a JSON event, \"PATTERN URL [secret=TEXT] [rate=] ...\"; repeatable.",
       .apply = lines(webhooks),
       .repeatable = true});
  add({.name = "header",
       .value = "\"NAME: VALUE\"",
       .help = "Sent with every request; repeatable.",
       .apply = [this](std::string_view text) -> Result<void> {
         auto field = parse_header(text);
         if (!field) return field.error();
         client.fields.push_back(std::move(*field));
         return {};
       },
       .repeatable = true});
  add({.name = "timeout",
       .value = "TIME",
       .default_text = "30s",
       .help = "For a request, from its start to the whole answer.",
       .apply = apply_duration(client.timeout, milliseconds{10}, std::chrono::hours{1})});
  add({.name = "max-answer",
       .value = "SIZE",
       .default_text = "1M",
       .help = "Largest answer that is read.",
       .apply = apply_bytes(client.answer_bytes_max, 1, 67'108'864)});
  add({.name = "sync", .help = "Tells the current values once the router is there.", .apply = apply_switch(client.sync_on_connect)});
  add({.name = "ca", .value = "FILE", .help = "Certificates to trust instead of the system's.", .apply = apply_text(fetcher.ca_file)});
  add({.name = "insecure", .help = "Trust every certificate.", .apply = apply_switch(fetcher.insecure)});
  add({.name = "proxy", .value = "URL", .help = "Through this proxy; the environment is not asked.", .apply = apply_text(fetcher.proxy)});
}

}  // namespace clasp::bridge::http
