#include "bench/session.hpp"

#include <fmt/format.h>

#include <variant>

#include "bench/brokers.hpp"
#include "core/check.hpp"
#include "core/codec.hpp"

namespace clasp::bench {

namespace {

double us_since(Clock::time_point begin) { return std::chrono::duration<double, std::micro>(Clock::now() - begin).count(); }

// Calls `on_message` with each message of a frame; what cannot be decoded is told in `problem`.
template <typename F>
Peer::OnFrame decoding(Decoder& decoder, std::string& problem, F on_message) {
  return [&decoder, &problem, on_message](Bytes bytes) {
    const auto frame = decode_frame(bytes);
    if (!frame) return void(problem = "a frame that is none");
    const auto message = decoder.decode(frame->payload);
    if (!message) return void(problem = "a message that is none");
    if (const auto* error = std::get_if<ErrorReply>(&message->body)) problem = fmt::format("ERROR {} {}", error->code, error->message);
    on_message(*message);
  };
}

Result<void> put_message(Peer& peer, const Message& message) {
  ByteBuffer frame;
  CLASP_CHECK(append_frame(frame, message));
  peer.put(frame.view());
  return peer.flush();
}

Result<void> said(const std::string& problem) {
  if (problem.empty()) return {};
  return bench_error(problem);
}

}  // namespace

Result<Session> open_session(const Target& target, Interest interest) {
  const auto begin = Clock::now();
  auto peer = Peer::connect(target, interest);
  if (!peer) return peer.error();
  Session session{.peer = std::move(*peer), .greeting = {}};
  if (target.protocol == Protocol::relay) return session;
  if (!speaks_clasp(target.protocol)) {
    if (auto done = broker_greet(target.protocol, *session.peer, interest); !done) return done.error();
    session.greeting.total_us = us_since(begin);
    return session;
  }

  const auto greeted = Clock::now();
  Hello hello;
  hello.features = feature::all_signals;
  hello.name = "clasp-bench";
  if (auto sent = put_message(*session.peer, {hello}); !sent) return sent.error();
  Decoder decoder;
  std::string problem;
  Greeting& at = session.greeting;
  const auto listen = decoding(decoder, problem, [&](const Message& message) {
    if (std::holds_alternative<Welcome>(message.body)) at.welcome_us = us_since(greeted);
    if (std::holds_alternative<Snapshot>(message.body) && at.snapshot_us == 0) at.snapshot_us = us_since(greeted), at.total_us = us_since(begin);
  });
  if (auto read = session.peer->read_until(listen, [&] { return at.snapshot_us != 0 || !problem.empty(); }); !read) return read.error();
  if (auto fine = said(problem); !fine) return fine.error();
  return session;
}

Result<void> subscribe(const Target& target, Peer& peer, std::string_view pattern) {
  if (target.protocol == Protocol::relay) return {};  // registered when it connected
  if (!speaks_clasp(target.protocol)) return broker_subscribe(target.protocol, peer, pattern);
  if (auto sent = put_message(peer, {Subscribe{.id = 1, .pattern = pattern, .types = TypeMask::all(), .options = {}}}); !sent) return sent;
  return settle(target, peer);
}

Result<void> settle(const Target& target, Peer& peer) {
  if (target.protocol == Protocol::relay) return {};
  if (auto sent = put_message(peer, {Ping{}}); !sent) return sent;
  Decoder decoder;
  std::string problem;
  bool answered = false;
  const auto listen = decoding(decoder, problem, [&](const Message& message) { answered |= std::holds_alternative<Pong>(message.body); });
  if (auto read = peer.read_until(listen, [&] { return answered || !problem.empty(); }); !read) return read;
  return said(problem);
}

Counting::Counting(Protocol protocol, std::string_view address, std::size_t value_bytes, Saying saying) {
  if (!speaks_clasp(protocol) && protocol != Protocol::relay) {
    append_broker_publish(message_, protocol, address, value_bytes);
    value_at_ = message_.size() - value_bytes - broker_publish_tail_bytes(protocol);
    return;
  }
  const EncodedValue mark(value_bytes == value_bytes_min ? Value(std::int64_t{0x5aa5'c33c'9669'f00f}) : Value(Blob(value_bytes, std::byte{0xa5})));
  if (saying == Saying::set) {
    CLASP_CHECK(append_frame(message_, Set{.address = address, .value = mark.view(), .revision = {}, .ttl = {}}, Qos::fire));
  } else {
    CLASP_CHECK(append_frame(message_, Publish{.address = address, .signal = SignalType::event, .value = mark.view()}, Qos::fire));
  }
  const std::string_view value = as_text(mark.view().data);  // found by its content, so that nothing here knows the layout of a message
  value_at_ = as_text(message_.view()).rfind(value) + value.size() - value_bytes;
}

Bytes Counting::next() {
  store_be(message_.data() + value_at_, ++count_);
  return message_.view();
}

Hearing::Hearing(Protocol protocol, std::string_view address, std::size_t value_bytes)
    : address_(address), value_bytes_(value_bytes), clasp_(speaks_clasp(protocol)) {
  if (!speaks_clasp(protocol) && protocol != Protocol::relay) frame_bytes_ = value_bytes;  // of other brokers only the payload is handed on
}

void Hearing::learn(Bytes bytes) {
  Decoder decoder;
  const auto frame = decode_frame(bytes);
  const auto message = frame ? decoder.decode(frame->payload) : Decoded<Message>(std::unexpected(frame.error()));
  if (!message) return;
  const Set* set = std::get_if<Set>(&message->body);
  const Publish* publish = std::get_if<Publish>(&message->body);
  if (set == nullptr && (publish == nullptr || !publish->value)) return;  // a SNAPSHOT, a PONG
  if ((set != nullptr ? set->address : publish->address) != address_) return;
  const ValueView value = set != nullptr ? set->value : *publish->value;
  if (value.data.size() < value_bytes_) return;
  frame_bytes_ = bytes.size();
  value_at_ = static_cast<std::size_t>(value.data.data() + value.data.size() - value_bytes_ - bytes.data());
  if (set == nullptr || !set->revision) return;
  revision_at_ = value_at_ + value_bytes_;  // the field behind the value
  revision_base_ = *set->revision - load_be<std::uint64_t>(bytes.data() + value_at_);
}

// The rest of the SNAPSHOT that followed WELCOME, or ERROR 503, which tells a session that it has missed something: `missing_` shows that.
bool Hearing::is_other_message(Bytes bytes) const {
  if (!clasp_) return false;
  Decoder decoder;
  const auto frame = decode_frame(bytes);
  const auto message = frame ? decoder.decode(frame->payload) : Decoded<Message>(std::unexpected(frame.error()));
  if (message && std::holds_alternative<Snapshot>(message->body)) return true;
  const ErrorReply* error = message ? std::get_if<ErrorReply>(&message->body) : nullptr;
  return error != nullptr && error->code == static_cast<std::uint16_t>(ErrorCode::overloaded);
}

void Hearing::frame(Bytes bytes) {
  if (frame_bytes_ == 0) learn(bytes);
  if (frame_bytes_ == 0) return;
  if (bytes.size() != frame_bytes_) {
    if (!is_other_message(bytes)) ++wrong_;
    return;
  }
  const std::uint64_t number = load_be<std::uint64_t>(bytes.data() + value_at_);
  if (number <= count_) {
    ++wrong_;
  } else {
    missing_ += number - count_ - 1;
  }
  if (revision_at_ != 0 && load_be<std::uint64_t>(bytes.data() + revision_at_) != revision_base_ + number) ++wrong_;
  count_ = number;
  ++messages_;
}

}  // namespace clasp::bench
