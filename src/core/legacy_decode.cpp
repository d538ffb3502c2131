// The legacy MessagePack encoding inwards (wire format, section 7): one function per message, its row of the section's table.
#include <array>

#include "clasp/timeline.hpp"
#include "core/legacy_reader.hpp"
#include "core/limits.hpp"

namespace clasp {
namespace {

using legacy::Field;
using legacy::Fields;
using In = legacy::LegacyReader;

// One byte of MessagePack becomes at most nine of canonical bytes: a small integer gains a tag and eight bytes. What a timeline's map adds
// (keys, a default easing) is less than nine times the keys it is made from.
constexpr std::size_t growth_max = 9;

// Containers around a keyframe's value in the map a timeline becomes: the map, the array of keyframes, the keyframe.
constexpr std::size_t keyframe_value_depth = 3;

void decode_message(In& in, std::size_t at, MessageBody& body, std::size_t bundle_depth);

template <typename Enum>
Enum named(In& in, std::size_t at, std::optional<Enum> (*find)(std::string_view)) {
  const std::optional<Enum> found = find(in.text(at));
  if (!found) in.fail(at);
  return found.value_or(Enum{});
}

SignalType read_signal_type(In& in, std::size_t at) { return named<SignalType>(in, at, find_signal_type); }

std::vector<std::string_view> read_texts(In& in, std::size_t at) {
  std::vector<std::string_view> texts;
  in.for_each_item(at, [&](std::size_t item_at) { texts.push_back(in.text(item_at)); });
  return texts;
}

TypeMask read_types(In& in, const Fields& from) {
  std::uint8_t bits = 0;
  in.optional(from, Field::types, [&](std::size_t at) {
    in.for_each_item(at, [&](std::size_t item_at) { bits |= TypeMask::of(read_signal_type(in, item_at)).bits; });
    return true;
  });
  return TypeMask::from_wire(bits);
}

std::vector<std::string_view> read_features(In& in, const Fields& from, std::uint8_t& bits) {
  auto names = in.optional(from, Field::features, [&](std::size_t at) { return read_texts(in, at); }).value_or(std::vector<std::string_view>{});
  for (const std::string_view name : names) bits |= legacy::feature_bit(name);
  return names;
}

void check_capabilities(In& in, std::size_t at) {  // nobody implements them: read for their form only
  const Fields from = in.fields(at);
  in.optional(from, Field::encryption, &In::boolean);
  in.optional(from, Field::compression, &In::text);
}

void decode(In& in, const Fields& from, Hello& hello) {
  hello.version = in.required(from, Field::version, &In::u8);
  hello.name = in.required(from, Field::name, &In::text);
  hello.legacy_features = read_features(in, from, hello.features);
  hello.token = in.optional(from, Field::token, &In::text).value_or(std::string_view{});
  in.optional(from, Field::capabilities, [&](std::size_t at) {
    check_capabilities(in, at);
    return true;
  });
}

void decode(In& in, const Fields& from, Welcome& welcome) {
  welcome.version = in.required(from, Field::version, &In::u8);
  welcome.session = in.required(from, Field::session, &In::text);
  welcome.name = in.required(from, Field::name, &In::text);
  welcome.time = in.required(from, Field::time, &In::time);
  welcome.token = in.optional(from, Field::token, &In::text).value_or(std::string_view{});
  read_features(in, from, welcome.features);
  welcome.features &= feature::all_signals;
}

SignalMeta read_meta(In& in, std::size_t at) {
  const Fields from = in.fields(at);
  SignalMeta meta;
  meta.unit = in.optional(from, Field::unit, &In::text);
  meta.range = in.optional(from, Field::range, [&](std::size_t range_at) {
    std::array<double, 2> ends{};
    std::size_t count = 0;
    in.for_each_item(range_at, [&](std::size_t end_at) {
      if (count == ends.size()) return in.fail(range_at);
      ends[count++] = in.f64(end_at);
    });
    if (count != ends.size()) in.fail(range_at);
    return std::pair{ends[0], ends[1]};
  });
  meta.default_value = in.optional(from, Field::default_value, &In::value);
  meta.description = in.optional(from, Field::description, &In::text);
  return meta;
}

std::vector<SignalDefinition> read_signals(In& in, std::size_t at) {
  std::vector<SignalDefinition> signals;
  in.for_each_item(at, [&](std::size_t signal_at) {
    const Fields from = in.fields(signal_at);
    SignalDefinition& signal = signals.emplace_back();
    signal.address = in.required(from, Field::address, &In::text);
    signal.type = in.required(from, Field::type, [&](std::size_t type_at) { return read_signal_type(in, type_at); });
    signal.datatype = in.optional(from, Field::datatype, &In::text);
    signal.access = in.optional(from, Field::access, &In::text);
    signal.meta = in.optional(from, Field::meta, [&](std::size_t meta_at) { return read_meta(in, meta_at); });
  });
  return signals;
}

void decode(In& in, const Fields& from, Announce& announce) {
  announce.ns = in.required(from, Field::ns, &In::text);
  if (auto signals = in.optional(from, Field::signals, [&](std::size_t at) { return read_signals(in, at); })) announce.signals = std::move(*signals);
  announce.meta = in.optional(from, Field::meta, &In::map_value);
}

void decode(In& in, const Fields& from, QueryResult& result) {
  result.signals = in.required(from, Field::signals, [&](std::size_t at) { return read_signals(in, at); });
  for (SignalDefinition& signal : result.signals) signal.meta.reset();  // RESULT never carries it (section 6.15)
}

FederationOp read_op(In& in, std::size_t at) {
  const auto row = std::ranges::find(legacy::federation_op_names, in.text(at), &legacy::FederationOpName::name);
  if (row != legacy::federation_op_names.end()) return row->op;
  in.fail(at);
  return FederationOp::declare_namespaces;
}

void decode(In& in, const Fields& from, FederationSync& sync) {
  sync.op = in.required(from, Field::op, [&](std::size_t at) { return read_op(in, at); });
  if (auto patterns = in.optional(from, Field::patterns, [&](std::size_t at) { return read_texts(in, at); })) sync.patterns = std::move(*patterns);
  in.optional(from, Field::revisions, [&](std::size_t at) {
    in.for_each_entry(at, [&](std::size_t key_at, std::size_t value_at) { sync.revisions.emplace_back(in.text(key_at), in.u64(value_at)); });
    return true;
  });
  sync.since_revision = in.optional(from, Field::since_revision, &In::u64);
  sync.origin = in.optional(from, Field::origin, &In::text);
}

SubscribeOptions read_options(In& in, std::size_t at) {
  const Fields from = in.fields(at);
  SubscribeOptions options;
  options.max_rate = in.optional(from, Field::max_rate, &In::u32);
  options.epsilon = in.optional(from, Field::epsilon, &In::f64);
  options.history = in.optional(from, Field::history, &In::u32);
  options.window = in.optional(from, Field::window, &In::u32);
  return options;
}

void decode(In& in, const Fields& from, Subscribe& subscribe) {
  subscribe.id = in.required(from, Field::id, &In::u32);
  subscribe.pattern = in.required(from, Field::pattern, &In::text);
  subscribe.types = read_types(in, from);
  subscribe.options = in.optional(from, Field::options, [&](std::size_t at) { return read_options(in, at); });
}

void decode(In& in, const Fields& from, Unsubscribe& unsubscribe) { unsubscribe.id = in.required(from, Field::id, &In::u32); }

void put_keyframe(In& in, std::size_t at) {
  const Fields from = in.fields(at);
  const std::uint64_t time = in.required(from, Field::time, &In::u64);
  const std::size_t value_at = in.required(from, Field::value, [](std::size_t place) { return place; });
  const std::string_view easing = in.optional(from, Field::easing, &In::text).value_or("linear");
  if (!find_easing(easing)) in.fail(at);
  if (in.failed()) return;

  const bool has_bezier = in.optional(from, Field::bezier, [](std::size_t) { return true; }).has_value();
  in.put_head(ValueTag::map, has_bezier ? 4 : 3);
  in.put_key("time");
  in.put_unsigned(time);
  in.put_key("value");
  in.put_value(value_at, keyframe_value_depth);
  in.put_key("easing");
  in.put_string(easing);
  in.optional(from, Field::bezier, [&](std::size_t bezier_at) {
    constexpr std::size_t coordinates = 4;
    if (in.item(bezier_at).count != coordinates) in.fail(bezier_at);
    in.put_key("bezier");
    in.put_head(ValueTag::array, coordinates);
    in.for_each_item(bezier_at, [&](std::size_t number_at) { in.put_float(in.f64(number_at)); });
    return true;
  });
}

// A timeline has no place of its own in the compact encoding: it becomes the map of section 22.4 in the value slot.
ValueView read_timeline(In& in, const Fields& from) {
  const std::size_t keyframes_at = in.required(from, Field::keyframes, [](std::size_t place) { return place; });
  const std::optional<bool> loop = in.optional(from, Field::loop, &In::boolean);
  const std::optional<bool> loop_ = in.optional(from, Field::loop_, &In::boolean);
  std::optional<std::uint64_t> start_time = in.optional(from, Field::start_time, &In::u64);
  if (!start_time) start_time = in.optional(from, Field::start_time_js, &In::u64);
  const std::optional<std::uint64_t> duration = in.optional(from, Field::duration, &In::u64);
  if (in.failed()) return {};

  const std::size_t start = in.mark();
  in.put_head(ValueTag::map, 2U + (start_time ? 1U : 0U) + (duration ? 1U : 0U));
  in.put_key("keyframes");
  in.put_head(ValueTag::array, in.item(keyframes_at).count);
  in.for_each_item(keyframes_at, [&](std::size_t at) { put_keyframe(in, at); });
  in.put_key("loop");
  in.put_bool(loop_.value_or(loop.value_or(false)));
  if (start_time) {
    in.put_key("start_time");
    in.put_unsigned(*start_time);
  }
  if (duration) {
    in.put_key("duration");
    in.put_unsigned(*duration);
  }
  return in.value_since(start);
}

void decode(In& in, const Fields& from, Publish& publish) {
  publish.address = in.required(from, Field::address, &In::text);
  publish.signal = in.optional(from, Field::signal, [&](std::size_t at) { return read_signal_type(in, at); });
  publish.phase =
      in.optional(from, Field::phase, [&](std::size_t at) { return named<GesturePhase>(in, at, find_phase); }).value_or(GesturePhase::start);
  publish.timestamp = in.optional(from, Field::timestamp, &In::time);
  publish.id = in.optional(from, Field::id, &In::u32);
  publish.rate = in.optional(from, Field::rate, &In::u32);

  publish.value = in.optional(from, Field::value, &In::value);
  if (!publish.value) publish.value = in.optional(from, Field::payload, &In::value);
  if (!publish.value) publish.value = in.optional(from, Field::timeline, [&](std::size_t at) { return read_timeline(in, in.fields(at)); });
  if (!publish.value) publish.value = in.optional(from, Field::keyframes, [&](std::size_t) { return read_timeline(in, from); });
  if (!publish.value) publish.samples = in.optional(from, Field::samples, &In::put_samples);
}

Ttl read_ttl(In& in, std::size_t at) {
  if (in.item(at).kind != MsgpackKind::map) {
    if (in.text(at) != legacy::ttl_never_name) in.fail(at);
    return {};
  }
  Ttl ttl;
  if (in.item(at).count != 1) in.fail(at);
  in.for_each_entry(at, [&](std::size_t mode_at, std::size_t seconds_at) {
    const auto row = std::ranges::find(legacy::ttl_mode_names, in.text(mode_at), &legacy::TtlModeName::name);
    if (row == legacy::ttl_mode_names.end()) return in.fail(mode_at);
    ttl = {.mode = row->mode, .seconds = in.u32(seconds_at)};
  });
  return Ttl::from_wire(ttl.to_wire());  // as it would have come in the compact form
}

void decode(In& in, const Fields& from, Set& set) {
  set.address = in.required(from, Field::address, &In::text);
  set.value = in.required(from, Field::value, &In::value);
  set.revision = in.optional(from, Field::revision, &In::u64);
  set.lock = in.optional(from, Field::lock, &In::boolean).value_or(false);
  set.unlock = in.optional(from, Field::unlock, &In::boolean).value_or(false);
  set.ttl = in.optional(from, Field::ttl, [&](std::size_t at) { return read_ttl(in, at); });
}

void decode(In& in, const Fields& from, Get& get) { get.address = in.required(from, Field::address, &In::text); }

void decode(In& in, const Fields& from, Snapshot& snapshot) {
  in.required(from, Field::params, [&](std::size_t params_at) {
    in.for_each_item(params_at, [&](std::size_t at) {
      const Fields entry = in.fields(at);
      SnapshotParam& param = snapshot.params.emplace_back();
      param.address = in.required(entry, Field::address, &In::text);
      param.value = in.required(entry, Field::value, &In::value);
      param.revision = in.required(entry, Field::revision, &In::u64);
      param.writer = in.optional(entry, Field::writer, &In::text);
      param.timestamp = in.optional(entry, Field::timestamp, &In::time);
    });
    return true;
  });
}

void decode(In& in, const Fields& from, Replay& replay) {
  replay.pattern = in.required(from, Field::pattern, &In::text);
  replay.from = in.optional(from, Field::from, &In::time);
  replay.to = in.optional(from, Field::to, &In::time);
  replay.limit = in.optional(from, Field::limit, &In::u32);
  replay.types = read_types(in, from);
}

void decode_bundle(In& in, const Fields& from, Bundle& bundle, std::size_t bundle_depth) {
  if (bundle_depth > wire::bundle_depth_max) return in.fail(from.map_at, DecodeFault::nesting_too_deep);
  bundle.timestamp = in.optional(from, Field::timestamp, &In::time);
  in.required(from, Field::messages, [&](std::size_t messages_at) {
    in.for_each_item(messages_at, [&](std::size_t at) { decode_message(in, at, bundle.messages.emplace_back().body, bundle_depth); });
    return true;
  });
}

void decode(In& in, const Fields& from, Sync& sync) {
  sync.t1 = in.required(from, Field::t1, &In::u64);
  sync.t2 = in.optional(from, Field::t2, &In::u64);
  sync.t3 = in.optional(from, Field::t3, &In::u64);
}

void decode(In&, const Fields&, Ping&) {}
void decode(In&, const Fields&, Pong&) {}

void decode(In& in, const Fields& from, Ack& ack) {
  ack.address = in.optional(from, Field::address, &In::text);
  ack.revision = in.optional(from, Field::revision, &In::u64);
  ack.locked = in.optional(from, Field::locked, &In::boolean);
  ack.holder = in.optional(from, Field::holder, &In::text);
  ack.correlation_id = in.optional(from, Field::correlation_id, &In::u32);
}

void decode(In& in, const Fields& from, ErrorReply& error) {
  error.code = in.required(from, Field::code, &In::u16);
  error.message = in.required(from, Field::message, &In::text);
  error.address = in.optional(from, Field::address, &In::text);
  error.correlation_id = in.optional(from, Field::correlation_id, &In::u32);
}

void decode(In& in, const Fields& from, Query& query) { query.pattern = in.required(from, Field::pattern, &In::text); }

using BodyDecoder = void (*)(In&, const Fields&, MessageBody&, std::size_t bundle_depth);

template <typename T>
void decode_as(In& in, const Fields& from, MessageBody& body, std::size_t) {
  decode(in, from, body.emplace<T>());
}
void decode_as_bundle(In& in, const Fields& from, MessageBody& body, std::size_t bundle_depth) {
  decode_bundle(in, from, body.emplace<Bundle>(), bundle_depth + 1);
}

constexpr std::array<BodyDecoder, messages.size()> decoders{
    // in the order of `messages`
    decode_as<Hello>,      decode_as<Welcome>,     decode_as<Announce>,   decode_as<FederationSync>,
    decode_as<Subscribe>,  decode_as<Unsubscribe>, decode_as<Publish>,    decode_as<Set>,
    decode_as<Get>,        decode_as<Snapshot>,    decode_as<Replay>,     decode_as_bundle,
    decode_as<Sync>,       decode_as<Ping>,        decode_as<Pong>,       decode_as<Ack>,
    decode_as<ErrorReply>, decode_as<Query>,       decode_as<QueryResult>};

// A name, or a position in the reference's list, or a message code from 0x20 on (section 7, recommended). nullptr: failed.
const MessageInfo* read_message_type(In& in, std::size_t at) {
  const MsgpackItem type = in.item(at);
  const MessageInfo* found = nullptr;
  if (type.kind == MsgpackKind::positive) {
    if (type.integer < legacy::type_positions.size())
      found = find_message_info(legacy::type_positions[type.integer]);
    else if (type.integer >= legacy::message_code_min && type.integer <= 0xff)
      found = find_message_info(static_cast<MessageType>(type.integer));
  } else {
    const auto row = std::ranges::find(messages, in.text(at), &MessageInfo::name);
    if (row != messages.end()) found = &*row;
  }
  if (found == nullptr) in.fail(at);
  return found;
}

void decode_message(In& in, std::size_t at, MessageBody& body, std::size_t bundle_depth) {
  const Fields from = in.fields(at);
  const MessageInfo* info = in.required(from, Field::type, [&](std::size_t type_at) { return read_message_type(in, type_at); });
  if (info == nullptr) return;
  decoders[static_cast<std::size_t>(info - messages.data())](in, from, body, bundle_depth);
}

}  // namespace

bool decode_legacy(Bytes payload, ByteBuffer& scratch_buffer, Message& message, DecodeError& error) {
  Scratch scratch(scratch_buffer, payload.size(), growth_max);
  In in(payload, scratch);
  decode_message(in, 0, message.body, 0);
  if (!in.failed()) return true;
  error = in.error();
  return false;
}

}  // namespace clasp
