// A client that can be resumed, for tests: it counts what it hears, keeps what it has said, and its link may break behind any frame.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/resume.hpp"
#include "router/router_fixture.hpp"

namespace clasp::router {

class Traveller {
 public:
  Traveller(World& world, std::string name) : world_(world), name_(std::move(name)) {}

  // ---- links ----
  void connect() { say_hello({}); }  // for the first time
  // On a new link, with what it knows of its session. True: it was resumed, and everything it has said since is said again.
  bool come_back() { return come_back(claim()); }
  bool come_back(const resume::Claim& claim) {
    say_hello({.malformed = false, .claim = claim});
    if (!offer_ || !offer_->resumed) {
      said_.clear();
      return false;
    }
    while (!peer_->sink.reading && !peer_->sink.closed) world_.turn();
    std::vector<std::vector<std::byte>> again(said_.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(offer_->frames, said_.size())),
                                              said_.end());
    for (const auto& frame : again) deliver(frame);
    return true;
  }
  // The link breaks: of what it was given, `arrive` frames arrive, the rest is lost.
  void lose(std::size_t arrive = 0) {
    fall_silent(arrive);
    world_.router->closed(peer_->link, world_.now());
    world_.turn();
  }
  // The same, but the router does not notice.
  void fall_silent(std::size_t arrive = 0) {
    listen(arrive);
    peer_->sink.frames.clear();
    peer_->stall();
    silent_ = true;
  }
  void leave() {
    ByteBuffer frame;
    resume::append_mark(frame, {.frames = heard_frames_, .leaving = true});
    say_frame(frame.view());
    lose();
  }

  // ---- saying. What is said while there is no link is said when there is one again ----
  void say(const Message& message, Qos qos) {
    ByteBuffer frame;
    EXPECT_TRUE(append_frame(frame, message, qos));
    say_frame(frame.view());
  }
  void set(std::string_view address, const Value& value, Qos qos = Qos::confirm, bool lock = false) {
    const EncodedValue encoded(value);
    say(Message{Set{.address = address, .value = encoded.view(), .lock = lock}}, qos);
  }
  void publish(std::string_view address, const Value& value, SignalType signal = SignalType::event) {
    const EncodedValue encoded(value);
    say(Message{Publish{.address = address, .signal = signal, .value = encoded.view()}}, Qos::fire);
  }
  void subscribe(std::string_view pattern, SubscribeOptions options = {}, TypeMask types = TypeMask::all()) {
    Subscribe subscribe{.id = ++last_id_, .pattern = pattern, .types = types};
    if (!options.empty()) subscribe.options = options;
    say(Message{subscribe}, Qos::confirm);
  }
  void unsubscribe(std::uint32_t id) { say(Message{Unsubscribe{id}}, Qos::confirm); }
  void mark() {
    ByteBuffer frame;
    resume::append_mark(frame, {.frames = heard_frames_});
    say_frame(frame.view());
  }

  // ---- hearing ----
  void listen(std::size_t frames = ~std::size_t{0}) {
    for (; frames > 0 && !silent_ && !peer_->sink.frames.empty(); --frames) {
      lines_.push_back(describe_frame(peer_->sink.frames.front()));
      peer_->sink.frames.pop_front();
      ++heard_frames_;
      // MARKs are for the two ends, not for whoever listens.
      if (lines_.back().starts_with("??")) lines_.pop_back();
    }
  }
  std::size_t given() const { return silent_ ? 0 : peer_->sink.frames.size(); }
  std::vector<std::string> heard() {  // since the last call
    listen();
    return std::exchange(lines_, {});
  }

  resume::Claim claim() const { return {.session = session_, .secret = offer_->secret, .epoch = offer_->epoch, .frames = heard_frames_}; }
  const std::optional<resume::Offer>& offer() const { return offer_; }
  const std::string& session() const { return session_; }
  Peer& peer() { return *peer_; }
  bool away() const { return silent_; }

 private:
  void say_hello(const resume::Request& request) {
    peer_ = &world_.peer(name_);
    silent_ = false;
    const EncodedValue wish(resume::to_value(request));
    peer_->send(
        Message{Hello{.version = 1, .features = feature::all_signals | feature::extended, .name = name_, .block = {{resume::key, wish.view()}}}},
        Qos::fire);
    ASSERT_FALSE(peer_->sink.frames.empty());
    Decoder decoder;
    const auto frame = decode_frame(peer_->sink.frames.front());
    const auto message = decoder.decode(frame->payload);
    const auto* welcome = std::get_if<Welcome>(&message->body);
    ASSERT_NE(welcome, nullptr) << describe_frame(peer_->sink.frames.front());
    session_ = welcome->session;
    offer_.reset();
    for (const auto& [key, value] : welcome->block) {
      if (key == resume::key) offer_ = resume::read_offer(value);
    }
    peer_->sink.frames.pop_front();
    if (!offer_ || !offer_->resumed) heard_frames_ = 0;
  }
  void say_frame(Bytes frame) {
    said_.emplace_back(frame.begin(), frame.end());
    if (!silent_) deliver(frame);
  }
  void deliver(Bytes frame) { peer_->send_raw(frame); }

  World& world_;
  std::string name_;
  Peer* peer_ = nullptr;
  bool silent_ = false;
  std::string session_;
  std::optional<resume::Offer> offer_;
  std::uint64_t heard_frames_ = 0;
  std::vector<std::vector<std::byte>> said_;
  std::uint32_t last_id_ = 0;
  std::vector<std::string> lines_;
};

}  // namespace clasp::router
