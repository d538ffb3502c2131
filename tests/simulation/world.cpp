#include "world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace clasp::simulation {

namespace {

constexpr std::size_t frame_bytes_max = 5'000;  // of anything but a snapshot; see Scenario::padding_bytes_max
constexpr int heal_steps = 800;
constexpr Micros heal_step{5'000};

std::vector<std::string> make_addresses(std::size_t count) {
  constexpr std::array prefixes{"/max", "/min", "/locked", "/merge", "/scene/1", "/scene/2", "/scene/1/deep/er", ""};
  std::vector<std::string> addresses;
  for (std::size_t i = 0; i < count; ++i) addresses.push_back(fmt::format("{}/p{}", prefixes[i % prefixes.size()], i / prefixes.size()));
  return addresses;
}

}  // namespace

SimulatedWorld::SimulatedWorld(Scenario scenario)
    : scenario_(std::move(scenario)),
      random_(scenario_.seed),
      addresses_(make_addresses(scenario_.addresses)),
      ledger_(addresses_),
      faults_(scenario_.fault) {
  Hooks hooks;
  hooks.reactor = this;
  hooks.random = &random_;
  router_ = std::make_unique<Router>(scenario_.config, std::move(hooks), now());
  for (std::size_t i = 0; i < scenario_.peers; ++i) {
    const Pace pace = random_.chance(scenario_.slow_links) ? Pace::slow : random_.chance(scenario_.stalling_links) ? Pace::stalling : Pace::keeps_up;
    peers_.push_back(std::make_unique<SimulatedPeer>(
        pace, random_.chance(0.15), scenario_.every_set_arrives && pace == Pace::keeps_up, faults_,
        [this](std::string id, bool every_set) { return std::make_shared<SessionView>(ledger_, addresses_, std::move(id), every_set); },
        [this](const SessionView* session, std::string text) { fail(session, std::move(text)); }));
  }
}

void SimulatedWorld::fail(const SessionView* session, std::string text) {
  if (failure_) return;
  failure_ = fmt::format("step {}: {}", steps_, text);
  if (session != nullptr) *failure_ += fmt::format("\n  session {}, the last frames it heard:\n    {}", session->id(), session->tail());
}

std::optional<std::string> SimulatedWorld::run() {
  for (; steps_ < scenario_.steps && !failure_; ++steps_) step();
  if (!failure_) heal();
  return failure_;
}

Totals SimulatedWorld::totals() const {
  const Stats& stats = router_->stats();
  return {stats.commits,         stats.deliveries,  stats.congestions,       stats.params_conflated,
          stats.sessions_opened, closed_by_router_, stats.bundles_scheduled, stats.params_expired + stats.params_evicted};
}

void SimulatedWorld::react(const Commit& commit, std::vector<Effect>&) {
  const Record& record = ledger_.add(commit, steady_);
  for (const auto& peer : peers_) {
    if (peer->session) peer->session->committed(record);
  }
}

void SimulatedWorld::step() {
  pass_time(Micros{static_cast<std::int64_t>(random_.chance(0.02) ? random_.below(200'000) : random_.below(2'500))});
  for (auto actions = 1 + random_.below(5); actions > 0; --actions) {
    SimulatedPeer& peer = *peers_[random_.below(peers_.size())];
    if (peer.can_send()) act(peer);
    settle();
    check_always();
    if (failure_) return;
  }
  drain_links(false);
  for (const auto& peer : peers_) {
    if (peer->open && random_.chance(scenario_.drop_probability)) lose(*peer);
    reap(*peer);
    if (!peer->open && peer->reconnect_at <= steady_) connect(*peer);
    if (peer->open && !peer->session && peer->hello_at <= steady_) hello(*peer);
  }
  if (random_.chance(0.2)) {
    do settle();
    while (router_->end_turn(now()));
    settle();
    check_drained(false);
  } else {
    router_->end_turn(now());
    settle();
  }
  check_always();
}

void SimulatedWorld::pass_time(Micros time) {
  steady_ = steady_ + time;
  unix_.us += static_cast<std::uint64_t>(time.count());
  router_->advance(now());
  settle();
}

void SimulatedWorld::connect(SimulatedPeer& peer) {
  const std::uint64_t delay = random_.chance(0.1) ? random_.below(600'000) : random_.below(3'000);  // some too late for the handshake
  peer.opened(router_->open_link(peer, now()), steady_ + Micros{static_cast<std::int64_t>(delay)});
}

// The link breaks: what it held is lost, the session ends without a word.
void SimulatedWorld::lose(SimulatedPeer& peer) {
  const LinkId link = peer.link;
  peer.gone(steady_ + Micros{static_cast<std::int64_t>(random_.below(50'000))});
  router_->closed(link, now());
}

// What the router closed still gets its last bytes, then comes back.
void SimulatedWorld::reap(SimulatedPeer& peer) {
  if (!peer.closed_by_router) return;
  ++closed_by_router_;
  peer.take(peer.unsent);
  peer.gone(steady_ + Micros{static_cast<std::int64_t>(random_.below(50'000))});
}

void SimulatedWorld::settle() {
  for (bool again = true; again;) {
    again = false;
    for (const auto& peer : peers_) {
      if (peer->pace != Pace::keeps_up || !peer->open || peer->unsent == 0) continue;
      router_->sent(peer->link, peer->take(peer->unsent), now());
      again = true;
    }
  }
}

void SimulatedWorld::drain_links(bool all) {
  for (const auto& peer : peers_) {
    if (!peer->open || peer->unsent == 0 || (peer->pace == Pace::keeps_up && !all)) continue;
    std::size_t bytes = peer->unsent;
    if (!all && peer->pace == Pace::slow) bytes = random_.below(std::min<std::size_t>(peer->unsent, 3'000) + 1);
    if (!all && peer->pace == Pace::stalling) {
      if (peer->stalled_until > steady_) continue;
      if (random_.chance(0.02)) peer->stalled_until = steady_ + Micros{static_cast<std::int64_t>(random_.below(3'000'000))};
    }
    if (bytes > 0) router_->sent(peer->link, peer->take(bytes), now());
  }
}

// Every link moves again, nobody writes any more; what was owed has to be there.
void SimulatedWorld::heal() {
  for (int i = 0; i < heal_steps && !failure_; ++i) {
    pass_time(heal_step);
    for (const auto& peer : peers_) reap(*peer);
    do drain_links(true);
    while (router_->end_turn(now()));
    check_always();
  }
  for (bool again = true; again && !failure_;) {
    drain_links(true);
    again = router_->end_turn(now()) || std::ranges::any_of(peers_, [](const auto& peer) { return peer->open && peer->unsent > 0; });
  }
  check_drained(true);
  for (const ScheduledBundle& bundle : scheduled_) {
    if (const auto fault = check_bundle(bundle.must, bundle.may)) fail(nullptr, *fault);
  }
  const Gauges gauges = router_->gauges();
  if (gauges.bundles_waiting != 0) fail(nullptr, fmt::format("rule 23: {} bundles still wait", gauges.bundles_waiting));
  if (gauges.outbox_bytes != 0) fail(nullptr, fmt::format("{} bytes wait in outboxes though every link has drained", gauges.outbox_bytes));
  if (gauges.snapshots_running != 0) fail(nullptr, fmt::format("rule 6: {} snapshots never ended", gauges.snapshots_running));
  for (const auto& peer : peers_) {
    if (peer->open && !peer->reading) fail(peer->session.get(), "rule 26: a drained session is not read any more");
    if (peer->session && peer->session->scheduled_answers() != 0) fail(peer->session.get(), "rule 23: a scheduled bundle was never answered");
  }
}

void SimulatedWorld::check_always() {
  if (const auto fault = ledger_.take_fault()) fail(nullptr, *fault);
  if (const auto early = ledger_.early_move()) {
    const bool mover_lives =
        std::ranges::any_of(peers_, [&](const auto& peer) { return peer->session && peer->session->id() == ledger_.early_mover(); });
    if (mover_lives) fail(nullptr, *early);
    ledger_.forgive_early_move();
  }
  const Gauges gauges = router_->gauges();
  const auto sessions = static_cast<std::size_t>(std::ranges::count_if(peers_, [](const auto& peer) { return peer->session != nullptr; }));
  if (gauges.sessions != sessions) fail(nullptr, fmt::format("{} sessions are open, the router has {}", sessions, gauges.sessions));
  const router::Config& config = router_->config();
  if (config.params_max != 0 && gauges.params > config.params_max)
    fail(nullptr, fmt::format("{} params, limit {}", gauges.params, config.params_max));
  // One commit may reach everybody before the largest outbox has been relieved.
  if (gauges.outbox_bytes > config.outboxes_bytes_max + peers_.size() * frame_bytes_max)
    fail(nullptr, fmt::format("{} bytes wait in outboxes, limit {}", gauges.outbox_bytes, config.outboxes_bytes_max));
  if (steps_ % 8 != 0) return;
  router_->for_each(*Pattern::parse("/**"), [&](const Router::ParamView& param) {
    if (param.lock_holder && router_->session_text(*param.lock_holder).empty())
      fail(nullptr, fmt::format("rule 28: the lock of {} outlived its holder", param.address));
  });
}

void SimulatedWorld::check_drained(bool all) {
  std::vector<Revision> revisions(addresses_.size(), 0);
  router_->for_each(*Pattern::parse("/**"), [&](const Router::ParamView& param) {
    const Record* record = ledger_.find_revision(param.address, param.revision);
    if (record == nullptr || record->value != bytes_of(param.value))
      fail(nullptr, fmt::format("{} holds a value that was never committed", param.address));
    else
      revisions[record->place] = param.revision;
  });
  for (const auto& peer : peers_) {
    if (!peer->session || peer->unsent != 0 || !(all || peer->pace == Pace::keeps_up)) continue;
    if (const auto fault = peer->session->check_drained(revisions)) fail(peer->session.get(), *fault);
  }
}

}  // namespace clasp::simulation
