#include "thinning.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace clasp::simulation::model {

namespace {
constexpr Us us_per_second = 1'000'000;

bool too_close(double a, double b, double epsilon) { return (std::isnan(a) && std::isnan(b)) || std::abs(a - b) < epsilon; }
}  // namespace

Thinner::Verdict Thinner::judge(const std::string& key, std::optional<double> number, Us now, Us& when) const {
  const auto last = last_.find(key);
  if (last == last_.end()) return Verdict::wants;
  if (options_.epsilon && number && last->second.number && too_close(*number, *last->second.number, *options_.epsilon)) return Verdict::ignores;
  if (!options_.max_rate || *options_.max_rate == 0) return Verdict::wants;
  when = last->second.at + us_per_second / *options_.max_rate;
  return now < when ? Verdict::waits : Verdict::wants;
}

void Thinner::delivered(const std::string& key, std::optional<double> number, Us now) {
  if (!options_.thins()) return;
  if (!last_.contains(key) && last_.size() >= slots_max_) return;  // no room to remember: not thinned
  last_[key] = {now, number};
}

void HeldValues::hold(const std::string& key, Held held) {
  const auto old = held_.find(key);
  if (old != held_.end() && old->second.due <= held.due) {
    held.due = old->second.due;
    held.order = old->second.order;
  } else {
    held.order = ++order_;
  }
  held_[key] = std::move(held);
}

std::optional<std::pair<std::string, Held>> HeldValues::pop_due(Us now) {
  if (held_.empty()) return std::nullopt;
  const auto first = std::ranges::min_element(held_, {}, [](const auto& entry) { return std::pair(entry.second.due, entry.second.order); });
  if (first->second.due > now) return std::nullopt;
  const auto node = held_.extract(first);
  return std::pair(node.key(), node.mapped());
}

std::optional<Us> HeldValues::next() const {
  if (held_.empty()) return std::nullopt;
  return std::ranges::min_element(held_, {}, [](const auto& entry) { return entry.second.due; })->second.due;
}

}  // namespace clasp::simulation::model
