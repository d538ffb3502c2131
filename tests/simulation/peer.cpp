#include "peer.hpp"

#include <algorithm>

namespace clasp::simulation {

std::size_t SimulatedPeer::put(Bytes bytes, Via via) {
  if (!open) {
    owner_.complain(this, "rule 32: a frame was given after the close");
    return 0;
  }
  const std::uint64_t order = owner_.given(*this);
  const bool is_welcome = resumable && welcomed(bytes);
  const bool is_mark = bytes.size() > 4 && bytes[4] == std::byte{resume::mark_code};
  if (is_mark || (is_welcome && is_away)) {  // for the two ends only
    if (is_mark && !again_.empty()) again_.pop_front();
    queue_.push_back({.frame = nullptr, .bytes_left = bytes.size(), .counts = is_mark});
    unsent += bytes.size();
    return bytes.size();
  }
  const auto frames = faults_.pass(bytes, given.empty() ? nullptr : given.back().frame);
  if (!again_.empty()) {
    const Waiting lost = std::move(again_.front());
    again_.pop_front();
    if (!lost.frame || lost.frame->line != frames.out.front()->line || lost.frame->entries.size() != frames.out.front()->entries.size())
      owner_.complain(this, "rule 29: given again was " + frames.out.front()->line + ", lost was " + (lost.frame ? lost.frame->line : "a MARK"));
    queue_.push_back({.frame = lost.frame, .past = lost.past, .bytes_left = bytes.size(), .counts = true});
    unsent += bytes.size();
    return bytes.size();
  }
  if (frames.replaces_previous) given.back().frame = frames.out.front();
  const std::size_t first_new = frames.replaces_previous ? 1 : 0;
  for (std::size_t i = first_new; i < frames.out.size(); ++i) given.push_back({frames.out[i], order});
  if (frames.replaces_previous && !queue_.empty()) queue_.back().frame = frames.out.front();
  if (frames.out.size() == first_new) {
    queue_.push_back({.frame = nullptr, .bytes_left = bytes.size(), .counts = !is_welcome});
  } else {
    for (std::size_t i = first_new; i < frames.out.size(); ++i) {
      const bool past = via == Via::reply && frames.out[i]->kind == model::Frame::Kind::set;
      queue_.push_back({.frame = frames.out[i], .past = past, .bytes_left = i == first_new ? bytes.size() : 0, .counts = !is_welcome});
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
  pinged = said_hello = resumable = is_away = catching_up = false;
  received = 0;
  again_.clear();
  view = {};
}

void SimulatedPeer::gone() {
  open = false;
  queue_.clear();
  again_.clear();
  is_away = catching_up = resumable = false;
  given.clear();
  underway.clear();
  unsent = 0;
  allowance = 0;
}

bool SimulatedPeer::welcomed(Bytes bytes) {
  Decoder decoder;
  const auto frame = decode_frame(bytes);
  const auto message = frame ? decoder.decode(frame->payload) : Decoded<Message>(std::unexpected(frame.error()));
  const auto* welcome = message ? std::get_if<Welcome>(&message->body) : nullptr;
  if (welcome == nullptr) return false;
  offer.reset();
  session = welcome->session;
  for (const auto& [key, value] : welcome->block) {
    if (key == resume::key) offer = resume::read_offer(value);
  }
  return true;
}

void SimulatedPeer::away() {
  open = false;
  is_away = true;
  std::deque<Waiting> lost;
  for (Waiting& waiting : queue_) {
    if (waiting.counts) lost.push_back(std::move(waiting));
  }
  lost.insert(lost.end(), again_.begin(), again_.end());  // of those given again not even all had been
  again_ = std::move(lost);
  queue_.clear();
  unsent = 0;
  allowance = 0;
}

void SimulatedPeer::back(LinkId id) {
  link = id;
  open = reading = true;
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
    received += heard.counts ? 1 : 0;
    if (!heard.frame) continue;
    if (const auto fault = view.hear(heard.frame, heard.past)) owner_.complain(this, *fault);
  }
  return taken;
}

}  // namespace clasp::simulation
