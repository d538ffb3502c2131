#include "peer.hpp"

#include <algorithm>

#include "router/router_fixture.hpp"

namespace clasp::simulation {

namespace {

constexpr int frames_before_fault = 20;  // so that it hits a run in full swing

struct Kinds {
  bool kept_publish = false;
  bool set = false;
  bool ack = false;
};

Kinds kinds_of(Bytes bytes) {
  const auto frame = decode_frame(bytes);
  Decoder decoder;
  const auto message = decoder.decode(frame->payload);
  Kinds kinds;
  if (const auto* publish = std::get_if<Publish>(&message->body)) kinds.kept_publish = publish->signal == SignalType::event;
  kinds.set = std::holds_alternative<Set>(message->body);
  kinds.ack = std::holds_alternative<Ack>(message->body);
  return kinds;
}

}  // namespace

FaultInjector::Action FaultInjector::judge(Bytes frame, Via via, std::optional<Bytes> previous) {
  if (fault_ == Fault::none || happened_) return Action::pass;
  const Kinds kinds = kinds_of(frame);
  const Kinds before = previous ? kinds_of(*previous) : Kinds{};
  const bool live = via == Via::deliver;
  Action action = Action::pass;
  switch (fault_) {
    case Fault::none: break;
    case Fault::drop_event: action = live && kinds.kept_publish ? Action::drop : Action::pass; break;
    case Fault::drop_param: action = live && kinds.set ? Action::drop : Action::pass; break;
    case Fault::repeat_event: action = live && kinds.kept_publish ? Action::repeat : Action::pass; break;
    case Fault::repeat_param: action = live && kinds.set ? Action::repeat : Action::pass; break;
    case Fault::drop_answer: action = kinds.ack ? Action::drop : Action::pass; break;
    case Fault::swap_events: action = live && kinds.kept_publish && before.kept_publish ? Action::swap_with_previous : Action::pass; break;
    case Fault::swap_answers: action = kinds.ack && before.ack ? Action::swap_with_previous : Action::pass; break;
  }
  if (action == Action::pass) return action;
  if (action != Action::swap_with_previous && ++seen_ < frames_before_fault) return Action::pass;
  happened_ = true;
  return action;
}

SimulatedPeer::SimulatedPeer(Pace its_pace, bool schedules_bundles, bool every_set, FaultInjector& faults, Begin begin, Fail fail)
    : pace(its_pace), schedules(schedules_bundles), every_set_(every_set), faults_(faults), begin_(std::move(begin)), fail_(std::move(fail)) {}

std::size_t SimulatedPeer::put(Bytes frame, Via via) {
  if (!open) {
    fail_(session.get(), "rule 32: given after the close: " + describe_frame(frame));
    return 0;
  }
  const auto decoded = decode_frame(frame);
  Decoder decoder;
  const auto message = decoder.decode(decoded->payload);
  if (const auto* welcome = std::get_if<Welcome>(&message->body)) session = begin_(std::string(welcome->session), every_set_);

  std::optional<Bytes> previous;
  if (!queue_.empty() && queue_.back().session == session && queue_.back().via == via) previous = queue_.back().frame;
  const auto action = session ? faults_.judge(frame, via, previous) : FaultInjector::Action::pass;
  Waiting waiting{.frame = {frame.begin(), frame.end()}, .via = via, .session = session, .bytes_left = frame.size()};
  if (action == FaultInjector::Action::drop) waiting.times = 0;
  if (action == FaultInjector::Action::repeat) waiting.times = 2;
  queue_.push_back(std::move(waiting));
  if (action == FaultInjector::Action::swap_with_previous) std::swap(queue_.back().frame, queue_[queue_.size() - 2].frame);
  unsent += frame.size();
  return frame.size();
}

void SimulatedPeer::close(const CloseReason&) {
  if (closed_by_router || !open) fail_(session.get(), "closed twice");
  closed_by_router = true;
  open = false;
  session.reset();
}

void SimulatedPeer::opened(LinkId id, SteadyTime hello) {
  link = id;
  open = true;
  reading = true;
  hello_at = hello;
}

void SimulatedPeer::gone(SteadyTime again) {
  open = false;
  closed_by_router = false;
  session.reset();
  queue_.clear();
  unsent = 0;
  reconnect_at = again;
}

std::size_t SimulatedPeer::take(std::size_t bytes) {
  const std::size_t taken = std::min(bytes, unsent);
  unsent -= taken;
  for (std::size_t left = taken; left > 0;) {
    Waiting& front = queue_.front();
    const std::size_t part = std::min(left, front.bytes_left);
    front.bytes_left -= part;
    left -= part;
    if (front.bytes_left > 0) break;
    for (int i = 0; i < front.times && front.session; ++i) {
      if (const auto fault = front.session->hear(front.frame, front.via)) fail_(front.session.get(), *fault);
    }
    queue_.pop_front();
  }
  return taken;
}

}  // namespace clasp::simulation
