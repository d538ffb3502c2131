// A router without sockets for tests that read like the specification: peers that speak frames, a clock that moves only when told, links that
// take everything at once unless they are stalled.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/codec.hpp"
#include "router/router.hpp"

namespace clasp::router {

using namespace std::chrono_literals;

std::string describe_frame(Bytes frame);          // "SET /lights/1/dim 0.5 rev=1"
std::string describe_value(const ValueView& value);  // JSON

class CountingRandom final : public Random {
 public:
  explicit CountingRandom(std::uint64_t seed = 1) : state_(seed) {}
  std::uint64_t next() override {
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

// Keeps what it is given. A stalled link reports nothing as sent until it is drained.
class FakeSink final : public Sink {
 public:
  std::size_t deliver(const Delivery& delivery) override { return take(delivery.frame()); }
  std::size_t reply(const Reply& reply) override { return take(reply.frame); }
  void read(bool on) override { reading = on; }
  bool ping() override {
    ++pings;
    return answers_pings_expected;
  }
  void close(const CloseReason& reason) override {
    EXPECT_FALSE(closed) << "closed twice";
    closed = true;
    close_code = reason.code;
    close_text = reason.text;
  }

  std::deque<std::vector<std::byte>> frames;
  std::size_t unsent = 0;
  std::size_t received_bytes = 0;
  bool stalled = false;
  bool reading = true;
  bool closed = false;
  bool answers_pings_expected = true;
  int pings = 0;
  CloseCode close_code = CloseCode::normal;
  std::string close_text;

 private:
  std::size_t take(Bytes frame) {
    EXPECT_FALSE(closed) << "delivered after close: " << describe_frame(frame);
    frames.emplace_back(frame.begin(), frame.end());
    unsent += frame.size();
    received_bytes += frame.size();
    return frame.size();
  }
};

class World;

// One CLASP peer. Every verb sends one frame and lets all links that are not stalled drain.
class Peer {
 public:
  Peer(World& world, std::string name);

  void hello(std::string_view token = "", std::uint8_t features = feature::all_signals);
  void send(const Message& message, Qos qos);
  void send_raw(Bytes frame);
  void set(std::string_view address, const Value& value, Qos qos = Qos::confirm);
  void set(const Set& set, Qos qos = Qos::confirm);
  void publish(std::string_view address, const Value& value, SignalType signal = SignalType::event);
  void gesture(std::string_view address, std::uint32_t id, GesturePhase phase, const Value& value);
  void subscribe(std::string_view pattern, SubscribeOptions options = {}, TypeMask types = TypeMask::all());  // ids 1, 2, 3 …
  void unsubscribe(std::uint32_t id);
  void get(std::string_view address, Qos qos = Qos::fire);
  void bundle(std::vector<Message> messages, std::optional<UnixTime> at = {}, Qos qos = Qos::commit);
  void leave();  // the link is gone

  void stall();
  void resume();                    // everything drains from here on
  void drain(std::size_t bytes);    // while stalled: the link gets rid of so much

  std::vector<std::string> received();         // since the last call, in words
  std::size_t frames_waiting() const { return sink.frames.size(); }
  void forget() { sink.frames.clear(); }
  std::string session_id() const { return session_id_; }

  FakeSink sink;
  LinkId link{};

 private:
  friend class World;
  World& world_;
  std::string name_;
  std::string session_id_;
  std::uint32_t next_id_ = 1;
};

class World {
 public:
  explicit World(Config config = {}, Hooks hooks = {});

  Peer& peer(std::string name);      // a link that has said nothing yet
  Peer& connect(std::string name);   // … that has been welcomed, its WELCOME and SNAPSHOT forgotten
  void advance(Micros time);         // in steps of at most 1 ms, running what is due
  void stand_still(Micros time);     // the process is stopped meanwhile: nothing runs until the time is over
  void turn();                       // ends a turn, drains, repeats until nothing is left to do
  void drain_links();

  Now now() const { return {SteadyTime{steady_}, UnixTime{unix_}, UnixTime{unix_}}; }
  std::uint64_t unix_us() const { return unix_; }
  void step_wall_clock(std::int64_t us) { unix_ = static_cast<std::uint64_t>(static_cast<std::int64_t>(unix_) + us); }

  CountingRandom random;
  std::vector<std::string> log_lines;
  std::unique_ptr<Router> router;
  std::deque<std::unique_ptr<Peer>> peers;

 private:
  std::int64_t steady_ = 1'000'000;
  std::uint64_t unix_ = 1'700'000'000'000'000;
};

class RouterTest : public ::testing::Test {
 protected:
  Peer& connect(std::string name) { return world().connect(std::move(name)); }
  Peer& peer(std::string name) { return world().peer(std::move(name)); }
  void advance(Micros time) { world().advance(time); }
  Router& router() { return *world().router; }
  // Call first in a test that needs other settings.
  void configure(Config config, Hooks hooks = {}) { world_ = std::make_unique<World>(std::move(config), std::move(hooks)); }
  World& world() {
    if (!world_) world_ = std::make_unique<World>();
    return *world_;
  }

 private:
  std::unique_ptr<World> world_;
};

}  // namespace clasp::router
