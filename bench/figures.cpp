#include "bench/figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace clasp::bench {

namespace {

constexpr std::string_view relay_name = "relay";

bool is_router(std::string_view target) { return target.starts_with("router"); }

std::string number(double value) {
  if (value >= 1'000) return fmt::format("{:.0f}", value);
  if (value >= 100) return fmt::format("{:.1f}", value);
  return fmt::format("{:.2f}", value);
}

std::optional<double> ratio(const Figure& figure, const Figure* relay) {
  if (relay == nullptr || relay->rounds.size() != figure.rounds.size()) return std::nullopt;
  std::vector<double> ratios;
  for (std::size_t i = 0; i < figure.rounds.size(); ++i) {
    if (relay->rounds[i] > 0) ratios.push_back(figure.rounds[i] / relay->rounds[i]);
  }
  if (ratios.empty()) return std::nullopt;
  return median(std::move(ratios));
}

}  // namespace

double quantile(std::vector<double>& samples, double part) {
  if (samples.empty()) return 0;
  std::ranges::sort(samples);
  const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(samples.size())));
  return samples[std::clamp<std::size_t>(rank, 1, samples.size()) - 1];
}

double median(std::vector<double> samples) {
  if (samples.empty()) return 0;
  std::ranges::sort(samples);
  const std::size_t middle = samples.size() / 2;
  return samples.size() % 2 == 1 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
}

void Figures::add(std::string_view test, std::string_view name, std::string_view unit, std::string_view target, double value) {
  const auto same = [&](const Figure& figure) { return figure.test == test && figure.name == name && figure.target == target; };
  auto found = std::ranges::find_if(all_, same);
  if (found == all_.end()) found = all_.insert(all_.end(), Figure{std::string(test), std::string(name), std::string(unit), std::string(target), {}});
  found->rounds.push_back(value);
}

const Figure* Figures::relay_of(const Figure& figure) const {
  const auto found = std::ranges::find_if(
      all_, [&](const Figure& other) { return other.target == relay_name && other.test == figure.test && other.name == figure.name; });
  return found == all_.end() || figure.target == relay_name ? nullptr : &*found;
}

// More is better of rates, less of everything else.
const Figure* Figures::best_broker_of(const Figure& figure) const {
  if (!is_router(figure.target)) return nullptr;
  const Figure* best = nullptr;
  for (const Figure& other : all_) {
    if (other.test != figure.test || other.name != figure.name || is_router(other.target) || other.target == relay_name) continue;
    const bool better = best == nullptr || (median(other.rounds) > median(best->rounds)) == figure.unit.ends_with("/s");
    if (better) best = &other;
  }
  return best;
}

std::string Figures::table() const {
  std::string text = "| measurement | figure | target | median | min – max | ÷ relay | ÷ best broker |\n|---|---|---|--:|--:|--:|--:|\n";
  for (const Figure& figure : all_) {
    const auto [least, most] = std::ranges::minmax(figure.rounds);
    const auto part = ratio(figure, relay_of(figure));
    const Figure* best = best_broker_of(figure);
    const auto against = ratio(figure, best);
    text += fmt::format("| {} | {} | {} | {} {} | {} – {} | {} | {} |\n", figure.test, figure.name, figure.target, number(median(figure.rounds)),
                        figure.unit, number(least), number(most), part ? fmt::format("{:.2f}", *part) : "",
                        against ? fmt::format("{:.2f} ({})", *against, best->target) : "");
  }
  return text;
}

Value Figures::json() const {
  Array rows;
  for (const Figure& figure : all_) {
    Array rounds(figure.rounds.begin(), figure.rounds.end());
    const auto part = ratio(figure, relay_of(figure));
    const Figure* best = best_broker_of(figure);
    const auto against = ratio(figure, best);
    rows.emplace_back(Map{{"measurement", figure.test},
                          {"figure", figure.name},
                          {"unit", figure.unit},
                          {"target", figure.target},
                          {"median", median(figure.rounds)},
                          {"ratio_to_relay", part ? Value(*part) : Value()},
                          {"ratio_to_best_broker", against ? Value(*against) : Value()},
                          {"best_broker", best != nullptr ? Value(best->target) : Value()},
                          {"rounds", std::move(rounds)}});
  }
  return Value(std::move(rows));
}

}  // namespace clasp::bench
