#include "faults.hpp"

#include <algorithm>
#include <cstring>

#include "core/check.hpp"

namespace clasp::simulation {

namespace {

constexpr int frames_before_fault = 20;           // so that it hits a run in full swing
constexpr std::uint64_t bundle_delay_us = 2'000;  // twice what rule 23 allows

bool same_bytes(Bytes a, const std::vector<std::byte>& b) { return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0; }

bool is_event(const model::Frame& frame) { return frame.line.starts_with("PUBLISH") && frame.line.contains(" event "); }
bool is_ack(const model::Frame& frame) { return frame.line.starts_with("ACK"); }

std::shared_ptr<const model::Frame> frame_of(const Message& message) { return std::make_shared<const model::Frame>(model::read_frame(message)); }

}  // namespace

FrameFaults::FramePtr FrameFaults::read(Bytes bytes) {
  if (last_ && same_bytes(bytes, last_bytes_)) return last_;
  const auto frame = decode_frame(bytes);
  CLASP_CHECK(frame.has_value() && frame->header.frame_bytes() == bytes.size());
  const auto message = decoder_.decode(frame->payload);
  CLASP_CHECK(message.has_value());
  last_bytes_.assign(bytes.begin(), bytes.end());
  return last_ = frame_of(*message);
}

bool FrameFaults::hits(const Message& message) {
  const auto* publish = std::get_if<Publish>(&message.body);
  const auto* set = std::get_if<Set>(&message.body);
  const auto* snapshot = std::get_if<Snapshot>(&message.body);
  switch (fault_) {
    case Fault::drop_event:
    case Fault::swap_events:
    case Fault::repeat_event: return publish != nullptr && publish->signal == SignalType::event;
    case Fault::drop_stream: return publish != nullptr && publish->signal == SignalType::stream;
    case Fault::drop_param:
    case Fault::repeat_param:
    case Fault::wrong_revision:
    case Fault::wrong_value: return set != nullptr;
    case Fault::forgotten_flag: return set != nullptr && (set->lock || set->ttl);
    case Fault::drop_answer:
    case Fault::extra_frame:
    case Fault::swap_answers: return std::holds_alternative<Ack>(message.body);
    case Fault::drop_snapshot:
    case Fault::wrong_writer:
    case Fault::snapshot_misses_entry: return snapshot != nullptr && !snapshot->params.empty();
    default: return false;
  }
}

FrameFaults::Passed FrameFaults::pass(Bytes bytes, const FramePtr& previous) {
  const FramePtr frame = read(bytes);
  if (happened_ || fault_ == Fault::none || fault_ >= first_message_fault) return {{frame}};
  const auto decoded = decode_frame(bytes);
  Decoder decoder;
  auto message = decoder.decode(decoded->payload);
  if (!hits(*message) || ++seen_ < frames_before_fault) return {{frame}};
  const bool swaps = fault_ == Fault::swap_events || fault_ == Fault::swap_answers;
  if (swaps && (!previous || previous->line == frame->line || !(fault_ == Fault::swap_events ? is_event(*previous) : is_ack(*previous))))
    return {{frame}};

  happened_ = true;
  const EncodedValue truth(clasp::Value(true));
  auto* set = std::get_if<Set>(&message->body);
  auto* snapshot = std::get_if<Snapshot>(&message->body);
  switch (fault_) {
    case Fault::drop_event:
    case Fault::drop_param:
    case Fault::drop_stream:
    case Fault::drop_answer:
    case Fault::drop_snapshot: return {};
    case Fault::repeat_event:
    case Fault::repeat_param:
    case Fault::extra_frame: return {{frame, frame}};
    case Fault::swap_events:
    case Fault::swap_answers: return {{frame, previous}, true};
    case Fault::wrong_revision: *set->revision += 1; break;
    case Fault::wrong_value: set->value = set->value.tag == ValueTag::null ? truth.view() : ValueView{}; break;
    case Fault::forgotten_flag: set->lock = false, set->ttl.reset(); break;
    case Fault::wrong_writer: snapshot->params.front().writer = "somebody"; break;
    case Fault::snapshot_misses_entry: snapshot->params.pop_back(); break;
    default: break;
  }
  return {{frame_of(*message)}};
}

bool MessageFaults::change_set(Set& set) {
  switch (fault_) {
    case Fault::lock_is_not_taken: return std::exchange(set.lock, false);
    case Fault::lock_is_not_released: return std::exchange(set.unlock, false);
    case Fault::revision_is_not_checked: return std::exchange(set.revision, std::nullopt).has_value();
    case Fault::lifetime_is_too_long: return set.ttl && set.ttl->mode != Ttl::Mode::never && ++set.ttl->seconds != 0;
    case Fault::lifetime_is_forgotten: return set.ttl && set.ttl->mode != Ttl::Mode::never && std::exchange(set.ttl, Ttl{}).has_value();
    default: return false;
  }
}

bool MessageFaults::change_subscribe(Subscribe& subscribe) {
  switch (fault_) {
    case Fault::types_are_ignored: return std::exchange(subscribe.types, TypeMask::all()) != TypeMask::all();
    case Fault::pattern_is_too_wide: return std::exchange(subscribe.pattern, "/**") != "/**";
    case Fault::epsilon_is_ignored: return subscribe.options && std::exchange(subscribe.options->epsilon, std::nullopt).has_value();
    case Fault::rate_is_ignored: return subscribe.options && std::exchange(subscribe.options->max_rate, std::nullopt).has_value();
    case Fault::history_is_too_short: return subscribe.options && subscribe.options->history.value_or(0) > 1 && --*subscribe.options->history > 0;
    default: return false;
  }
}

bool MessageFaults::change_bundle(Bundle& bundle) {
  if (bundle.messages.empty()) return false;
  if (fault_ == Fault::bundle_loses_a_member) return bundle.messages.pop_back(), true;
  if (fault_ != Fault::bundle_is_late || !bundle.timestamp) return false;
  bundle.timestamp->us += bundle_delay_us;
  return true;
}

bool MessageFaults::change(const Message& message, Qos qos, ByteBuffer& out) {
  if (fault_ < first_message_fault) return false;
  Message changed = message;
  bool did = false;
  if (auto* set = std::get_if<Set>(&changed.body)) did = change_set(*set);
  if (auto* subscribe = std::get_if<Subscribe>(&changed.body)) did = change_subscribe(*subscribe);
  if (auto* bundle = std::get_if<Bundle>(&changed.body)) did = change_bundle(*bundle);
  if (auto* announce = std::get_if<Announce>(&changed.body);
      announce != nullptr && fault_ == Fault::signal_is_forgotten && !announce->signals.empty())
    announce->signals.pop_back(), did = true;
  if (!did) return false;
  happened_ = true;
  out.clear();
  CLASP_CHECK(append_frame(out, changed, qos));
  return true;
}

}  // namespace clasp::simulation
