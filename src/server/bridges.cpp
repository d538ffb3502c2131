#include "server/bridges.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "io/io_loop.hpp"

namespace clasp::server {

using bridge::BridgeHost;

Bridges::Part::Part(router::Router& router, std::uint32_t origin) : link(router, [] { return io::read_clocks(); }, origin) {}

Result<void> Bridges::start(const ServerConfig& config) {
  std::set<std::string> noted;  // most notes are of the mappings all bridges share
  for (const auto& plan : config.bridges) {
    auto part = std::make_unique<Part>(router_, static_cast<std::uint32_t>(parts_.size() + 1));
    auto host = BridgeHost::make(*plan, config.mappings, {.loop = loop_, .router = part->link, .log = log_});
    if (!host) return host.error();
    part->host = std::move(*host);
    for (const std::string& note : part->host->notes()) {
      if (noted.insert(note).second) log_(note);
    }
    if (auto started = part->host->start(); !started) return started;
    parts_.push_back(std::move(part));
  }
  return {};
}

void Bridges::stop() {
  for (const auto& part : parts_) part->host->stop();
}

Result<Bridges::Tables> Bridges::compile(const ServerConfig& config) const {
  Tables tables;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (i >= config.bridges.size() || config.bridges[i]->name() != parts_[i]->host->name())
      return Error{ErrorCode::invalid_argument, "the bridges are other ones now, which needs a restart", {}};
    auto table = BridgeHost::compile(*config.bridges[i], config.mappings);
    if (!table) return table.error();
    tables.push_back(std::move(*table));
  }
  return tables;
}

void Bridges::replace(Tables tables) {
  for (std::size_t i = 0; i < tables.size(); ++i) parts_[i]->host->replace(std::move(tables[i]));
}

std::uint16_t Bridges::port_of(std::string_view protocol) const {
  for (const auto& part : parts_) {
    if (part->host->protocol() != protocol) continue;
    if (const std::uint16_t port = part->host->report().port; port != 0) return port;
  }
  return 0;
}

std::string Bridges::ready_text() const {
  std::string text;
  for (const auto& part : parts_) text += " " + part->host->report().endpoint;
  return text;
}

void Bridges::append_metrics(std::vector<BridgeMetric>& out) const {
  for (const auto& part : parts_) {
    for (const auto& [name, count] : part->host->report().counters) out.push_back({part->host->name(), name, count});
  }
}

}  // namespace clasp::server
