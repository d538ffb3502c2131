// A session with a manual clock and a router played by the test: messages go in and out as one-line texts.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "client/client_session.hpp"

namespace clasp::client::testing {

// "SET /a 1 rev=2", "GET /a qos=1": what a frame says, for transcripts.
inline std::string describe_message(const Message& message, Qos qos) {
  const auto value = [](const std::optional<ValueView>& view) { return view ? " " + to_json(to_value(*view)) : std::string(); };
  std::string text(find_message_info(type_of(message))->name);
  if (const auto* hello = std::get_if<Hello>(&message.body)) {
    text += fmt::format(" {} features={:02x} token={}", hello->name, hello->features, hello->token);
    for (const auto& [key, entry] : hello->block) text += fmt::format(" {}={}", key, to_json(to_value(entry)));
  } else if (const auto* set = std::get_if<Set>(&message.body)) {
    text += fmt::format(" {}{}", set->address, value(set->value));
    if (set->revision) text += fmt::format(" rev={}", *set->revision);
    if (set->lock) text += " lock";
    if (set->unlock) text += " unlock";
    if (set->ttl) text += fmt::format(" ttl={}", set->ttl->to_wire());
    if (qos == Qos::fire) text += " fire";
  } else if (const auto* publish = std::get_if<Publish>(&message.body)) {
    text += fmt::format(" {} {}{}", signal_name(publish->signal.value_or(SignalType::event)), publish->address, value(publish->value));
  } else if (const auto* get = std::get_if<Get>(&message.body)) {
    text += fmt::format(" {}{}", get->address, qos == Qos::confirm ? " confirm" : "");
  } else if (const auto* subscribe = std::get_if<Subscribe>(&message.body)) {
    text += fmt::format(" {} {}", subscribe->id, subscribe->pattern);
    if (subscribe->types != TypeMask::all()) text += fmt::format(" types={:02x}", subscribe->types.bits);
    if (subscribe->options && subscribe->options->max_rate) text += fmt::format(" max_rate={}", *subscribe->options->max_rate);
    if (subscribe->options && subscribe->options->epsilon) text += fmt::format(" epsilon={}", *subscribe->options->epsilon);
  } else if (const auto* unsubscribe = std::get_if<Unsubscribe>(&message.body)) {
    text += fmt::format(" {}", unsubscribe->id);
  } else if (const auto* bundle = std::get_if<Bundle>(&message.body)) {
    if (bundle->timestamp) text += fmt::format(" at={}", bundle->timestamp->us);
    for (const Message& member : bundle->messages) text += " [" + describe_message(member, Qos::confirm) + "]";
  } else if (const auto* announce = std::get_if<Announce>(&message.body)) {
    text += fmt::format(" {}", announce->ns);
    for (const SignalDefinition& signal : announce->signals) text += fmt::format(" {}", signal.address);
  } else if (const auto* query = std::get_if<Query>(&message.body)) {
    text += fmt::format(" {}", query->pattern);
  }
  return text;
}

class Transcript final : public SessionListener {
 public:
  void connected() override { lines.emplace_back("connected"); }
  void resumed(bool yes, std::string_view why) override { lines.push_back(yes ? "resumed" : fmt::format("not resumed: {}", why)); }
  void disconnected(std::string_view reason) override { lines.push_back(fmt::format("disconnected: {}", reason)); }
  void reconnecting(std::uint32_t attempt) override { lines.push_back(fmt::format("reconnecting {}", attempt)); }
  void gave_up(const Error& error) override { lines.push_back(fmt::format("gave up: {} {}", static_cast<int>(error.code), error.message)); }
  void arrived(const Item& item) override {
    std::string line = fmt::format("{}{} {}", item.is_set ? "SET" : signal_name(item.signal), item.snapshot ? "*" : "", item.address);
    if (item.value) line += " " + to_json(to_value(*item.value));
    if (item.revision != 0) line += fmt::format(" rev={}", item.revision);
    line += " -> ";
    for (const std::uint32_t id : item.subscriptions) line += fmt::format("{}{}", line.ends_with(' ') ? "" : ",", id);
    lines.push_back(line);
  }
  void answered(Ticket ticket, const Answer& answer) override {
    std::string line = fmt::format("#{} ok", static_cast<std::uint64_t>(ticket));
    if (!answer.address.empty()) line += fmt::format(" {}", answer.address);
    if (answer.value) line += " " + to_json(to_value(*answer.value));
    if (answer.revision != 0) line += fmt::format(" rev={}", answer.revision);
    if (answer.stale) line += " stale";
    if (answer.round_trip.count() != 0) line += fmt::format(" {}us", answer.round_trip.count());
    for (const SignalDefinition& signal : answer.signals) line += fmt::format(" {}", signal.address);
    lines.push_back(line);
  }
  void failed(Ticket ticket, const Error& error) override {
    lines.push_back(fmt::format("#{} failed {} {}", static_cast<std::uint64_t>(ticket), static_cast<int>(error.code), error.address));
  }
  void reported(const Error& error) override { lines.push_back(fmt::format("error {} {}", static_cast<int>(error.code), error.address)); }

  std::vector<std::string> lines;
};

class SessionTest : public ::testing::Test {
 protected:
  SessionConfig config() const {
    SessionConfig config;
    config.name = "desk";
    config.clock_sync = false;  // its own tests turn it on
    config.backoff.jitter = 0;
    config.resume = false;  // the same
    return config;
  }
  void start(SessionConfig config) {
    session_.emplace(std::move(config), heard_, 7);
    session_->begin(now());
    session_->link_opened(now());
  }
  void connect(SessionConfig config) {
    start(std::move(config));
    welcome();
    sent();
    told();
  }
  void connect() { connect(config()); }
  void welcome(std::string_view session = "s1", std::uint64_t time = 0) {
    router_says({Welcome{.features = feature::all_signals, .time = {time}, .session = session, .name = "stage", .token = {}, .block = {}}});
  }

  Now now() const { return {.steady = {clock_us_}, .unix_time = {1'000'000'000 + static_cast<std::uint64_t>(clock_us_)}, .received = unix_now()}; }
  UnixTime unix_now() const { return {1'000'000'000 + static_cast<std::uint64_t>(clock_us_)}; }
  SteadyTime in(Micros time) const { return now().steady + time; }
  void pass(Micros time) {
    clock_us_ += time.count();
    session_->advance(now());
  }

  void router_says(const Message& message) {
    ByteBuffer frame;
    ASSERT_TRUE(append_frame(frame, message));
    session_->receive(frame.view(), now());
  }
  void router_sets(std::string_view address, const Value& value, std::uint64_t revision) {
    const EncodedValue encoded(value);
    router_says({Set{.address = address, .value = encoded.view(), .revision = revision, .ttl = {}}});
  }
  void router_shows(std::string_view address, const Value& value, std::uint64_t revision) {
    const EncodedValue encoded(value);
    router_says({Snapshot{{{.address = address, .value = encoded.view(), .revision = revision, .writer = "w", .timestamp = {}}}}});
  }
  void router_acks(std::optional<std::string_view> address, std::optional<std::uint64_t> revision) {
    router_says({Ack{.address = address, .revision = revision, .locked = {}, .holder = {}, .correlation_id = {}}});
  }
  void router_refuses(std::uint16_t code, std::optional<std::string_view> address) {
    router_says({ErrorReply{.code = code, .message = "no", .address = address, .correlation_id = {}}});
  }

  Result<void> set(std::string_view address, const Value& value) {
    const EncodedValue encoded(value);
    return session_->set({.address = address, .value = encoded.view(), .revision = {}, .ttl = {}}, now());
  }
  Result<void> set_confirmed(std::string_view address, const Value& value, std::uint64_t ticket) {
    const EncodedValue encoded(value);
    return session_->set_confirmed({.address = address, .value = encoded.view(), .revision = {}, .ttl = {}}, Ticket{ticket}, in(Micros{5'000'000}),
                                   now());
  }
  Result<void> emit(std::string_view address, const Value& value) {
    const EncodedValue encoded(value);
    return session_->publish(
        {.address = address, .signal = SignalType::event, .value = encoded.view(), .samples = {}, .timestamp = {}, .id = {}, .rate = {}}, now());
  }
  Result<void> bundle(const std::vector<std::string>& set_addresses, std::optional<UnixTime> at, std::uint64_t ticket) {
    const EncodedValue one(Value(1));
    std::vector<Message> messages;
    for (const std::string& address : set_addresses) messages.push_back({Set{.address = address, .value = one.view(), .revision = {}, .ttl = {}}});
    return session_->bundle(messages, at, Ticket{ticket}, in(Micros{5'000'000}), now());
  }
  Result<void> get(std::string_view address, std::uint64_t ticket, Micros age_max = Micros{0}, bool fresh = false) {
    return session_->get(address, age_max, fresh, Ticket{ticket}, in(Micros{5'000'000}), now());
  }
  std::uint32_t subscribe(std::string_view pattern, TypeMask types = TypeMask::all(), const SubscribeOptions& options = {}) {
    auto id = session_->subscribe(pattern, types, options, now());
    EXPECT_TRUE(id.has_value());
    return id ? *id : 0;
  }

  // What the session has sent and told since the last look.
  std::vector<std::string> sent() {
    ByteBuffer out;
    session_->take_output(out);
    session_->sent(out.size());
    std::vector<std::string> lines;
    for (Bytes rest = out.view(); !rest.empty();) {
      const Decoded<Frame> frame = decode_frame(rest);
      if (!frame) {
        lines.emplace_back("garbage");
        break;
      }
      Decoder decoder;
      const Decoded<Message> message = decoder.decode(frame->payload);
      lines.push_back(message ? describe_message(*message, frame->header.qos) : "garbage");
      rest = rest.subspan(frame->header.frame_bytes());
    }
    return lines;
  }
  std::vector<std::string> told() { return std::exchange(heard_.lines, {}); }
  ClientSession& session() { return *session_; }

 private:
  std::int64_t clock_us_ = 50'000'000;
  Transcript heard_;
  std::optional<ClientSession> session_;
};

}  // namespace clasp::client::testing
