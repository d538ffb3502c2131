// The 19 messages of the protocol as plain structs of views (wire format, sections 5 and 6).
//
// Strings, values and byte runs point into the buffer the message was decoded from, or into whatever the caller built it from; nothing here
// owns text. Values are always canonical (see value_view.hpp). An absent optional is absent on the wire; an empty `token`, `writer`, … means
// absent where the layout cannot tell the two apart.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "clasp/error.hpp"
#include "core/bytes.hpp"
#include "core/time.hpp"
#include "core/value_view.hpp"

namespace clasp {

enum class MessageType : std::uint8_t {
  hello = 0x01,
  welcome = 0x02,
  announce = 0x03,
  federation_sync = 0x04,
  subscribe = 0x10,
  unsubscribe = 0x11,
  publish = 0x20,
  set = 0x21,
  get = 0x22,
  snapshot = 0x23,
  replay = 0x24,
  bundle = 0x30,
  sync = 0x40,
  ping = 0x41,
  pong = 0x42,
  ack = 0x50,
  error = 0x51,
  query = 0x60,
  result = 0x61,
};

enum class Qos : std::uint8_t { fire = 0, confirm = 1, commit = 2 };
enum class SignalType : std::uint8_t { param = 0, event = 1, stream = 2, gesture = 3, timeline = 4 };
inline constexpr std::size_t signal_type_count = 5;
enum class GesturePhase : std::uint8_t { start = 0, move = 1, end = 2, cancel = 3 };

// Set of signal types as SUBSCRIBE carries it. Both 0x00 and 0xff on the wire mean all (section 6.5 [quirk]).
struct TypeMask {
  std::uint8_t bits = 0x1f;
  constexpr bool has(SignalType type) const { return (bits >> static_cast<unsigned>(type)) & 1U; }
  static constexpr TypeMask all() { return {0x1f}; }
  static constexpr TypeMask of(SignalType type) { return {static_cast<std::uint8_t>(1U << static_cast<unsigned>(type))}; }
  static constexpr TypeMask from_wire(std::uint8_t byte) { return (byte & 0x1f) == 0 ? all() : TypeMask{static_cast<std::uint8_t>(byte & 0x1f)}; }
  bool operator==(const TypeMask&) const = default;
};

// Feature bits of HELLO and WELCOME. `extended` is ours: "a block of key/value pairs follows the token" (docs/decisions/hello-block.md).
namespace feature {
inline constexpr std::uint8_t param = 0x80, event = 0x40, stream = 0x20, gesture = 0x10, timeline = 0x08, federation = 0x04, extended = 0x01;
inline constexpr std::uint8_t all_signals = param | event | stream | gesture | timeline;
}  // namespace feature

// Lifetime of a param. `absolute` counts from the last write, `sliding` from the last access. 0x80000000 on the wire means never (section 22.8).
struct Ttl {
  enum class Mode : std::uint8_t { never, sliding, absolute };
  Mode mode = Mode::never;
  std::uint32_t seconds = 0;
  bool operator==(const Ttl&) const = default;
  std::uint32_t to_wire() const;
  static Ttl from_wire(std::uint32_t word);
};

using BlockEntry = std::pair<std::string_view, ValueView>;

struct Hello {
  std::uint8_t version = 1;
  std::uint8_t features = 0;
  std::string_view name;
  std::string_view token;
  std::vector<BlockEntry> block;               // only with feature::extended
  std::vector<std::string_view> legacy_features;  // names as written, MessagePack form only
};
struct Welcome {
  std::uint8_t version = 1;
  std::uint8_t features = 0;
  UnixTime time;
  std::string_view session;
  std::string_view name;
  std::string_view token;
  std::vector<BlockEntry> block;
};
struct SignalMeta {
  std::optional<std::string_view> unit;
  std::optional<std::pair<double, double>> range;
  std::optional<ValueView> default_value;
  std::optional<std::string_view> description;
};
struct SignalDefinition {
  std::string_view address;
  SignalType type = SignalType::event;
  std::optional<std::string_view> datatype;
  std::optional<std::string_view> access;
  std::optional<SignalMeta> meta;  // never in RESULT (section 6.15)
};
struct Announce {
  std::string_view ns;
  std::vector<SignalDefinition> signals;
  std::optional<ValueView> meta;  // MessagePack form only; a map
};
enum class FederationOp : std::uint8_t { declare_namespaces = 1, request_sync = 2, revision_vector = 3, sync_complete = 4 };
struct FederationSync {
  FederationOp op = FederationOp::declare_namespaces;
  std::vector<std::string_view> patterns;
  std::vector<std::pair<std::string_view, std::uint64_t>> revisions;
  std::optional<std::uint64_t> since_revision;
  std::optional<std::string_view> origin;
};
struct SubscribeOptions {
  std::optional<std::uint32_t> max_rate;  // Hz
  std::optional<double> epsilon;
  std::optional<std::uint32_t> history;  // number of past values
  std::optional<std::uint32_t> window;   // ms
  bool operator==(const SubscribeOptions&) const = default;
  bool empty() const { return !max_rate && !epsilon && !history && !window; }
};
struct Subscribe {
  std::uint32_t id = 0;
  std::string_view pattern;
  TypeMask types;
  std::optional<SubscribeOptions> options;  // present if the option byte was not 0
  bool snapshot = true;                     // in process only, on the wire there always is one
};
struct Unsubscribe {
  std::uint32_t id = 0;
};
struct Publish {
  std::string_view address;
  std::optional<SignalType> signal;  // absent only in the MessagePack form; goes out as event
  GesturePhase phase = GesturePhase::start;
  std::optional<ValueView> value;  // value, else payload, else the timeline map (section 22.4)
  std::optional<Bytes> samples;    // n × f64 big-endian; only if there is no value
  std::optional<UnixTime> timestamp;
  std::optional<std::uint32_t> id;
  std::optional<std::uint32_t> rate;
};
struct Set {
  std::string_view address;
  ValueView value;
  std::optional<std::uint64_t> revision;
  std::optional<Ttl> ttl;
  bool lock = false;
  bool unlock = false;
};
struct Get {
  std::string_view address;
};
struct SnapshotParam {
  std::string_view address;
  ValueView value;
  std::uint64_t revision = 0;
  std::optional<std::string_view> writer;
  std::optional<UnixTime> timestamp;
};
struct Snapshot {
  std::vector<SnapshotParam> params;
};
struct Replay {
  std::string_view pattern;
  std::optional<UnixTime> from;
  std::optional<UnixTime> to;
  std::optional<std::uint32_t> limit;
  TypeMask types;
};
struct Sync {
  std::uint64_t t1 = 0;
  std::optional<std::uint64_t> t2;
  std::optional<std::uint64_t> t3;
};
struct Ping {};
struct Pong {};
struct Ack {
  std::optional<std::string_view> address;
  std::optional<std::uint64_t> revision;
  std::optional<bool> locked;
  std::optional<std::string_view> holder;
  std::optional<std::uint32_t> correlation_id;
};
struct ErrorReply {
  std::uint16_t code = 0;  // any number may arrive; see ErrorCode for those we know
  std::string_view message;
  std::optional<std::string_view> address;
  std::optional<std::uint32_t> correlation_id;
};
struct Query {
  std::string_view pattern;
};
struct QueryResult {
  std::vector<SignalDefinition> signals;
};
struct Message;
struct Bundle {
  std::optional<UnixTime> timestamp;  // requested execution time
  std::vector<Message> messages;
};

using MessageBody = std::variant<Set, Publish, Get, Ping, Pong, Ack, Hello, Welcome, Announce, FederationSync, Subscribe, Unsubscribe, Snapshot, Replay,
                                 Sync, ErrorReply, Query, QueryResult, Bundle>;
struct Message {
  MessageBody body;
};

// One row per message, in the order of the specification's catalogue (section 5). `legacy_index` is the position the MessagePack form may use.
struct MessageInfo {
  MessageType type;
  std::string_view name;    // as in the legacy "type" field, e.g. "SET"
  std::string_view metric;  // label of clasp_messages_total
  Qos qos;                  // default QoS in our frames (PUBLISH: of an event)
};
inline constexpr std::array<MessageInfo, 19> messages{{
    {MessageType::hello, "HELLO", "hello", Qos::fire},
    {MessageType::welcome, "WELCOME", "welcome", Qos::fire},
    {MessageType::announce, "ANNOUNCE", "announce", Qos::fire},
    {MessageType::federation_sync, "FEDERATION_SYNC", "federation_sync", Qos::confirm},
    {MessageType::subscribe, "SUBSCRIBE", "subscribe", Qos::confirm},
    {MessageType::unsubscribe, "UNSUBSCRIBE", "unsubscribe", Qos::confirm},
    {MessageType::publish, "PUBLISH", "publish", Qos::confirm},
    {MessageType::set, "SET", "set", Qos::confirm},
    {MessageType::get, "GET", "get", Qos::fire},
    {MessageType::snapshot, "SNAPSHOT", "snapshot", Qos::fire},
    {MessageType::replay, "REPLAY", "replay", Qos::confirm},
    {MessageType::bundle, "BUNDLE", "bundle", Qos::commit},
    {MessageType::sync, "SYNC", "sync", Qos::fire},
    {MessageType::ping, "PING", "ping", Qos::fire},
    {MessageType::pong, "PONG", "pong", Qos::fire},
    {MessageType::ack, "ACK", "ack", Qos::fire},
    {MessageType::error, "ERROR", "error", Qos::fire},
    {MessageType::query, "QUERY", "query", Qos::fire},
    {MessageType::result, "RESULT", "result", Qos::fire},
}};

MessageType type_of(const Message& message);
const MessageInfo* find_message_info(MessageType type);  // nullptr for numbers that are no message
std::string_view signal_name(SignalType type);           // "param", "event", …
std::optional<SignalType> find_signal_type(std::string_view name);
std::string_view phase_name(GesturePhase phase);
std::optional<GesturePhase> find_phase(std::string_view name);

// QoS our frames carry for this message (section 1: streams and gestures fire, timelines commit, …).
Qos default_qos(const Message& message);
Qos default_qos(SignalType type);

}  // namespace clasp
