#include "peer.hpp"

#include <algorithm>

namespace clasp::simulation {

std::size_t SimulatedPeer::put(Bytes bytes, Via via) {
  if (!open) {
    owner_.complain(this, "rule 32: a frame was given after the close");
    return 0;
  }
  const std::uint64_t order = owner_.given(*this);
  const auto frames = faults_.pass(bytes, given.empty() ? nullptr : given.back().frame);
  if (frames.replaces_previous) given.back().frame = frames.out.front();
  const std::size_t first_new = frames.replaces_previous ? 1 : 0;
  for (std::size_t i = first_new; i < frames.out.size(); ++i) given.push_back({frames.out[i], order});
  if (frames.replaces_previous && !queue_.empty()) queue_.back().frame = frames.out.front();
  if (frames.out.size() == first_new) {
    queue_.push_back({.frame = nullptr, .bytes_left = bytes.size()});
  } else {
    for (std::size_t i = first_new; i < frames.out.size(); ++i) {
      const bool past = via == Via::reply && frames.out[i]->kind == model::Frame::Kind::set;
      queue_.push_back({.frame = frames.out[i], .past = past, .bytes_left = i == first_new ? bytes.size() : 0});
    }
  }
  unsent += bytes.size();
  return bytes.size();
}

void SimulatedPeer::read(bool on) {
  reading = on;
  owner_.reading(*this, on);
}

bool SimulatedPeer::ping() {
  pinged = true;
  return must_answer_pings;
}

void SimulatedPeer::close(const CloseReason& reason) {
  if (!open) owner_.complain(this, "closed twice");
  open = false;
  closed_because = reason.text;
  owner_.closing(*this);
}

void SimulatedPeer::opened(LinkId id) {
  link = id;
  open = reading = true;
  pinged = said_hello = false;
  view = {};
}

void SimulatedPeer::gone() {
  open = false;
  queue_.clear();
  given.clear();
  underway.clear();
  unsent = 0;
  allowance = 0;
}

std::size_t SimulatedPeer::take(std::size_t bytes) {
  const std::size_t taken = std::min(bytes, unsent);
  unsent -= taken;
  std::size_t left = taken;
  while (!queue_.empty()) {
    Waiting& front = queue_.front();
    const std::size_t part = std::min(left, front.bytes_left);
    front.bytes_left -= part;
    left -= part;
    if (front.bytes_left > 0) break;
    const Waiting heard = std::move(front);
    queue_.pop_front();
    if (!heard.frame) continue;
    if (const auto fault = view.hear(heard.frame, heard.past)) owner_.complain(this, *fault);
  }
  return taken;
}

}  // namespace clasp::simulation
