#include "bridge/web/redial.hpp"

#include <fmt/format.h>

#include <random>
#include <utility>

namespace clasp::bridge::web {

std::uint64_t random_bits() {
  static std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

Redial::Redial(io::IoLoop& loop, dial::Target target, const client::BackoffConfig& backoff, std::function<void(std::string_view)> log,
               RedialEvents& events)
    : loop_(loop), target_(std::move(target)), backoff_(backoff), log_(std::move(log)), events_(events), timer_(loop, [this] { dial_now(); }) {}

void Redial::start() {
  running_ = true;
  dial_now();
}

void Redial::stop() {
  running_ = false;
  timer_.cancel();
  connection_.reset();
  opened_at_.reset();
}

void Redial::dial_now() {
  ++attempts_;
  dial::ConnectionEvents& told = *this;
  connection_ = std::make_unique<dial::Connection>(loop_, target_, told);
  connection_->start();
}

void Redial::connection_opened() {
  opened_at_ = io::steady_now();
  if (!last_failure_.empty()) log_(fmt::format("{}: connected", place()));
  last_failure_.clear();
  events_.dial_opened();
}

void Redial::connection_closed(std::string_view reason) { lost(reason.empty() ? fmt::format("{}: closed", place()) : std::string(reason)); }

void Redial::drop(std::string_view why) {
  if (!connection_) return;
  lost(fmt::format("{}: {}", place(), why));
}

void Redial::lost(std::string reason) {
  connection_.reset();
  const bool was_open = opened_at_.has_value();
  if (was_open) backoff_.connection_ended(io::steady_now() - *std::exchange(opened_at_, std::nullopt));
  if (was_open) events_.dial_closed();
  if (!running_) return;
  const Micros delay = backoff_.next(random_bits());
  if (reason != last_failure_) log_(fmt::format("{}; next attempt in {:.1f} s", reason, static_cast<double>(delay.count()) / 1e6));
  last_failure_ = std::move(reason);
  timer_.set(io::steady_now() + delay);
}

}  // namespace clasp::bridge::web
