#include "transform/aggregator.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace clasp::transform {

namespace {
constexpr std::array<std::string_view, 10> names{"average",        "sum",    "min", "max", "latest", "first", "count", "moving_average",
                                                 "rate_of_change", "std_dev"};
}  // namespace

std::optional<AggregatorKind> find_aggregator(std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<AggregatorKind>(found - names.begin());
}

std::string_view aggregator_name(AggregatorKind kind) { return names[static_cast<std::size_t>(kind)]; }

void Aggregator::Sum::add(double number) {
  const double total = sum + number;
  lost += std::abs(sum) >= std::abs(number) ? (sum - total) + number : (number - total) + sum;
  sum = total;
}

double Aggregator::add(double sample, SteadyTime now) {
  const double rate_now = rate(sample, now);
  previous_ = Sample{sample, now, added_};
  if (added_ == 0) {
    shift_ = sample;
    first_ = sample;
    best_ = sample;
  }
  ++added_;
  best_ = config_.kind == AggregatorKind::min ? std::min(best_, sample) : std::max(best_, sample);
  ++count_;
  take(sample);
  if (stores()) {
    const bool is_min = config_.kind == AggregatorKind::min;
    while (!extremes_.empty() && (is_min ? extremes_.back().number >= sample : extremes_.back().number <= sample)) extremes_.pop_back();
    extremes_.push_back({sample, now, added_});
    window_.push_back({sample, now, added_});
    forget_old(now);
  }
  const auto count = static_cast<double>(count_);
  switch (config_.kind) {
    case AggregatorKind::average:
    case AggregatorKind::moving_average: return shift_ + sum_.value() / count;
    case AggregatorKind::sum: return shift_ * count + sum_.value();
    case AggregatorKind::min:
    case AggregatorKind::max: return stores() ? extremes_.front().number : best_;
    case AggregatorKind::latest: return sample;
    case AggregatorKind::first: return stores() ? window_.front().number : first_;
    case AggregatorKind::count: return count;
    case AggregatorKind::rate_of_change: return rate_now;
    case AggregatorKind::std_dev: return deviation();
  }
  return sample;
}

void Aggregator::take(double number) {
  sum_.add(number - shift_);
  squares_.add((number - shift_) * (number - shift_));
}

void Aggregator::forget_old(SteadyTime now) {
  const auto too_old = [&](const Sample& sample) { return config_.window_time && now - sample.at > *config_.window_time; };
  while (window_.size() > config_.window_size || (window_.size() > 1 && too_old(window_.front()))) {
    const Sample gone = window_.front();
    window_.pop_front();
    if (extremes_.front().index == gone.index) extremes_.pop_front();
    --count_;
    const double distance = gone.number - shift_;
    sum_.add(-distance);
    squares_.add(-distance * distance);
    ++removed_since_;
  }
  constexpr std::size_t always = 16;  // so few that it costs nothing
  if (removed_since_ > 0 && (window_.size() <= always || removed_since_ >= window_.size())) recompute();
}

// What additions and subtractions have left behind, and a shift that the samples have walked away from, end here: once in a window's length.
void Aggregator::recompute() {
  removed_since_ = 0;
  shift_ = window_.front().number;
  sum_ = {};
  squares_ = {};
  for (const Sample& sample : window_) take(sample.number);
}

double Aggregator::deviation() const {
  const auto count = static_cast<double>(count_);
  const double mean = sum_.value() / count;
  return std::sqrt(std::max(0.0, squares_.value() / count - mean * mean));
}

double Aggregator::rate(double sample, SteadyTime now) const {
  if (!previous_ || now <= previous_->at) return 0;
  return (sample - previous_->number) / (static_cast<double>((now - previous_->at).count()) / 1e6);
}

}  // namespace clasp::transform
