// After a reconnect: which params that subscribers were shown are gone. The snapshot brings those that are there, and says neither that it is
// complete nor what is missing (a router that has started anew may hold nothing). So what it did not bring is asked for, address by address.
#include "client/client_session.hpp"

namespace clasp::client {

namespace {
constexpr std::size_t asked_max = 64;  // at a time
}

// The PONG comes when the router has handled the SUBSCRIBEs before it; most of a snapshot is here by then, so that little is left to ask for.
void ClientSession::doubt_what_was_shown() {
  cache_.each_stale([this](std::string_view address, const CachedParam& param) {
    const bool shown = param.shown_to != 0 && param.view().tag != ValueTag::null;
    if (shown && !subscriptions_.matching(address, SignalType::param, 0).empty()) doubts_.emplace_back(address);
  });
  if (doubts_.empty()) return;
  append_always(Message{Ping{}});
  expect_pong(for_doubts);
}

void ClientSession::ask_about_doubts() {
  while (!doubts_.empty() && asked_.size() < asked_max) {
    const std::string address = std::move(doubts_.back());
    doubts_.pop_back();
    const CachedParam* known = cache_.find(address);
    if (known == nullptr || !cache_.is_stale(*known) || gets_.contains(address)) continue;  // whoever asked already gets the answer for us as well
    if (!append_frame(output_, Message{Get{address}}, Qos::confirm)) continue;
    ++stats_.frames_out;
    gets_.emplace(address, std::vector<Ticket>{});
    asked_.insert(address);
  }
}

bool ClientSession::is_only_doubted(std::string_view address) const {
  const auto waiting = gets_.find(address);
  return waiting != gets_.end() && waiting->second.empty();
}

void ClientSession::doubt_answered(std::string_view address) {
  const auto asked = asked_.find(address);
  if (asked == asked_.end()) return;
  asked_.erase(asked);
  ask_about_doubts();
}

// The router has said that there is no such param. Subscribers hear what they would have heard, had they been connected when it went (contract 20).
void ClientSession::is_gone(std::string_view address, Now now) {
  const CachedParam* known = cache_.find(address);
  if (known == nullptr || !cache_.is_stale(*known)) return;
  const ValueView null{ValueTag::null, {}};
  cache_.update(address, null, 0, {}, {}, subscriptions_.newest(), now.steady);
  Item item{.address = address, .value = null, .samples = {}, .id = {}, .rate = {}, .writer = {}, .timestamp = {}, .subscriptions = {}};
  dispatch(item, 0);
}

void ClientSession::drop_doubts() {
  doubts_.clear();
  asked_.clear();
}

}  // namespace clasp::client
