#include "bridge/http/http_unit.hpp"

#include <fmt/format.h>

#include <random>
#include <string>
#include <utility>

#include "bridge/http/client_bridge.hpp"
#include "io/io_loop.hpp"
#include "io/timer.hpp"

namespace clasp::bridge::http {

namespace {

class ServerUnit final : public Bridge {
 public:
  ServerUnit(HttpServerModeConfig config, const BridgeContext& context)
      : where_(net::to_text({config.listen.front().host, 0})),
        open_(config.api.token.empty() && config.listen.front().host != "127.0.0.1"),
        log_(context.log),
        bridge_(context.loop, context.router, std::move(config), context.log) {}
  ~ServerUnit() override { stop(); }

  Result<void> start() override {
    if (auto started = bridge_.start(); !started) return started;
    running_ = true;
    if (open_) log_("http: everybody who reaches this port may read and write; --listen-token, --local-only and --cors say who");
    return {};
  }
  void stop() override {
    if (std::exchange(running_, false)) bridge_.stop();
  }
  BridgeReport report() const override {
    BridgeReport report;
    report.endpoint = "http";
    report.state = !running_ ? BridgeState::stopped : bridge_.is_linked() ? BridgeState::running : BridgeState::waiting;
    if (report.state == BridgeState::waiting) report.detail = "for the router";
    if (running_ && !bridge_.ports().empty()) {
      report.port = bridge_.ports().front();
      report.endpoint = fmt::format("http port {}", report.port);
    }
    for (const auto& [name, count] : bridge_.counters()) report.counters.emplace_back(name, count);
    for (const auto& [name, count] : report.counters) {
      if (name == "requests") report.received = count;
    }
    report.peers_total = bridge_.streams();
    return report;
  }

 private:
  std::string where_;
  bool open_;
  std::function<void(std::string_view)> log_;
  HttpServerBridge bridge_;
  bool running_ = false;
};

class ClientUnit final : public Bridge {
 public:
  ClientUnit(HttpClientModeConfig config, http_client::HttpClientConfig fetcher, const BridgeContext& context)
      : config_(std::move(config)),
        fetcher_config_(std::move(fetcher)),
        context_(context),
        random_(std::random_device{}()),
        timer_(context.loop, [this] { turn(); }) {}
  ~ClientUnit() override { stop(); }

  Result<void> start() override {
    auto client = http_client::HttpClient::create(context_.loop, fetcher_config_);
    if (!client) return client.error();
    client_ = std::move(*client);
    bridge_ = std::make_unique<HttpClientBridge>(context_.router, *client_, config_,
                                                 HttpClientBridge::Outside{.clock = [] { return io::read_clocks(); },
                                                                           .random = [this] { return random_(); },
                                                                           .log = context_.log,
                                                                           .deadline_changed = [this] { set_timer(); }});
    bridge_->start();
    return {};
  }
  void stop() override {
    timer_.cancel();
    if (!bridge_) return;
    bridge_->stop();
    last_ = report();
    last_.state = BridgeState::stopped;
    bridge_.reset();
    client_.reset();
  }
  BridgeReport report() const override {
    if (!bridge_) return last_;
    const HttpBridgeCounters& c = bridge_->counters();
    BridgeReport report;
    report.endpoint = fmt::format("http client, {} polled and {} told", config_.polls.size(), config_.targets.size());
    report.state = BridgeState::running;
    if (bridge_->waiting() > 0) report.detail = fmt::format("{} requests wait", bridge_->waiting());
    report.received = c.values_written;
    report.sent = c.sent;
    const std::pair<const char*, std::uint64_t> rows[] = {{"polls", c.polls},
                                                          {"polls_not_modified", c.polls_not_modified},
                                                          {"polls_failed", c.polls_failed},
                                                          {"values_written", c.values_written},
                                                          {"values_unchanged", c.values_unchanged},
                                                          {"values_unusable", c.values_unusable},
                                                          {"delivered", c.delivered},
                                                          {"sent", c.sent},
                                                          {"retries", c.retries},
                                                          {"failed", c.failed},
                                                          {"replaced", c.replaced},
                                                          {"dropped", c.dropped},
                                                          {"expired", c.expired},
                                                          {"unsendable", c.unsendable},
                                                          {"refused", c.refused},
                                                          {"waiting", bridge_->waiting()},
                                                          {"calls_open", client_->calls_open()},
                                                          {"redirects", client_->stats().redirects}};
    report.counters.assign(std::begin(rows), std::end(rows));
    return report;
  }

 private:
  void turn() {
    bridge_->advance(io::read_clocks());
    set_timer();
  }
  // Only sets it: this may be called from inside the router.
  void set_timer() {
    const auto next = bridge_ ? bridge_->next_deadline() : std::nullopt;
    if (next)
      timer_.set(*next);
    else
      timer_.cancel();
  }

  const HttpClientModeConfig config_;
  const http_client::HttpClientConfig fetcher_config_;
  BridgeContext context_;
  std::mt19937_64 random_;
  BridgeReport last_;
  std::unique_ptr<http_client::HttpClient> client_;
  std::unique_ptr<HttpClientBridge> bridge_;  // before what it uses
  io::Timer timer_;
};

}  // namespace

std::unique_ptr<Bridge> make_server_unit(HttpServerModeConfig config, const BridgeContext& context) {
  return std::make_unique<ServerUnit>(std::move(config), context);
}

std::unique_ptr<Bridge> make_client_unit(HttpClientModeConfig config, http_client::HttpClientConfig fetcher, const BridgeContext& context) {
  return std::make_unique<ClientUnit>(std::move(config), std::move(fetcher), context);
}

}  // namespace clasp::bridge::http
