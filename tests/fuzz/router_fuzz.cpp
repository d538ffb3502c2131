// The whole router fed by a script: sessions that come and go, are lost and claimed again, write, subscribe, stall and send rubbish, while time
// passes.
//
// Input: first the router's limits, then operations, a byte each with what they need behind it. Beside not falling over, three promises of the
// delivery contract are checked: no session sees a revision of a param fall (rule 7), what waits for a slow link stays within its bounds, and when
// all have left nothing of them is left.
#include <fuzzer/FuzzedDataProvider.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/check.hpp"
#include "core/codec.hpp"
#include "core/resume.hpp"
#include "router/router.hpp"

namespace clasp::router {
namespace {

constexpr std::array addresses{"/a", "/a/b", "/a/b/c", "/lights/1", "/lights/2", "/b"};
constexpr std::array patterns{"/**", "/a/**", "/a/*", "/lights/1", "/lights/*", "/**/c", "/a/b*", "/b"};
constexpr std::size_t peers_max = 4;
constexpr std::size_t operations_max = 400;
constexpr std::int64_t long_enough_us = 3'600'000'000;

class FuzzRandom final : public Random {
 public:
  std::uint64_t next() override { return state_ = state_ * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U; }

 private:
  std::uint64_t state_ = 7;
};

// One peer's end of a link: decodes what it is given and remembers the newest revision of each param.
class Peer final : public Sink {
 public:
  std::size_t deliver(const Delivery& delivery) override { return take(delivery.frame(), true); }
  std::size_t reply(const Reply& reply) override { return take(reply.frame, false); }
  void read(bool on) override { reading = on; }
  void close(const CloseReason&) override { closed = true; }

  void start(LinkId id) {
    link = id;
    open = true;
    closed = stalled = false;
    reading = true;
    unsent = 0;
    revisions_.clear();
  }

  // What it would claim its session with: as many frames as it was given, whether they have arrived or not.
  const std::optional<resume::Claim>& claim() const { return claim_; }
  void claims(const resume::Claim& claim) { claim_ = claim; }

  LinkId link{};
  bool open = false;
  bool closed = false;  // the router has ended it; the link is still to be reported as gone
  bool stalled = false;
  bool reading = true;
  std::size_t unsent = 0;

 private:
  // `live`: what happens now. Among the replies history tells what was.
  std::size_t take(Bytes bytes, bool live) {
    CLASP_CHECK(open && !closed);
    const auto frame = decode_frame(bytes);
    CLASP_CHECK(frame.has_value());
    if (claim_) ++claim_->frames;
    unsent += bytes.size();
    if (resume::find_mark(frame->payload)) return bytes.size();
    const auto message = decoder_.decode(frame->payload);
    CLASP_CHECK(message.has_value());
    if (const auto* set = std::get_if<Set>(&message->body); set != nullptr && live) saw(set->address, set->revision.value_or(0));
    if (const auto* snapshot = std::get_if<Snapshot>(&message->body)) {
      for (const SnapshotParam& param : snapshot->params) saw(param.address, param.revision);
    }
    if (const auto* welcome = std::get_if<Welcome>(&message->body)) welcomed(*welcome);
    return bytes.size();
  }
  void welcomed(const Welcome& welcome) {
    const std::uint64_t frames = claim_ ? claim_->frames - 1 : 0;  // WELCOME does not count
    claim_.reset();
    for (const auto& [key, value] : welcome.block) {
      if (key != resume::key) continue;
      const auto offer = resume::read_offer(value);
      CLASP_CHECK(offer.has_value());
      claim_ = {.session = std::string(welcome.session), .secret = offer->secret, .epoch = offer->epoch, .frames = offer->resumed ? frames : 0};
    }
  }
  void saw(std::string_view address, std::uint64_t revision) {
    std::uint64_t& newest = revisions_[std::string(address)];
    CLASP_CHECK(revision >= newest);
    newest = revision;
  }

  Decoder decoder_;
  std::optional<resume::Claim> claim_;
  std::map<std::string, std::uint64_t> revisions_;
};

class Script {
 public:
  explicit Script(FuzzedDataProvider& input) : in_(input), config_(limits()), router_(config_, {.random = &random_, .log = {}}, now()) {}

  void run() {
    for (std::size_t i = 0; i < operations_max && in_.remaining_bytes() > 0; ++i) {
      step();
      drain();
      CLASP_CHECK(router_.gauges().outbox_bytes <= config_.outboxes_bytes_max + waiting_frame_bytes_max * peers_max);
    }
    for (Peer& peer : peers_) leave(peer);
    pass_seconds(5);
    for (int i = 0; i < 2; ++i) {  // the first hour brings bundles of those who left, the second ends the gestures in them
      us_ += long_enough_us;
      turn();
    }
    const Gauges left = router_.gauges();
    CLASP_CHECK(left.links == 0 && left.sessions == 0);
    CLASP_CHECK(left.sessions_detached == 0);
    CLASP_CHECK(left.subscriptions == 0);
    CLASP_CHECK(left.gestures == 0);
    CLASP_CHECK(left.outbox_bytes == 0 && left.sessions_congested == 0);
    CLASP_CHECK(left.bundles_waiting == 0);
    CLASP_CHECK(left.snapshots_running == 0);
  }

 private:
  static constexpr std::size_t waiting_frame_bytes_max = 70'000;  // the one that crosses a limit

  Config limits() {
    Config config;
    config.window_bytes = in_.ConsumeIntegralInRange<std::size_t>(1, 4'096);
    config.window_bytes_congested = in_.ConsumeIntegralInRange<std::size_t>(1, config.window_bytes);
    config.congested_bytes = in_.ConsumeIntegralInRange<std::size_t>(1, 8'192);
    config.undroppable_bytes_max = in_.ConsumeIntegralInRange<std::size_t>(1'024, 65'536);
    config.subscriptions_per_session_max = in_.ConsumeIntegralInRange<std::size_t>(1, 8);
    config.params_max = in_.ConsumeIntegralInRange<std::size_t>(1, 6);
    config.eviction = static_cast<EvictionPolicy>(in_.ConsumeIntegralInRange<int>(0, 2));
    config.messages_per_second_max = in_.ConsumeBool() ? 0 : 20;
    config.commit_log_bytes_max = 16'384;
    config.resume_window = std::chrono::milliseconds{in_.ConsumeIntegralInRange<int>(0, 3'000)};
    config.detached_sessions_max = in_.ConsumeIntegralInRange<std::size_t>(0, 3);
    return config;
  }

  Now now() const { return {SteadyTime{us_}, UnixTime{static_cast<std::uint64_t>(us_)}, UnixTime{static_cast<std::uint64_t>(us_)}}; }
  Peer& some_peer() { return peers_[in_.ConsumeIntegralInRange<std::size_t>(0, peers_max - 1)]; }
  const char* some_address() { return addresses[in_.ConsumeIntegralInRange<std::size_t>(0, addresses.size() - 1)]; }
  const char* some_pattern() { return patterns[in_.ConsumeIntegralInRange<std::size_t>(0, patterns.size() - 1)]; }
  Qos some_qos() { return static_cast<Qos>(in_.ConsumeIntegralInRange<int>(0, 2)); }

  EncodedValue some_value() {
    switch (in_.ConsumeIntegralInRange<int>(0, 4)) {
      case 0: return EncodedValue(Value(in_.ConsumeIntegral<std::int64_t>()));
      case 1: return EncodedValue(Value(in_.ConsumeFloatingPoint<double>()));
      case 2: return EncodedValue(Value(std::string(in_.ConsumeIntegralInRange<std::size_t>(0, 2'000), 'x')));
      case 3: return EncodedValue(Value(Array{Value(1), Value("two"), Value(true)}));
      default: return EncodedValue(Value());
    }
  }

  void send(Peer& peer, const Message& message, Qos qos) {
    if (!peer.open || peer.closed || !peer.reading) return;
    ByteBuffer frame;
    if (append_frame(frame, message, qos)) router_.receive(peer.link, frame.view(), now());
  }

  void step() {
    Peer& peer = some_peer();
    switch (in_.ConsumeIntegralInRange<int>(0, 19)) {
      case 0: join(peer); break;
      case 1: leave(peer); break;
      case 2: peer.stalled = !peer.stalled; break;
      case 3: us_ += in_.ConsumeIntegralInRange<std::int64_t>(0, 40'000'000); break;
      case 4: subscribe(peer); break;
      case 5: send(peer, Message{Unsubscribe{.id = in_.ConsumeIntegralInRange<std::uint32_t>(0, 9)}}, some_qos()); break;
      case 6:
      case 7:
      case 8: set(peer); break;
      case 9: publish(peer); break;
      case 10: send(peer, Message{Get{.address = some_address()}}, some_qos()); break;
      case 11: bundle(peer); break;
      case 12: send(peer, Message{Query{.pattern = some_pattern()}}, some_qos()); break;
      case 13: rubbish(peer); break;
      case 14: announce(peer); break;
      case 15: send(peer, Message{Hello{.version = 1, .features = in_.ConsumeIntegral<std::uint8_t>(), .name = "again"}}, Qos::fire); break;
      case 16: join(peer, {}); break;
      case 17: come_back(peer, some_peer()); break;
      case 18: mark(peer); break;
      case 19: pass_seconds(in_.ConsumeIntegralInRange<int>(1, 4)); break;
    }
    turn();
  }

  void join(Peer& peer) {
    if (peer.open) return;
    peer.start(router_.open_link(peer, now()));
    send(peer, Message{Hello{.version = 1, .features = feature::all_signals, .name = "peer"}}, Qos::fire);
  }
  void join(Peer& peer, const resume::Request& request) {
    if (peer.open) return;
    peer.start(router_.open_link(peer, now()));
    const EncodedValue wish(resume::to_value(request));
    send(peer,
         Message{Hello{.version = 1, .features = feature::all_signals | feature::extended, .name = "peer", .block = {{resume::key, wish.view()}}}},
         Qos::fire);
  }
  // `of`: whose session it claims; its own, which it may have lost, or somebody else's, whose link may be there still.
  void come_back(Peer& peer, const Peer& of) {
    if (peer.open || !of.claim()) return;
    resume::Request request{.malformed = false, .claim = of.claim()};
    if (in_.ConsumeBool()) request.claim->frames -= in_.ConsumeIntegralInRange<std::uint64_t>(0, 40);  // below none as well
    if (in_.ConsumeProbability<float>() > 0.9F) request.claim->secret[3] ^= std::byte{1};
    if (in_.ConsumeProbability<float>() > 0.9F) ++request.claim->epoch;
    peer.claims(*request.claim);
    join(peer, request);
  }
  void mark(Peer& peer) {
    if (!peer.open || peer.closed || !peer.reading) return;
    const std::uint64_t frames = peer.claim() ? peer.claim()->frames : 0;
    ByteBuffer out;
    resume::append_mark(out, {.frames = frames - in_.ConsumeIntegralInRange<std::uint64_t>(0, 9), .leaving = in_.ConsumeProbability<float>() > 0.8F});
    router_.receive(peer.link, out.view(), now());
  }
  void leave(Peer& peer) {
    if (!peer.open) return;
    peer.open = false;
    router_.closed(peer.link, now());
  }
  void subscribe(Peer& peer) {
    SubscribeOptions options;
    if (in_.ConsumeBool()) options.max_rate = in_.ConsumeIntegralInRange<std::uint32_t>(1, 100);
    if (in_.ConsumeBool()) options.epsilon = in_.ConsumeFloatingPointInRange<double>(0, 1);
    if (in_.ConsumeBool()) options.history = in_.ConsumeIntegralInRange<std::uint32_t>(0, 20);
    send(peer,
         Message{Subscribe{.id = in_.ConsumeIntegralInRange<std::uint32_t>(0, 9),
                           .pattern = some_pattern(),
                           .types = TypeMask{in_.ConsumeIntegral<std::uint8_t>()},
                           .options = options}},
         some_qos());
  }
  Set some_set(const EncodedValue& value) {
    Set set{.address = some_address(), .value = value.view()};
    if (in_.ConsumeBool()) set.revision = in_.ConsumeIntegralInRange<std::uint64_t>(0, 4);
    if (in_.ConsumeBool())
      set.ttl = Ttl{static_cast<Ttl::Mode>(in_.ConsumeIntegralInRange<int>(0, 2)), in_.ConsumeIntegralInRange<std::uint32_t>(0, 30)};
    set.lock = in_.ConsumeProbability<float>() > 0.8F;
    set.unlock = in_.ConsumeProbability<float>() > 0.8F;
    return set;
  }
  Publish some_publish(const EncodedValue& value) {
    Publish publish{.address = some_address(), .signal = static_cast<SignalType>(in_.ConsumeIntegralInRange<int>(0, 4))};
    publish.phase = static_cast<GesturePhase>(in_.ConsumeIntegralInRange<int>(0, 3));
    publish.value = value.view();
    publish.id = in_.ConsumeIntegralInRange<std::uint32_t>(0, 2);
    return publish;
  }
  void set(Peer& peer) {
    const EncodedValue value = some_value();
    send(peer, Message{some_set(value)}, some_qos());
  }
  void publish(Peer& peer) {
    const EncodedValue value = some_value();
    send(peer, Message{some_publish(value)}, some_qos());
  }
  void bundle(Peer& peer) {
    std::vector<EncodedValue> values;
    const auto members = in_.ConsumeIntegralInRange<std::size_t>(0, 4);
    for (std::size_t i = 0; i < members; ++i) values.push_back(some_value());
    Bundle bundle;
    for (const EncodedValue& value : values) bundle.messages.push_back(in_.ConsumeBool() ? Message{some_set(value)} : Message{some_publish(value)});
    if (in_.ConsumeBool()) bundle.timestamp = UnixTime{static_cast<std::uint64_t>(us_) + in_.ConsumeIntegralInRange<std::uint64_t>(0, 5'000'000)};
    send(peer, Message{bundle}, some_qos());
  }
  void announce(Peer& peer) {
    SignalDefinition definition;
    definition.address = some_address();
    send(peer, Message{Announce{.ns = "/a", .signals = {definition}}}, some_qos());
  }
  void rubbish(Peer& peer) {
    if (!peer.open || peer.closed || !peer.reading) return;
    const std::string bytes = in_.ConsumeRandomLengthString(64);
    router_.receive(peer.link, as_bytes(bytes), now());
  }

  // One after the other: a leap is time in which the process did not run, which ends nobody's absence.
  void pass_seconds(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      us_ += 1'000'000;
      turn();
    }
  }
  void turn() {
    router_.advance(now());
    for (int i = 0; i < 8 && router_.end_turn(now()); ++i) {
    }
  }
  // Links that are not stalled get rid of everything; those the router has closed are reported as gone.
  void drain() {
    for (Peer& peer : peers_) {
      for (int i = 0; i < 64 && peer.open && !peer.closed && !peer.stalled && peer.unsent > 0; ++i)
        router_.sent(peer.link, std::exchange(peer.unsent, 0), now());
      if (peer.open && peer.closed) leave(peer);
    }
  }

  FuzzedDataProvider& in_;
  Config config_;
  FuzzRandom random_;
  std::int64_t us_ = 1'000'000'000;
  std::array<Peer, peers_max> peers_;
  Router router_;
};

}  // namespace
}  // namespace clasp::router

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  clasp::router::Script script(input);
  script.run();
  return 0;
}
