#include "world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/check.hpp"

namespace clasp::simulation {

namespace {

constexpr std::size_t frame_bytes_max = 70'000;
constexpr int advances_max = 10'000;  // of one moment
constexpr int heal_steps = 400;
constexpr Micros heal_step{10'000};
constexpr double us_per_second = 1e6;

}  // namespace

Totals& Totals::operator+=(const Totals& other) {
  seconds += other.seconds;
  frames_in += other.frames_in;
  frames_out += other.frames_out;
  commits += other.commits;
  congestions += other.congestions;
  conflated += other.conflated;
  streams_dropped += other.streams_dropped;
  sessions += other.sessions;
  closed_by_router += other.closed_by_router;
  bundles_scheduled += other.bundles_scheduled;
  removed += other.removed;
  refused += other.refused;
  resumed += other.resumed;
  return *this;
}

Totals& tally() {
  static Totals totals;
  return totals;
}

SimulatedWorld::SimulatedWorld(const Scenario& scenario, SeededRandom& random)
    : scenario_(scenario),
      frame_faults_(scenario.fault),
      message_faults_(scenario.fault),
      room_bytes_(std::min(scenario.config.window_bytes, scenario.config.window_bytes_congested) / 2) {
  Hooks hooks;
  hooks.random = &random;
  router_ = std::make_unique<Router>(scenario_.config, std::move(hooks), now());
  model_ = std::make_unique<model::Model>(rules_of(scenario_.believed.value_or(scenario_.config)));
}

SimulatedWorld::~SimulatedWorld() { tally() += totals(); }

Totals SimulatedWorld::totals() const {
  const Stats& stats = router_->stats();
  Totals totals = totals_;
  totals.seconds = static_cast<double>((steady_ - began_).count()) / us_per_second;
  totals.frames_in = stats.frames_in;
  totals.commits = stats.commits;
  totals.congestions = stats.congestions;
  totals.conflated = stats.params_conflated;
  totals.streams_dropped = stats.streams_dropped;
  totals.sessions = stats.sessions_opened;
  totals.bundles_scheduled = stats.bundles_scheduled;
  totals.resumed = stats.sessions_resumed;
  totals.removed = stats.params_expired + stats.params_evicted;
  for (const auto& [code, count] : stats.errors_out) totals.refused += count;
  return totals;
}

void SimulatedWorld::fail(const SimulatedPeer* peer, std::string text) {
  if (failure_) return;
  failure_ = fmt::format("step {}, second {:.6f}: {}", step_, static_cast<double>((steady_ - began_).count()) / us_per_second, text);
  if (peer == nullptr) return;
  constexpr std::array paces{"keeps up", "trickles", "stalls", "is dead"};
  *failure_ += fmt::format("\n  peer {} {}, {} bytes are unsent, the last frames it heard:{}", peer->number,
                           paces[static_cast<std::size_t>(peer->pace.kind)], peer->unsent, peer->view.tail());
}

// ---- clients ----

SimulatedPeer& SimulatedWorld::add(Pace pace) {
  peers_.push_back(std::make_unique<SimulatedPeer>(peers_.size(), pace, frame_faults_, static_cast<SimulatedPeer::Owner&>(*this)));
  return *peers_.back();
}

void SimulatedWorld::connect(SimulatedPeer& peer) {
  peer.opened(router_->open_link(peer, now()));
  model_->opened(peer.number, peer.must_answer_pings, clock());
}

void SimulatedWorld::say(SimulatedPeer& peer, const Message& message, std::optional<Qos> qos) {
  ByteBuffer frame;
  CLASP_CHECK(append_frame(frame, message, qos.value_or(default_qos(message))));
  say(peer, frame.view());
}

void SimulatedWorld::say(SimulatedPeer& peer, Bytes bytes) {
  pass(Micros{1});
  if (!peer.can_send() || failed()) return;
  if (peer.resumable && peer.said_hello && bytes.size() > 4 && bytes[4] == std::byte{0x01} && model_->in_session(peer.number)) return;  // no second HELLO
  const auto frame = decode_frame(bytes);
  const auto message = frame ? decoder_.decode(frame->payload) : Decoded<Message>(std::unexpected(frame.error()));
  ByteBuffer changed;
  const bool differs = message && message_faults_.change(*message, frame->header.qos, changed);
  router_->receive(peer.link, differs ? changed.view() : bytes, now());
  model_->received(peer.number, message ? &*message : nullptr, message ? frame->header.qos : Qos::fire, clock());
  peer.pinged = false;
  judge();
  settle();
}

void SimulatedWorld::join(SimulatedPeer& peer) {
  connect(peer);
  greet(peer, false);
}

void SimulatedWorld::greet(SimulatedPeer& peer, bool resumable) {
  peer.said_hello = true;
  peer.resumable = resumable;
  Hello hello{.version = 1, .features = feature::all_signals, .name = "peer"};
  const EncodedValue wish(resume::to_value(resume::Request{}));
  if (resumable) {
    hello.features |= feature::extended;
    hello.block.emplace_back(resume::key, wish.view());
  }
  say(peer, Message{hello});
}

// The model sees no other link: for it the session has one that is slow.
void SimulatedWorld::come_back(SimulatedPeer& peer) {
  const resume::Claim claim{.session = peer.session, .secret = peer.offer->secret, .epoch = peer.offer->epoch, .frames = peer.received};
  const EncodedValue wish(resume::to_value(resume::Request{.claim = claim}));
  const Message hello{Hello{.version = 1, .features = feature::all_signals | feature::extended, .name = "peer", .block = {{resume::key, wish.view()}}}};
  ByteBuffer frame;
  CLASP_CHECK(append_frame(frame, hello, Qos::fire));
  peer.back(router_->open_link(peer, now()));
  model_->alive(peer.number, clock());
  peer.catching_up = true;
  router_->receive(peer.link, frame.view(), now());
  peer.is_away = false;
  if (!peer.offer || !peer.offer->resumed) fail(&peer, fmt::format("rule 29: not resumed: {}", peer.offer ? peer.offer->why : "no offer"));
  judge();
  settle();
}

void SimulatedWorld::mark(SimulatedPeer& peer) {
  if (!peer.resumable || !peer.open || peer.catching_up) return;
  ByteBuffer frame;
  resume::append_mark(frame, {.frames = peer.received});
  router_->receive(peer.link, frame.view(), now());
  model_->alive(peer.number, clock());
  judge();
  settle();
}

void SimulatedWorld::lose(SimulatedPeer& peer) {
  if (peer.resumable && !peer.view.welcomed()) return;  // it could not know what to claim, and the router would keep a session for nobody
  if (peer.resumable) {
    peer.away();
    model_->away(peer.number);
    router_->closed(peer.link, now());
    judge();
    return settle();
  }
  peer.gone();
  router_->closed(peer.link, now());
  model_->lost(peer.number, clock());
  judge();
  settle();
}

void SimulatedWorld::drain(SimulatedPeer& peer, std::size_t bytes) {
  if (peer.open && peer.unsent > 0 && bytes > 0) sent(peer, bytes);
}

void SimulatedWorld::answer_ping(SimulatedPeer& peer) {
  peer.pinged = false;
  router_->activity(peer.link, now());
  model_->alive(peer.number, clock());
}

void SimulatedWorld::sent(SimulatedPeer& peer, std::size_t bytes) {
  const std::size_t taken = peer.take(bytes);
  model_->progressed(peer.number, clock());
  router_->sent(peer.link, taken, now());
  touched_.push_back(peer.number);
  judge();
}

void SimulatedWorld::reading(SimulatedPeer& peer, bool on) {
  model_->read(peer.number, on, clock());
  peer.paused_at = steady_;
}

void SimulatedWorld::settle() {
  for (bool again = true; again && !failed();) {
    again = false;
    for (const std::size_t number : std::exchange(touched_, {})) {
      SimulatedPeer& peer = *peers_[number];
      if (peer.pace.kind != Pace::Kind::keeps_up || !peer.open || peer.unsent == 0) continue;
      sent(peer, peer.unsent);
      again = true;
    }
  }
}

// ---- time ----

void SimulatedWorld::advance() {
  int calls = 0;
  for (bool due = true; due; ++calls) {
    const auto next = router_->advance(now());
    due = next && *next <= steady_;
    if (calls > advances_max) return fail(nullptr, "a deadline never passes");
  }
  model_->passed(clock());
  judge();
  settle();
}

void SimulatedWorld::pass(Micros time) {
  const SteadyTime until = steady_ + time;
  while (steady_ < until && !failed()) {
    SteadyTime next = until;
    if (const auto due = router_->next_deadline()) next = std::min(next, std::max(*due, steady_));
    if (const auto due = model_->next()) next = std::min(next, std::max(SteadyTime{*due}, steady_));
    const Micros step = next - steady_;
    steady_ = next;
    unix_.us += static_cast<std::uint64_t>(step.count());
    drain_by_time(step);
    advance();
  }
}

void SimulatedWorld::drain_by_time(Micros time) {
  if (time.count() == 0) return;
  for (const auto& peer : peers_) {
    if (!peer->open || peer->pace.kind != Pace::Kind::trickles) continue;
    peer->allowance += static_cast<double>(peer->pace.bytes_per_second) * static_cast<double>(time.count()) / us_per_second;
    const auto bytes = std::min(static_cast<std::size_t>(peer->allowance), peer->unsent);
    if (peer->unsent == 0) peer->allowance = 0;
    if (bytes == 0) continue;
    peer->allowance -= static_cast<double>(bytes);
    sent(*peer, bytes);
  }
}

void SimulatedWorld::turn() {
  std::vector<std::size_t> had_room;
  for (const auto& peer : peers_) {
    if (peer->open && model_->open(peer->number) && model_->snapshot_open(peer->number) && has_room(*peer) && caught_up(*peer)) had_room.push_back(peer->number);
  }
  const bool more = router_->end_turn(now());
  judge();
  for (const std::size_t number : had_room) {
    SimulatedPeer& peer = *peers_[number];
    if (more || !peer.open || !has_room(peer)) continue;
    if (const auto complaint = model_->idle(number)) fail(&peer, *complaint);
  }
  settle();
  check_all();
}

// ---- comparison ----

// One turn of the router may bring parts of several snapshots, and which of their params was used last matters to capacity.
void SimulatedWorld::judge_frames(const std::vector<std::size_t>& numbers) {
  std::vector<std::pair<SimulatedPeer*, SimulatedPeer::Given>> frames;
  for (const std::size_t number : numbers) {
    SimulatedPeer& peer = *peers_[number];
    for (auto& given : std::exchange(peer.given, {})) frames.emplace_back(&peer, std::move(given));
  }
  std::ranges::stable_sort(frames, {}, [](const auto& entry) { return entry.second.order; });
  for (const auto& [peer, given] : frames) {
    ++totals_.frames_out;
    if (const auto complaint = model_->put(peer->number, *given.frame, clock())) fail(peer, *complaint);
  }
}

void SimulatedWorld::judge() {
  for (const std::size_t number : std::exchange(closing_, {})) {
    SimulatedPeer& peer = *peers_[number];
    judge_frames({number});
    constexpr std::string_view stalled = "nothing was taken for too long";
    if (peer.resumable && peer.view.welcomed() && peer.closed_because == stalled) {  // the link is lost, not the session
      if (const auto complaint = model_->stalled(number, has_room(peer), clock())) fail(&peer, *complaint);
      peer.away();
      model_->away(number);
      peer.reconnect_at = steady_ + Micros{20'000};
      continue;
    }
    if (const auto complaint = model_->closed(number, has_room(peer), clock())) fail(&peer, fmt::format("{} ({})", *complaint, peer.closed_because));
    model_->lost(number, clock());
    ++totals_.closed_by_router;
    peer.take(peer.unsent);  // what the router closed still gets its last bytes
    peer.gone();
    peer.reconnect_at = steady_ + Micros{20'000};
  }
  std::vector<std::size_t> numbers = model_->take_told();
  numbers.insert(numbers.end(), touched_.begin(), touched_.end());
  std::ranges::sort(numbers);
  const auto rest = std::ranges::unique(numbers);
  numbers.erase(rest.begin(), rest.end());
  std::erase_if(numbers, [this](std::size_t number) { return !peers_[number]->open || !model_->open(number); });
  judge_frames(numbers);
  for (const std::size_t number : numbers) {
    SimulatedPeer& peer = *peers_[number];
    if (!has_room(peer) || !caught_up(peer)) continue;
    if (const auto complaint = model_->settle(number)) fail(&peer, *complaint);
  }
}

void SimulatedWorld::check_all() {
  const Gauges gauges = router_->gauges();
  if (gauges.sessions + gauges.sessions_detached != model_->sessions())
    fail(nullptr, fmt::format("{} sessions are open, the router has {} and {} that are away", model_->sessions(), gauges.sessions, gauges.sessions_detached));
  if (gauges.params != model_->state().params().size())
    fail(nullptr, fmt::format("{} params exist, the router has {}", model_->state().params().size(), gauges.params));
  if (gauges.bundles_waiting != model_->bundles_waiting())
    fail(nullptr, fmt::format("rule 23: {} bundles wait, in the router {}", model_->bundles_waiting(), gauges.bundles_waiting));
  // One commit may reach everybody before the largest outbox has been relieved.
  if (gauges.outbox_bytes > scenario_.config.outboxes_bytes_max + peers_.size() * frame_bytes_max)
    fail(nullptr, fmt::format("{} bytes wait in outboxes", gauges.outbox_bytes));
  for (const auto& peer : peers_) {
    if (!peer->open || peer->catching_up) continue;
    if (const auto complaint = model_->check(peer->number, has_room(*peer), clock())) fail(peer.get(), *complaint);
    if (!peer->reading && peer->unsent == 0 && steady_ - peer->paused_at > Micros(scenario_.config.pace_max) + Micros{1})
      fail(peer.get(), "rule 17/26: nothing waits for this session, and it is not read any more");
  }
}

void SimulatedWorld::compare_state() {
  std::size_t params = 0;
  router_->for_each(*Pattern::parse("/**"), [&](const Router::ParamView& param) {
    ++params;
    const model::Param* expected = model_->state().find(std::string(param.address));
    const std::string holder = param.lock_holder ? router_->session_text(*param.lock_holder) : std::string();
    if (expected == nullptr) return fail(nullptr, fmt::format("{} should not exist", param.address));
    if (expected->value != model::value_of(param.value) || expected->revision != param.revision)
      fail(nullptr, fmt::format("{} should be at revision {}, not {}", param.address, expected->revision, param.revision));
    if (model_->writer_id(expected->writer) != param.writer || expected->written_unix != param.time.us)
      fail(nullptr, fmt::format("{} was not written by {} then", param.address, param.writer));
    if ((expected->holder == 0) != holder.empty() || (expected->holder != 0 && model_->writer_id(expected->holder) != holder))
      fail(nullptr, fmt::format("the lock of {} is held by '{}'", param.address, holder));
  });
  if (params != model_->state().params().size())
    fail(nullptr, fmt::format("the router shows {} of {} params", params, model_->state().params().size()));
}

void SimulatedWorld::compare_views(bool all) {
  for (const auto& peer : peers_) {
    if (!peer->open || !model_->in_session(peer->number) || peer->unsent != 0 || !(all || peer->pace.kind == Pace::Kind::keeps_up)) continue;
    if (model_->snapshot_open(peer->number) || peer->catching_up) continue;
    for (const auto& [address, param] : model_->state().params()) {
      if (!model_->holds_plainly(peer->number, address)) continue;
      const ClientView::Known* known = peer->view.find(address);
      if (known == nullptr || known->revision != param.revision || known->value != param.value)
        fail(peer.get(),
             fmt::format("rule 18: {} is at revision {}, the client holds {}", address, param.revision, known == nullptr ? 0 : known->revision));
    }
  }
}

// The router reads a client again when it has given it everything.
bool SimulatedWorld::caught_up(SimulatedPeer& peer) {
  if (peer.catching_up && peer.reading && peer.regave()) peer.catching_up = false;
  return !peer.catching_up;
}

void SimulatedWorld::heal() {
  for (const auto& peer : peers_) {
    if (peer->is_away && !failed()) come_back(*peer);
  }
  for (int i = 0; i < heal_steps && !failed(); ++i) {
    pass(heal_step);
    for (const auto& peer : peers_) {
      peer->underway.clear();
      if (peer->open && peer->unsent > 0) sent(*peer, peer->unsent);
    }
    turn();
  }
  for (bool waits = true; waits && !failed();) {
    waits = false;
    for (const auto& peer : peers_) {
      if (!peer->open || peer->unsent == 0) continue;
      sent(*peer, peer->unsent);
      waits = true;
    }
    turn();
  }
  if (failed()) return;
  compare_state();
  compare_views(true);
  const Gauges gauges = router_->gauges();
  if (gauges.outbox_bytes != 0) fail(nullptr, fmt::format("{} bytes wait in outboxes though every link has drained", gauges.outbox_bytes));
  if (gauges.snapshots_running != 0) fail(nullptr, fmt::format("rule 6: {} snapshots never ended", gauges.snapshots_running));
}

}  // namespace clasp::simulation
