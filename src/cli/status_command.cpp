#include <fmt/format.h>

#include "cli/client_flags.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/http_get.hpp"
#include "client/url.hpp"
#include "core/address.hpp"

namespace clasp::cli {

namespace {

struct Figure {
  const char* label;  // for people, and the JSON key
  const char* metric;
};
constexpr std::array figures{Figure{"sessions", "clasp_sessions_active"}, Figure{"subscriptions", "clasp_subscriptions_active"},
                             Figure{"params", "clasp_state_params_active"}, Figure{"slow_sessions", "clasp_sessions_slow"},
                             Figure{"commits", "clasp_commits_total"}};

// As the router calls itself in WELCOME; empty if it does not let us in.
std::string router_name(const ClientFlags& flags) {
  const auto client = client_builder(flags, Reconnect::no).connect();
  return client ? client->server_name() : "";
}

std::string first_line(std::string_view text) { return printable(text.substr(0, text.find('\n')), 300); }

}  // namespace

ExitCode run_status(const Invocation& call) {
  ClientFlags flags;
  const auto arguments = read_client_arguments(call, flags);
  if (arguments.exit) return *arguments.exit;
  const auto endpoint = client::parse_url(flags.url);
  if (!endpoint) return usage_error(call, endpoint.error().message);

  const auto health = http_get(endpoint->host, endpoint->port, "/healthz", flags.timeout);
  if (!health) return report_connecting(call, health.error());
  const auto metrics = http_get(endpoint->host, endpoint->port, "/metrics", flags.timeout);  // before we become a session ourselves
  const std::string_view exposition = metrics && metrics->status == 200 ? std::string_view(metrics->body) : std::string_view();
  const bool healthy = health->status == 200;
  if (!healthy) return fail(call, fmt::format("{}:{} is no CLASP router: it answers GET /healthz with {}", endpoint->host, endpoint->port, health->status));
  const auto ready = http_get(endpoint->host, endpoint->port, "/readyz", flags.timeout);
  const std::string not_ready = !ready ? describe(ready.error()) : ready->status == 200 ? "" : first_line(ready->body);
  const std::string name = router_name(flags);

  Map object{{"url", flags.url}, {"healthy", healthy}, {"ready", not_ready.empty()}};
  if (!not_ready.empty()) object.emplace_back("not_ready", not_ready);
  object.emplace_back("name", name.empty() ? Value() : Value(name));
  std::vector<std::vector<std::string>> rows{{"name", name.empty() ? "(not let in: see --token)" : printable(name)},
                                             {"url", flags.url},
                                             {"health", not_ready.empty() ? "ok" : fmt::format("not ready: {}", not_ready)}};
  for (const Figure& figure : figures) {
    const auto value = find_metric(exposition, figure.metric);
    if (!value) continue;
    object.emplace_back(figure.label, static_cast<std::int64_t>(*value));
    rows.push_back({figure.label, fmt::format("{:.0f}", *value)});
  }
  if (const auto uptime = find_metric(exposition, "clasp_uptime_seconds")) {
    object.emplace_back("uptime_seconds", *uptime);
    rows.push_back({"uptime", duration_text(*uptime)});
  }
  if (flags.json)
    call.console.result(to_json(Value(std::move(object))));
  else
    call.console.text(align(rows));
  return not_ready.empty() ? ExitCode::ok : ExitCode::failed;
}

}  // namespace clasp::cli
