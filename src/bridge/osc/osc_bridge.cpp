#include "bridge/osc/osc_bridge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "bridge/osc/osc_pattern.hpp"
#include "bridge/osc/osc_time.hpp"
#include "core/limits.hpp"

namespace clasp::bridge::osc {
namespace {

constexpr Micros report_interval = std::chrono::seconds{1};
constexpr std::size_t message_overhead_max = 32;  // of a SET or PUBLISH inside a CLASP bundle, beside address and value
constexpr std::size_t bundle_overhead_max = 16;

struct ProblemRow {
  std::uint64_t OscCounters::* count;
  std::string_view text;
};
constexpr std::array problems{
    ProblemRow{&OscCounters::malformed, "malformed packets or messages"},
    ProblemRow{&OscCounters::unknown_tag, "messages with an unknown argument type"},
    ProblemRow{&OscCounters::too_deep, "bundles or arrays nested too deeply"},
    ProblemRow{&OscCounters::too_many, "datagrams with too many elements"},
    ProblemRow{&OscCounters::value_too_large, "received messages too large for CLASP"},
    ProblemRow{&OscCounters::invalid_address, "addresses too long for CLASP"},
    ProblemRow{&OscCounters::wrong_clock, "time tags too far ahead (clock of sender wrong), executed at once"},
    ProblemRow{&OscCounters::bundles_split, "bundles split because they were too large for CLASP"},
    ProblemRow{&OscCounters::dispatch_unmatched, "address patterns that match nothing known"},
    ProblemRow{&OscCounters::dispatch_cut, "address patterns cut short"},
    ProblemRow{&OscCounters::senders_evicted, "senders forgotten because there were too many"},
    ProblemRow{&OscCounters::refused, "writes refused by the router"},
    ProblemRow{&OscCounters::send_failed, "datagrams the system did not send"},
    ProblemRow{&OscCounters::too_large, "values too large for one OSC packet"},
};

// Only what a newer value makes worthless may be thinned (contract, rule 11).
bool may_be_thinned(const LinkDelivery& delivery) {
  if (delivery.is_set) return true;
  return delivery.signal == SignalType::stream || (delivery.signal == SignalType::gesture && delivery.phase == GesturePhase::move);
}

std::optional<SteadyTime> earlier(std::optional<SteadyTime> a, std::optional<SteadyTime> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

}  // namespace

std::size_t OscBridge::Write::bytes() const { return message_overhead_max + address.size() + value.encoded_bytes(); }

Set OscBridge::Write::set() const {
  Set set;
  set.address = address;
  set.value = value;
  return set;
}

Publish OscBridge::Write::publish() const {
  Publish publish;
  publish.address = address;
  publish.signal = kind == MessageKind::event ? SignalType::event : SignalType::stream;
  publish.value = value;
  return publish;
}

OscBridge::OscBridge(RouterLink& router, OscConfig config, DatagramSink& sink, OscLog& log)
    : router_(router),
      config_(std::move(config)),
      sink_(sink),
      log_(log),
      senders_(config_.sender_silence_max, config_.senders_max),
      guard_(config_.loopback_window),
      decoder_(config_.limits, config_.impulse),
      echo_arguments_(config_.encoding),
      arguments_(config_.encoding) {
  if (config_.rate_hz_max.value_or(0) > 0) rate_.emplace(*config_.rate_hz_max, config_.thinned_addresses_max);
}

void OscBridge::start() {
  const BridgeIdentity identity{.name = config_.name, .ns = config_.ns.prefix(), .protocol = "osc", .device = {}, .bidirectional = true};
  const std::array patterns{config_.ns.pattern()};
  router_.open(identity, patterns, config_.sync_on_connect, *this);
}

void OscBridge::stop() { router_.close(); }

void OscBridge::set_targets(std::span<const Endpoint> targets) { targets_.assign(targets.begin(), targets.end()); }

bool OscBridge::replies_to_senders() const { return config_.reply_to_sender.value_or(targets_.empty()); }

// ---- inbound ----

void OscBridge::datagram(Bytes bytes, const Endpoint& from, Now now) {
  ++counters_.received;
  decoder_.decode(bytes);
  count_faults(decoder_.faults());
  const std::span<const OscMessage> messages = decoder_.messages();
  const bool readable = !messages.empty() || decoder_.faults().total() == 0;
  if (decoder_.faults().total() != 0) last_bad_sender_ = from;
  if (readable) {
    const SenderTable::Heard heard = senders_.heard(from, now.steady);
    counters_.senders_evicted += heard.evicted ? 1 : 0;
    writes_used_ = 0;
    for (const OscMessage& message : messages) collect(message, heard.tag, from, now);
    counters_.messages += writes_used_;
    const bool bundled = !messages.empty() && messages.front().bundled;
    if (bundled) {
      write_bundles(heard.tag);
    } else {
      for (std::size_t i = 0; i < writes_used_; ++i) write_one(writes_[i], heard.tag);
    }
  }
  report(now.steady);
}

void OscBridge::collect(const OscMessage& message, PeerTag peer, const Endpoint& from, Now now) {
  if (config_.pong && !message.bundled && message.address == "/ping") answer_ping(message, from);
  if (is_echo(message, peer, now.steady)) {
    ++counters_.echoes_dropped;
    return;
  }
  const Schedule when = schedule(message.time, now.unix_time, config_.lookahead_max);
  if (when.wrong_clock) {
    ++counters_.wrong_clock;
    last_bad_sender_ = from;
  }
  if (config_.dispatch_patterns && is_dispatch_pattern(message.address)) {
    collect_dispatched(message, when.at);
    return;
  }
  learn(message.address);
  add_write(message.address, message.value, when.at);
}

void OscBridge::collect_dispatched(const OscMessage& message, std::optional<UnixTime> at) {
  const std::optional<DispatchPattern> pattern = DispatchPattern::parse(message.address);
  std::size_t steps = 0;
  bool matched = false;
  if (pattern) {
    for (const std::string& known : known_addresses_) {
      steps += pattern->cost(known);
      if (steps > config_.dispatch_steps_max || writes_used_ >= config_.limits.elements_max) {
        ++counters_.dispatch_cut;
        break;
      }
      if (!pattern->matches(known)) continue;
      matched = true;
      add_write(known, message.value, at);
    }
  }
  if (!matched) ++counters_.dispatch_unmatched;
}

void OscBridge::add_write(std::string_view osc_address, const ValueView& value, std::optional<UnixTime> at) {
  if (writes_used_ == writes_.size()) writes_.emplace_back();
  Write& write = writes_[writes_used_];
  if (!config_.ns.to_address(osc_address.substr(1), write.address)) {
    ++counters_.invalid_address;
    return;
  }
  write.value = value;
  write.kind = kind_of(write.address);
  write.at = at;
  write.position = writes_used_++;
}

// Messages of one datagram with the same time belong together; times that have come form one group, the earliest.
void OscBridge::write_bundles(PeerTag peer) {
  const std::span<Write> writes = std::span(writes_).first(writes_used_);
  std::ranges::sort(writes, [](const Write& a, const Write& b) { return std::pair(a.at, a.position) < std::pair(b.at, b.position); });
  std::vector<Message> messages;
  for (std::size_t first = 0; first < writes.size();) {
    const std::optional<UnixTime> at = writes[first].at;
    std::size_t end = first;
    std::size_t bytes = bundle_overhead_max;
    while (end < writes.size() && writes[end].at == at && (end == first || bytes + writes[end].bytes() <= wire::payload_bytes_max)) {
      bytes += writes[end++].bytes();
    }
    if (end < writes.size() && writes[end].at == at) ++counters_.bundles_split;
    if (end - first == 1 && !at) {
      write_one(writes[first], peer);
    } else {
      messages.clear();
      for (const Write& write : writes.subspan(first, end - first)) {
        if (write.kind == MessageKind::param)
          messages.push_back({write.set()});
        else
          messages.push_back({write.publish()});
      }
      router_.bundle(messages, at, peer);
    }
    first = end;
  }
}

void OscBridge::write_one(const Write& write, PeerTag peer) {
  if (write.kind == MessageKind::param)
    router_.set(write.address, write.value, peer);
  else
    router_.publish(write.publish(), peer);
}

bool OscBridge::is_echo(const OscMessage& message, PeerTag peer, SteadyTime now) {
  if (!guard_.may_be_echo(message.address, peer, now)) return false;
  echo_arguments_.clear();
  echo_arguments_.add(message.value);
  echo_packet_.clear();
  return append_message(echo_packet_, message.address, echo_arguments_, config_.packet_bytes_max) &&
         guard_.is_echo(message.address, echo_packet_.view());
}

void OscBridge::answer_ping(const OscMessage& message, const Endpoint& to) {
  packet_.clear();
  packet_.append(message.raw);
  packet_.data()[2] = std::byte{'o'};  // "/ping" and "/pong" have the same length
  send(packet_.view(), to);
}

void OscBridge::learn(std::string_view osc_address) {
  if (!config_.dispatch_patterns || known_addresses_.contains(osc_address)) return;
  if (known_addresses_.size() < config_.known_addresses_max) {
    known_addresses_.emplace(osc_address);
  } else {
    ++counters_.dispatch_cut;
  }
}

MessageKind OscBridge::kind_of(std::string_view address) const {
  for (const KindRule& rule : config_.kinds) {
    if (rule.pattern.matches(address)) return rule.kind;
  }
  return MessageKind::param;
}

// ---- outbound ----

void OscBridge::delivered(const LinkDelivery& delivery) {
  ++counters_.delivered;
  if (!config_.ns.to_name(delivery.address, osc_name_)) {
    ++counters_.outside_namespace;
    return;
  }
  osc_address_ = "/";
  osc_address_ += osc_name_;
  learn(osc_address_);

  arguments_.clear();
  if (delivery.value)
    arguments_.add(*delivery.value);
  else if (delivery.samples)
    arguments_.add_samples(*delivery.samples);
  if (config_.gesture_phase && delivery.signal == SignalType::gesture && !delivery.is_set) arguments_.add_text(phase_name(delivery.phase));

  const SteadyTime now = sink_.now();
  packet_.clear();
  if (!append_message(packet_, osc_address_, arguments_, config_.packet_bytes_max)) {
    ++counters_.too_large;
    report(now);
    sink_.deadline_changed();
    return;
  }
  const PeerTag cause = delivery.own && !config_.echo ? delivery.peer : PeerTag::none;
  if (rate_ && may_be_thinned(delivery)) {
    const Bytes packet = packet_.view();
    const Offered offered = rate_->offer(osc_address_, now, [&](Outgoing& waiting) {
      waiting.packet.assign(packet.begin(), packet.end());
      waiting.cause = cause;
    });
    sink_.deadline_changed();
    if (offered == Offered::replaced) ++counters_.replaced;
    if (offered != Offered::send_now) return;
  }
  send_to_all(packet_.view(), cause, now);
}

void OscBridge::send_to_all(Bytes packet, PeerTag cause, SteadyTime now) {
  const Sender* causer = senders_.find(cause);
  destinations_.assign(targets_.begin(), targets_.end());
  if (replies_to_senders()) {
    for (const Sender& sender : senders_.senders()) destinations_.push_back(reply_endpoint(sender));
  }
  if (config_.send_port || !targets_.empty()) {  // otherwise all are different
    std::sort(destinations_.begin(), destinations_.end());
    destinations_.erase(std::unique(destinations_.begin(), destinations_.end()), destinations_.end());
  }
  bool sent = false;
  for (const Endpoint& to : destinations_) {
    if (to.port == 0) continue;  // a target whose name has not been found yet
    if (causer != nullptr && (to == causer->from || to == reply_endpoint(*causer))) continue;
    send(packet, to);
    sent = true;
  }
  if (sent) guard_.sent(packet, cause, now);
}

void OscBridge::send(Bytes packet, const Endpoint& to) {
  if (sink_.send(packet, to))
    ++counters_.sent;
  else
    ++counters_.send_failed;
}

Endpoint OscBridge::reply_endpoint(const Sender& sender) const {
  Endpoint to = sender.from;
  if (config_.send_port) to.port = *config_.send_port;
  return to;
}

// ---- time and news ----

void OscBridge::advance(Now now) {
  senders_.expire(now.steady);
  if (rate_) {
    rate_->advance(now.steady, [&](Outgoing&& due) { send_to_all(due.packet, due.cause, now.steady); });
  }
  report(now.steady);
}

std::optional<SteadyTime> OscBridge::next_deadline() const {
  std::optional<SteadyTime> deadline = senders_.next_expiry();
  if (rate_) deadline = earlier(deadline, rate_->next_deadline());
  if (reported_at_ && has_news()) deadline = earlier(deadline, *reported_at_ + report_interval);
  return deadline;
}

void OscBridge::refused(const Error& error) {
  ++counters_.refused;
  last_refusal_ = error.message;
  report(sink_.now());
  sink_.deadline_changed();
}

void OscBridge::count_faults(const OscFaults& faults) {
  counters_.malformed += faults.malformed;
  counters_.unknown_tag += faults.unknown_tag;
  counters_.too_deep += faults.too_deep;
  counters_.too_many += faults.too_many;
  counters_.value_too_large += faults.too_large;
}

void OscBridge::report(SteadyTime now) {
  if (reported_at_ && now - *reported_at_ < report_interval) return;
  if (!has_news()) return;
  log_.line(describe_news());
  reported_ = counters_;
  reported_at_ = now;
  last_bad_sender_.reset();
  last_refusal_.clear();
}

bool OscBridge::has_news() const {
  return std::ranges::any_of(problems, [this](const ProblemRow& row) { return counters_.*row.count != reported_.*row.count; });
}

std::string OscBridge::describe_news() const {
  std::string text;
  for (const ProblemRow& row : problems) {
    const std::uint64_t count = counters_.*row.count - reported_.*row.count;
    if (count != 0) text += fmt::format("{}{} {}", text.empty() ? "osc: " : ", ", count, row.text);
  }
  if (last_bad_sender_) text += fmt::format("; last sender {}", to_text(*last_bad_sender_));
  if (!last_refusal_.empty()) text += fmt::format("; last refusal: {}", last_refusal_);
  return text;
}

}  // namespace clasp::bridge::osc
