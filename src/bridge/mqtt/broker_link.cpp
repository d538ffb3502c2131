#include "bridge/mqtt/broker_link.hpp"

#include <fmt/format.h>

#include <random>
#include <utility>

#include "core/address.hpp"
#include "io/io_loop.hpp"

namespace clasp::bridge::mqtt {
namespace {

constexpr std::size_t waiting_bytes_max = 262'144;  // with the connection; then publications wait in the client, where newer ones replace them
constexpr unsigned suspicious_lives = 3;
constexpr std::byte connack_byte{0x20};
constexpr wire::Fault no_connack{wire::Reason::protocol_error, "what answers there does not speak MQTT"};

std::uint64_t random_bits() {
  static std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

BrokerLink::BrokerLink(io::IoLoop& loop, dial::Target target, MqttBridge& bridge, std::function<void(std::string_view)> log, RedialConfig redial)
    : loop_(loop),
      target_(std::move(target)),
      bridge_(bridge),
      log_(std::move(log)),
      redial_(redial),
      timer_(loop, [this] { due(); }),
      soon_(redial.soon),
      slow_(redial.slow) {
  target_.out_bytes_max = waiting_bytes_max;
  bridge_.set_changes([this](bool up) { router_changed(up); }, [this] { set_timer(); });
}

BrokerLink::~BrokerLink() { stop(); }

void BrokerLink::start() {
  state_ = State::waiting_for_router;
  if (bridge_.router_is_up()) dial_now();
}

void BrokerLink::stop() {
  if (state_ == State::stopped) return;
  state_ = State::stopped;
  bridge_.set_changes([](bool) {}, [] {});
  ending_.reset();
  timer_at_.reset();
  timer_.cancel();
  connection_.reset();
  bridge_.client().connection_down();
}

// ---- attempts ----

void BrokerLink::dial_now() {
  state_ = State::connecting;
  ++attempts_;
  ending_.reset();
  ready_noted_ = spoken_ = false;
  unsent_.clear();
  packets_.emplace(bridge_.config().limits.packet_bytes_max);
  dial::ConnectionEvents& told = *this;
  connection_ = std::make_unique<dial::Connection>(loop_, target_, told);
  connection_->start();
}

void BrokerLink::connection_opened() {
  update_reading();
  bridge_.client().connection_up(*this, io::steady_now());
  set_timer();
}

void BrokerLink::connection_closed(std::string_view reason) {
  if (ending_) return work_off_ending();
  lost(std::string(reason), Ending::Retry::soon);
}

void BrokerLink::end(Ending ending) {
  ending_ = std::move(ending);
  loop_.defer([this, alive = std::weak_ptr(alive_)] {  // not from inside what it told us
    if (!alive.expired()) work_off_ending();
  });
}

void BrokerLink::work_off_ending() {
  if (!ending_) return;
  const Ending ending = *std::exchange(ending_, std::nullopt);
  lost(fmt::format("{}: {}", dial::place(target_), ending.text), ending.retry);
}

void BrokerLink::lost(std::string reason, Ending::Retry retry) {
  const SteadyTime now = io::steady_now();
  ending_.reset();
  connection_.reset();
  bridge_.client().connection_down();
  if (ready_noted_) {
    const Micros lasted = now - accepted_at_;
    const bool stable = lasted >= redial_.soon.stable_after;
    soon_.connection_ended(lasted);
    slow_.connection_ended(lasted);
    short_lives_ = stable ? 0 : short_lives_ + 1;
    if (stable) {
      logged_failure_.clear();
      quiet_ = false;
    }
    if (short_lives_ >= suspicious_lives && retry == Ending::Retry::soon) {
      reason +=
          fmt::format(", soon after accepting it, again and again: does another client use the id \"{}\"?", printable(bridge_.client().client_id()));
    }
  }
  const Micros delay = (retry == Ending::Retry::slow ? slow_ : soon_).next(random_bits());
  quiet_ = reason == logged_failure_;
  if (!quiet_) log_(fmt::format("{}: {}; next attempt in {:.1f} s", bridge_.config().name, reason, static_cast<double>(delay.count()) / 1e6));
  logged_failure_ = reason;
  last_failure_ = std::move(reason);
  next_attempt_ = now + delay;
  state_ = State::waiting;
  set_timer();
}

void BrokerLink::note_accepted() {
  if (ready_noted_ || !bridge_.client().is_ready()) return;
  ready_noted_ = true;
  accepted_at_ = io::steady_now();
  state_ = State::connected;
  if (!quiet_) log_(bridge_.config().name + ": " + describe());
}

void BrokerLink::router_changed(bool up) {
  if (state_ == State::waiting_for_router && up) return dial_now();
  update_reading();
}

// ---- time ----

void BrokerLink::due() {
  timer_at_.reset();
  const SteadyTime now = io::steady_now();
  if (state_ == State::waiting && now >= next_attempt_) {
    if (bridge_.router_is_up()) return dial_now();
    state_ = State::waiting_for_router;
  }
  bridge_.advance(now);
  set_timer();
}

// Deadlines move away with everything that is sent; a timer that fires too early costs less than one that is set as often.
void BrokerLink::set_timer() {
  auto deadline = bridge_.next_deadline();
  if (state_ == State::waiting) deadline = deadline ? std::min(*deadline, next_attempt_) : next_attempt_;
  if (!deadline || (timer_at_ && *timer_at_ <= *deadline)) return;
  timer_at_ = deadline;
  timer_.set(*deadline);
}

// ---- bytes ----

void BrokerLink::connection_input(Bytes bytes, dial::Form form) {
  if (form == dial::Form::text) {
    connection_.reset();
    return lost(fmt::format("{}: sent text on a WebSocket, and MQTT is binary", dial::place(target_)), Ending::Retry::soon);
  }
  MqttClient& client = bridge_.client();
  const SteadyTime now = io::steady_now();
  // Handed out as const; the framer only reads.
  if (!std::exchange(spoken_, true) && bytes[0] != connack_byte) return client.broken(no_connack);  // at once: its length may be anything
  std::span<std::byte> input{const_cast<std::byte*>(bytes.data()), bytes.size()};
  while (!ending_) {
    const auto piece = packets_->next(input);
    if (!piece) break;
    client.packet(piece->payload, now);
    note_accepted();
  }
  if (const wire::Fault* why = packets_->framer().why(); why != nullptr && !ending_) client.broken(*why);
  set_timer();
}

void BrokerLink::send(Bytes packets) {
  if (!unsent_.empty() || !connection_->send(packets)) unsent_.append(packets);
  update_reading();
}

bool BrokerLink::has_room() { return unsent_.empty() && connection_->has_room(); }

void BrokerLink::connection_writable() {
  if (!unsent_.empty()) {
    if (!connection_->send(unsent_.view())) return;
    unsent_.release();
    update_reading();
  }
  bridge_.client().room(io::steady_now());
  set_timer();
}

void BrokerLink::update_reading() {
  if (connection_) connection_->set_reading(bridge_.router_is_up() && unsent_.empty());
}

std::string BrokerLink::describe() const {
  const MqttClient& client = bridge_.client();
  switch (state_) {
    case State::stopped: return "stopped";
    case State::waiting_for_router: return "waiting for the router";
    case State::connecting: return fmt::format("connecting to {}", dial::place(target_));
    case State::connected:
      return fmt::format("connected to {} as \"{}\" (MQTT {})", dial::place(target_), printable(client.client_id()),
                         client.version() == wire::Version::v5 ? "5" : "3.1.1");
    case State::waiting: return fmt::format("not connected: {}", last_failure_);
  }
  return {};
}

}  // namespace clasp::bridge::mqtt
