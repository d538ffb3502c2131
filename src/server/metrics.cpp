#include "server/metrics.hpp"

#include <fmt/format.h>

#include "core/address.hpp"
#include "core/message.hpp"
#include "core/resume.hpp"

namespace clasp::server {

namespace {

struct CounterRow {
  const char* name;
  const char* help;
  std::uint64_t router::Stats::* value;
};

using router::Stats;
constexpr CounterRow counters[] = {
    {"clasp_frames_received_total", "Frames received.", &Stats::frames_in},
    {"clasp_received_bytes_total", "Bytes of frames received.", &Stats::bytes_in},
    {"clasp_sent_bytes_total", "Bytes handed to links.", &Stats::bytes_out},
    {"clasp_frames_undecodable_total", "Frames that could not be decoded.", &Stats::frames_undecodable},
    {"clasp_commits_total", "Accepted changes and messages.", &Stats::commits},
    {"clasp_deliveries_total", "Commits delivered, one for each session.", &Stats::deliveries},
    {"clasp_sessions_opened_total", "Sessions opened.", &Stats::sessions_opened},
    {"clasp_sessions_refused_total", "Refused at the session limit.", &Stats::sessions_refused},
    {"clasp_handshakes_failed_total", "HELLO refused.", &Stats::handshakes_failed},
    {"clasp_handshakes_timed_out_total", "No HELLO in time.", &Stats::handshakes_timed_out},
    {"clasp_sessions_idle_closed_total", "Closed for silence.", &Stats::sessions_idle_closed},
    {"clasp_sessions_stalled_closed_total", "Closed because nothing was taken.", &Stats::sessions_stalled_closed},
    {"clasp_sessions_overflow_closed_total", "Closed because too much waited.", &Stats::sessions_overflow_closed},
    {"clasp_sessions_detached_total", "Lost their link and could be resumed.", &Stats::sessions_detached},
    {"clasp_sessions_resumed_total", "Resumed on another link.", &Stats::sessions_resumed},
    {"clasp_sessions_not_resumed_total", "Ended without their client having come back.", &Stats::sessions_not_resumed},
    {"clasp_slow_total", "Times a session fell behind and was conflated.", &Stats::congestions},
    {"clasp_params_conflated_total", "Values a slow session did not get because a newer one was there.", &Stats::params_conflated},
    {"clasp_streams_dropped_total", "Stream items and gesture moves a slow session did not get.", &Stats::streams_dropped},
    {"clasp_reads_paused_total", "Times a link was not read (flow control).", &Stats::reads_paused},
    {"clasp_rate_limited_total", "Frames refused by the rate limit.", &Stats::rate_limited},
    {"clasp_params_expired_total", "Params whose lifetime ended.", &Stats::params_expired},
    {"clasp_params_evicted_total", "Params evicted at capacity.", &Stats::params_evicted},
    {"clasp_params_refused_total", "New params refused at capacity.", &Stats::params_refused},
    {"clasp_subscriptions_refused_total", "SUBSCRIBEs refused.", &Stats::subscriptions_refused},
    {"clasp_signals_refused_total", "Announced signals refused at capacity.", &Stats::signals_refused},
    {"clasp_gestures_coalesced_total", "Gesture moves replaced by a newer one.", &Stats::gestures_coalesced},
    {"clasp_gestures_untracked_total", "Gestures beyond the table, forwarded unthinned.", &Stats::gestures_untracked},
    {"clasp_gestures_abandoned_total", "Gestures that never ended.", &Stats::gestures_abandoned},
    {"clasp_bundles_scheduled_total", "Bundles that waited for their time.", &Stats::bundles_scheduled},
    {"clasp_bundles_refused_total", "Bundles refused.", &Stats::bundles_refused},
    {"clasp_option_slots_exhausted_total", "Values delivered unthinned because a subscription has too many addresses.", &Stats::option_slots_exhausted},
    {"clasp_effects_dropped_total", "Reactions beyond the hop or count limit.", &Stats::effects_dropped},
    {"clasp_history_truncated_total", "History answers cut at their limit.", &Stats::history_truncated},
    {"clasp_match_cache_misses_total", "Pattern walks.", &Stats::match_cache_misses},
    {"clasp_match_cache_resets_total", "Match caches dropped because subscriptions changed.", &Stats::match_cache_resets},
};

struct NetRow {
  const char* name;
  const char* help;
  std::uint64_t net::NetStats::* value;
};
using net::NetStats;
constexpr NetRow net_counters[] = {
    {"clasp_connections_accepted_total", "TCP connections accepted.", &NetStats::accepted},
    {"clasp_accept_failures_total", "accept() failed for want of descriptors or memory.", &NetStats::accepts_failed},
    {"clasp_connections_evicted_total", "Silent connections closed because descriptors ran out.", &NetStats::evicted},
    {"clasp_connections_lost_total", "Connections reset by the peer or a write that failed.", &NetStats::connections_lost},
    {"clasp_http_requests_total", "HTTP requests that were no upgrade.", &NetStats::http_requests},
    {"clasp_http_refused_total", "HTTP requests malformed, too large or too late.", &NetStats::http_refused},
    {"clasp_upgrades_refused_total", "WebSocket upgrades refused.", &NetStats::upgrades_refused},
    {"clasp_protocol_unknown_total", "Connections whose first byte belongs to no protocol.", &NetStats::protocol_unknown},
    {"clasp_protocol_unavailable_total", "Connections of a protocol this server does not have.", &NetStats::protocol_unavailable},
    {"clasp_setups_timed_out_total", "Connections without a first frame in time.", &NetStats::setups_timed_out},
    {"clasp_messages_deflated_total", "WebSocket messages sent compressed.", &NetStats::messages_deflated},
    {"clasp_deflate_bytes_saved_total", "Bytes saved by compressing them.", &NetStats::deflate_bytes_saved},
    {"clasp_messages_inflated_total", "WebSocket messages received compressed.", &NetStats::messages_inflated},
    {"clasp_framing_faults_total", "Links closed for broken framing.", &NetStats::framing_faults},
};

void head(std::string& out, std::string_view name, std::string_view kind, std::string_view help) {
  fmt::format_to(std::back_inserter(out), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, kind);
}

template <typename Number>
void single(std::string& out, std::string_view name, std::string_view kind, std::string_view help, Number value) {
  head(out, name, kind, help);
  fmt::format_to(std::back_inserter(out), "{} {}\n", name, value);
}

}  // namespace

void LatencyHistogram::add(std::uint8_t message_code, double us) {
  Row& row = rows[message_code];
  ++row.count;
  row.sum_us += us;
  for (std::size_t i = 0; i < bounds_us.size(); ++i) {
    if (us <= bounds_us[i]) ++row.at_most[i];
  }
}

std::string metric_label(std::string_view name) {
  std::string out;
  for (const char c : printable(name)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string metrics_text(const router::Router& router, const net::NetStats& net, const LatencyHistogram& latency, const std::vector<BridgeMetric>& bridges,
                         double uptime_seconds) {
  const router::Stats& stats = router.stats();
  const router::Gauges gauges = router.gauges();
  std::string out;
  single(out, "clasp_sessions_active", "gauge", "Sessions open now.", gauges.sessions);
  single(out, "clasp_sessions_detached", "gauge", "Sessions whose client is away and may come back.", gauges.sessions_detached);
  single(out, "clasp_resume_bytes", "gauge", "Memory for what was sent to clients that may come back and may not have arrived.", gauges.resume_bytes);
  single(out, "clasp_subscriptions_active", "gauge", "Subscriptions now.", gauges.subscriptions);
  single(out, "clasp_state_params_active", "gauge", "Params held now.", gauges.params);
  single(out, "clasp_links_active", "gauge", "Links open now, HELLO still to come included.", gauges.links);
  single(out, "clasp_signals_active", "gauge", "Announced signals.", gauges.signals);
  single(out, "clasp_gestures_active", "gauge", "Gestures in progress.", gauges.gestures);
  single(out, "clasp_bundles_waiting", "gauge", "Bundles waiting for their time.", gauges.bundles_waiting);
  single(out, "clasp_outbox_bytes", "gauge", "Memory of what waits for slow sessions.", gauges.outbox_bytes);
  single(out, "clasp_sessions_slow", "gauge", "Sessions being conflated now.", gauges.sessions_congested);
  single(out, "clasp_snapshots_running", "gauge", "Snapshots in progress.", gauges.snapshots_running);
  single(out, "clasp_state_bytes", "gauge", "Memory of the params.", gauges.param_bytes);
  single(out, "clasp_uptime_seconds", "gauge", "Since the start.", uptime_seconds);

  head(out, "clasp_messages_total", "counter", "Inbound messages.");
  for (const MessageInfo& message : messages)
    fmt::format_to(std::back_inserter(out), "clasp_messages_total{{type=\"{}\"}} {}\n", message.metric, stats.messages_in[static_cast<std::uint8_t>(message.type)]);

  head(out, "clasp_resumes_refused_total", "counter", "Claims to a session that got another one, by the reason WELCOME gives.");
  for (const std::string_view why : {resume::why_unknown, resume::why_restarted, resume::why_overrun, resume::why_rights, resume::why_invalid}) {
    const auto count = stats.resumes_refused.find(why);
    fmt::format_to(std::back_inserter(out), "clasp_resumes_refused_total{{reason=\"{}\"}} {}\n", why, count == stats.resumes_refused.end() ? 0 : count->second);
  }

  head(out, "clasp_message_latency_seconds", "histogram", "Handler duration; one in 64 frames is measured.");
  for (const MessageInfo& message : messages) {
    const LatencyHistogram::Row& row = latency.rows[static_cast<std::uint8_t>(message.type)];
    if (row.count == 0) continue;
    for (std::size_t i = 0; i < row.at_most.size(); ++i)
      fmt::format_to(std::back_inserter(out), "clasp_message_latency_seconds_bucket{{type=\"{}\",le=\"{}\"}} {}\n", message.metric,
                     LatencyHistogram::bounds_us[i] / 1e6, row.at_most[i]);
    fmt::format_to(std::back_inserter(out),
                   "clasp_message_latency_seconds_bucket{{type=\"{0}\",le=\"+Inf\"}} {1}\nclasp_message_latency_seconds_sum{{type=\"{0}\"}} {2}\n"
                   "clasp_message_latency_seconds_count{{type=\"{0}\"}} {1}\n",
                   message.metric, row.count, row.sum_us / 1e6);
  }

  head(out, "clasp_broadcast_fanout", "histogram", "Targets of each commit.");
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < 18; ++i) {
    cumulative += stats.fanout_buckets[i];
    fmt::format_to(std::back_inserter(out), "clasp_broadcast_fanout_bucket{{le=\"{}\"}} {}\n", (std::uint64_t{1} << i) - 1, cumulative);
  }
  fmt::format_to(std::back_inserter(out), "clasp_broadcast_fanout_bucket{{le=\"+Inf\"}} {0}\nclasp_broadcast_fanout_sum {1}\nclasp_broadcast_fanout_count {0}\n",
                 stats.fanout_count, stats.fanout_sum);

  head(out, "clasp_errors_total", "counter", "ERROR answers by code.");
  for (const auto& [code, number] : stats.errors_out) fmt::format_to(std::back_inserter(out), "clasp_errors_total{{code=\"{}\"}} {}\n", code, number);

  for (const CounterRow& row : counters) single(out, row.name, "counter", row.help, stats.*row.value);
  for (const NetRow& row : net_counters) single(out, row.name, "counter", row.help, net.*row.value);
  if (!bridges.empty()) {
    head(out, "clasp_bridge_total", "counter", "Counters of bridges.");
    for (const BridgeMetric& metric : bridges)
      fmt::format_to(std::back_inserter(out), "clasp_bridge_total{{bridge=\"{}\",what=\"{}\"}} {}\n", metric_label(metric.bridge), metric.counter, metric.value);
  }
  return out;
}

}  // namespace clasp::server
