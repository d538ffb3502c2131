#include "bridge/frame/reporting_link.hpp"

#include <algorithm>

#include "core/codec.hpp"
#include "io/io_loop.hpp"

namespace clasp::bridge {

namespace {
constexpr Micros answers_apart_min{100'000};
constexpr Micros remembered_for{30'000'000};  // after the last question
constexpr std::size_t writes_remembered_max = 64;
}

void ReportingLink::open(const BridgeIdentity& identity, std::span<const std::string> patterns, bool snapshot, RouterLinkListener& listener) {
  listener_ = &listener;
  open_ = std::make_shared<const bool>(true);
  std::vector<std::string> all(patterns.begin(), patterns.end());
  all.emplace_back(ask_address);
  inner_.open(identity, all, snapshot, *this);
}

void ReportingLink::close() {
  open_.reset();
  up_ = false;
  inner_.close();
}

void ReportingLink::link_up() {
  up_ = true;
  listener_->link_up();
}

void ReportingLink::link_down(std::string_view reason) {
  up_ = false;
  listener_->link_down(reason);
}

void ReportingLink::delivered(const LinkDelivery& delivery) {
  if (delivery.address != ask_address) return listener_->delivered(delivery);
  if (delivery.is_set || delivery.snapshot) return;
  loop_.post([this, alive = std::weak_ptr(open_)] {  // nobody may write to the router while it delivers
    if (!alive.expired()) answer();
  });
}

void ReportingLink::note(const Message& message, PeerTag peer) {
  if (!remembers_) return;
  if (const auto* set = std::get_if<Set>(&message.body)) note(set->address, peer);
  if (const auto* publish = std::get_if<Publish>(&message.body)) note(publish->address, peer);
  if (const auto* bundle = std::get_if<Bundle>(&message.body)) {
    for (const Message& member : bundle->messages) note(member, peer);
  }
}

void ReportingLink::remember(std::string_view address, PeerTag peer) {
  if (io::steady_now() - *answered_at_ > remembered_for) {
    remembers_ = false;
    return last_.clear();
  }
  const auto known = std::ranges::find(last_, address, &std::pair<std::string, PeerTag>::first);
  if (known != last_.end()) {
    known->second = peer;
    std::rotate(known, known + 1, last_.end());
  } else {
    if (last_.size() == writes_remembered_max) last_.erase(last_.begin());
    last_.emplace_back(address, peer);
  }
}

void ReportingLink::answer() {
  const SteadyTime now = io::steady_now();
  if (answered_at_ && now - *answered_at_ < answers_apart_min) return;
  answered_at_ = now;
  const EncodedValue report(reporter_.describe(last_));
  remembers_ = true;
  Publish publish;
  publish.address = report_address;
  publish.signal = SignalType::event;
  publish.value = report.view();
  inner_.publish(publish, PeerTag::none);
}

}  // namespace clasp::bridge
