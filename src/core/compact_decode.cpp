// The compact encoding inwards: one function per message, each the layout of wire format, section 6, read from top to bottom.
#include <algorithm>
#include <array>

#include "core/codec.hpp"
#include "core/compact_reader.hpp"

namespace clasp {
namespace {

// Every byte of a canonical value comes from at most one byte of payload that grew eightfold (an i8 without its tag, in SET).
constexpr std::size_t widening_max = 8;

// Smallest encodings, which bound how many elements a count may promise.
constexpr std::size_t text_bytes_min = 2;
constexpr std::size_t block_entry_bytes_min = 2 + 1;
constexpr std::size_t signal_bytes_min = 2 + 1 + 1;
constexpr std::size_t revision_bytes_min = 2 + 8;
constexpr std::size_t snapshot_entry_bytes_min = 2 + 1 + 8 + 1;
constexpr std::size_t bundle_entry_bytes_min = 2;

// Beyond this many elements a vector grows with what has been read, not with what was promised: an element takes up to 50 times the memory
// of its smallest encoding.
constexpr std::size_t reserve_max = 1024;
constexpr std::size_t bundle_reserve_max = 64;

void decode_message(CompactReader& in, MessageBody& body, std::size_t bundle_depth);

template <typename Read>
auto present(bool flag, Read read) -> std::optional<decltype(read())> {
  if (!flag) return std::nullopt;
  return read();
}

// 0x01 of the features: a block of key/value pairs follows the token. Reserved in the reference, so the bit alone means nothing.
std::vector<BlockEntry> read_block(CompactReader& in, std::uint8_t features) {
  std::vector<BlockEntry> block;
  if ((features & feature::extended) == 0 || in.left() == 0) return block;
  const std::size_t count = in.count(block_entry_bytes_min);
  block.reserve(std::min(count, reserve_max));
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    const std::string_view key = in.text();
    block.emplace_back(key, in.tagged_value());
  }
  return block;
}

// Embedded routers leave the last field out (section 6.2): a missing trailing token is no token.
std::string_view read_trailing_token(CompactReader& in) { return in.left() == 0 ? std::string_view{} : in.text(); }

std::uint8_t kept_features(std::uint8_t wire_bits, std::uint8_t known, bool has_block) {
  return static_cast<std::uint8_t>((wire_bits & known) | (has_block ? feature::extended : 0));
}

void decode(CompactReader& in, Hello& hello) {
  hello.version = in.u8();
  const std::uint8_t features = in.u8();
  hello.name = in.text();
  hello.token = read_trailing_token(in);
  hello.block = read_block(in, features);
  hello.features = kept_features(features, feature::all_signals | feature::federation, !hello.block.empty());
}

void decode(CompactReader& in, Welcome& welcome) {
  welcome.version = in.u8();
  const std::uint8_t features = in.u8();
  welcome.time = in.time();
  welcome.session = in.text();
  welcome.name = in.text();
  welcome.token = read_trailing_token(in);
  welcome.block = read_block(in, features);
  welcome.features = kept_features(features, feature::all_signals, !welcome.block.empty());
}

SignalType signal_of(unsigned code) { return code < signal_type_count ? static_cast<SignalType>(code) : SignalType::event; }

SignalMeta read_meta(CompactReader& in) {
  SignalMeta meta;
  const unsigned flags = in.u8();
  meta.unit = present(flags & 0x01U, [&] { return in.text(); });
  meta.range = present(flags & 0x02U, [&] {
    const double low = in.f64();
    return std::pair{low, in.f64()};
  });
  meta.default_value = present(flags & 0x04U, [&] { return in.tagged_value(); });
  meta.description = present(flags & 0x08U, [&] { return in.text(); });
  return meta;
}

enum class WithMeta : bool { no, yes };  // RESULT never carries meta, whatever its bit says (section 6.15)

std::vector<SignalDefinition> read_signals(CompactReader& in, WithMeta with_meta) {
  std::vector<SignalDefinition> signals;
  const std::size_t count = in.count(signal_bytes_min);
  signals.reserve(std::min(count, reserve_max));
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    SignalDefinition& signal = signals.emplace_back();
    signal.address = in.text();
    signal.type = signal_of(in.u8());
    const unsigned flags = in.u8();
    signal.datatype = present(flags & 0x01U, [&] { return in.text(); });
    signal.access = present(flags & 0x02U, [&] { return in.text(); });
    signal.meta = present((flags & 0x04U) && with_meta == WithMeta::yes, [&] { return read_meta(in); });
  }
  return signals;
}

void decode(CompactReader& in, Announce& announce) {
  announce.ns = in.text();
  announce.signals = read_signals(in, WithMeta::yes);
}

void decode(CompactReader& in, QueryResult& result) { result.signals = read_signals(in, WithMeta::no); }

void decode(CompactReader& in, FederationSync& sync) {
  const std::uint8_t op = in.u8();
  if (!in.failed() && (op < 1 || op > 4)) {
    in.step_back(1);
    in.fail(DecodeFault::unknown_federation_op);
    return;
  }
  sync.op = static_cast<FederationOp>(op);
  const std::size_t patterns = in.count(text_bytes_min);
  sync.patterns.reserve(std::min(patterns, reserve_max));
  for (std::size_t i = 0; i < patterns && !in.failed(); ++i) sync.patterns.push_back(in.text());
  const std::size_t revisions = in.count(revision_bytes_min);
  sync.revisions.reserve(std::min(revisions, reserve_max));
  for (std::size_t i = 0; i < revisions && !in.failed(); ++i) {
    const std::string_view address = in.text();
    sync.revisions.emplace_back(address, in.u64());
  }
  const unsigned flags = in.u8();
  sync.since_revision = present(flags & 0x80U, [&] { return in.u64(); });
  sync.origin = present(flags & 0x40U, [&] { return in.text(); });
}

void decode(CompactReader& in, Subscribe& subscribe) {
  subscribe.id = in.u32();
  subscribe.pattern = in.text();
  subscribe.types = TypeMask::from_wire(in.u8());
  const unsigned flags = in.u8();
  if (flags == 0) return;
  SubscribeOptions& options = subscribe.options.emplace();
  options.max_rate = present(flags & 0x01U, [&] { return in.u32(); });
  options.epsilon = present(flags & 0x02U, [&] { return in.f64(); });
  options.history = present(flags & 0x04U, [&] { return in.u32(); });
  options.window = present(flags & 0x08U, [&] { return in.u32(); });
}

void decode(CompactReader& in, Unsubscribe& unsubscribe) { unsubscribe.id = in.u32(); }

void decode(CompactReader& in, Publish& publish) {
  const unsigned flags = in.u8();
  const unsigned phase = flags & 0x07U;
  publish.signal = signal_of(flags >> 5);
  publish.phase = phase <= static_cast<unsigned>(GesturePhase::cancel) ? static_cast<GesturePhase>(phase) : GesturePhase::start;
  publish.address = in.text();
  const std::uint8_t indicator = in.u8();
  if (indicator == 1) in.read_tagged_value(publish.value.emplace());
  if (indicator == 2) publish.samples = in.run(std::size_t{in.u16()} * sizeof(double));
  if (flags & 0x10U) publish.timestamp = in.time();
  if (flags & 0x08U) publish.id = in.u32();
  if (in.left() >= 4) publish.rate = in.u32();  // no flag says so (section 6.7 [quirk])
}

void decode(CompactReader& in, Set& set) {
  const unsigned flags = in.u8();
  set.lock = flags & 0x40U;
  set.unlock = flags & 0x20U;
  set.address = in.text();
  in.read_value(static_cast<ValueTag>(flags & 0x0fU), set.value);
  if (flags & 0x80U) set.revision = in.u64();
  if (flags & 0x10U) set.ttl = Ttl::from_wire(in.u32());
}

void decode(CompactReader& in, Get& get) { get.address = in.text(); }

void decode(CompactReader& in, Snapshot& snapshot) {
  const std::size_t count = in.count(snapshot_entry_bytes_min);
  snapshot.params.reserve(std::min(count, reserve_max));
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    SnapshotParam& param = snapshot.params.emplace_back();
    param.address = in.text();
    in.read_tagged_value(param.value);
    param.revision = in.u64();
    const unsigned flags = in.u8();
    if (flags & 0x01U) param.writer = in.text();
    if (flags & 0x02U) param.timestamp = in.time();
  }
}

void decode(CompactReader& in, Replay& replay) {
  const unsigned flags = in.u8();
  replay.pattern = in.text();
  replay.from = present(flags & 0x80U, [&] { return in.time(); });
  replay.to = present(flags & 0x40U, [&] { return in.time(); });
  replay.limit = present(flags & 0x20U, [&] { return in.u32(); });
  replay.types = TypeMask::from_wire(in.u8());
}

void decode_bundle(CompactReader& in, Bundle& bundle, std::size_t bundle_depth) {
  if (bundle_depth > wire::bundle_depth_max) return in.fail(DecodeFault::nesting_too_deep);
  const unsigned flags = in.u8();
  const std::size_t count = in.u16();
  bundle.timestamp = present(flags & 0x80U, [&] { return in.time(); });
  if (in.left() < count * bundle_entry_bytes_min) return in.fail(DecodeFault::truncated_message);
  bundle.messages.reserve(std::min(count, bundle_reserve_max));
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    const std::size_t bytes = in.u16();
    if (in.left() < bytes) return in.fail(DecodeFault::truncated_message);
    CompactReader inside = in.inner(bytes);
    decode_message(inside, bundle.messages.emplace_back().body, bundle_depth);
    if (inside.failed()) in.fail_as(inside);
  }
}

void decode(CompactReader& in, Sync& sync) {
  const unsigned flags = in.u8();
  sync.t1 = in.u64();
  sync.t2 = present(flags & 0x01U, [&] { return in.u64(); });
  sync.t3 = present(flags & 0x02U, [&] { return in.u64(); });
}

void decode(CompactReader&, Ping&) {}
void decode(CompactReader&, Pong&) {}

void decode(CompactReader& in, Ack& ack) {
  const unsigned flags = in.u8();
  ack.address = present(flags & 0x01U, [&] { return in.text(); });
  ack.revision = present(flags & 0x02U, [&] { return in.u64(); });
  ack.locked = present(flags & 0x04U, [&] { return in.u8() != 0; });
  ack.holder = present(flags & 0x08U, [&] { return in.text(); });
  ack.correlation_id = present(flags & 0x10U, [&] { return in.u32(); });
}

void decode(CompactReader& in, ErrorReply& error) {
  error.code = in.u16();
  error.message = in.text();
  const unsigned flags = in.u8();
  error.address = present(flags & 0x01U, [&] { return in.text(); });
  error.correlation_id = present(flags & 0x02U, [&] { return in.u32(); });
}

void decode(CompactReader& in, Query& query) { query.pattern = in.text(); }

using BodyDecoder = void (*)(CompactReader&, MessageBody&, std::size_t bundle_depth);

template <typename T>
void decode_as(CompactReader& in, MessageBody& body, std::size_t) {
  CompactReader local = in;  // `in` has been seen by others, this one lives in registers
  decode(local, body.emplace<T>());
  if (local.failed()) [[unlikely]]
    in.fail_as(local);
}
void decode_as_bundle(CompactReader& in, MessageBody& body, std::size_t bundle_depth) { decode_bundle(in, body.emplace<Bundle>(), bundle_depth + 1); }

struct Row {
  MessageType type;
  BodyDecoder decode;
};
constexpr std::array rows{
    Row{MessageType::hello, decode_as<Hello>},
    Row{MessageType::welcome, decode_as<Welcome>},
    Row{MessageType::announce, decode_as<Announce>},
    Row{MessageType::federation_sync, decode_as<FederationSync>},
    Row{MessageType::subscribe, decode_as<Subscribe>},
    Row{MessageType::unsubscribe, decode_as<Unsubscribe>},
    Row{MessageType::publish, decode_as<Publish>},
    Row{MessageType::set, decode_as<Set>},
    Row{MessageType::get, decode_as<Get>},
    Row{MessageType::snapshot, decode_as<Snapshot>},
    Row{MessageType::replay, decode_as<Replay>},
    Row{MessageType::bundle, decode_as_bundle},
    Row{MessageType::sync, decode_as<Sync>},
    Row{MessageType::ping, decode_as<Ping>},
    Row{MessageType::pong, decode_as<Pong>},
    Row{MessageType::ack, decode_as<Ack>},
    Row{MessageType::error, decode_as<ErrorReply>},
    Row{MessageType::query, decode_as<Query>},
    Row{MessageType::result, decode_as<QueryResult>},
};
static_assert(std::ranges::equal(rows, messages, {}, &Row::type, &MessageInfo::type));

constexpr std::array<BodyDecoder, 256> decoders_by_code = [] {
  std::array<BodyDecoder, 256> table{};
  for (const Row& row : rows) table[static_cast<std::size_t>(row.type)] = row.decode;
  return table;
}();

// `body` is freshly constructed, and so already a Set: by far the most frequent message needs no table and no change of alternative.
void decode_message(CompactReader& in, MessageBody& body, std::size_t bundle_depth) {
  if (in.left() == 0) return in.fail(DecodeFault::empty_payload);
  const std::uint8_t code = in.u8();
  if (code == static_cast<std::uint8_t>(MessageType::set)) [[likely]]
    return decode(in, *std::get_if<Set>(&body));
  const BodyDecoder decoder = decoders_by_code[code];
  if (decoder != nullptr) return decoder(in, body, bundle_depth);
  in.step_back(1);
  in.fail(DecodeFault::unknown_message);
}

// MessagePack maps are told by their marker; arrays are not detected (section 2).
bool is_messagepack_map(std::byte first) {
  const auto code = std::to_integer<unsigned>(first);
  return (code & 0xf0U) == 0x80 || code == 0xde || code == 0xdf;
}

bool decode_payload(Bytes payload, ByteBuffer& scratch, Message& message, DecodeError& error) {
  if (payload.size() > wire::payload_bytes_max) {
    error = {DecodeFault::payload_too_large, static_cast<std::uint32_t>(wire::payload_bytes_max)};
    return false;
  }
  if (!payload.empty() && is_messagepack_map(payload[0])) return decode_legacy(payload, scratch, message, error);
  return decode_compact(payload, scratch, message, error);
}

// Makes the body of a new Message in place. Message() would zero all of it first, which costs more than decoding a SET.
struct EmptyBody {
  operator MessageBody() const { return MessageBody(std::in_place_type<Set>); }
};

}  // namespace

ValueScan find_value(ValueTag tag, const std::byte* at, const std::byte* end, Scratch& scratch, ValueView& view) {
  const ValueScan scan = scan_value(tag, at, end);
  if (!scan.ok) return scan;
  view.tag = canonical_tag(tag);
  if (scan.canonical) {
    view.data = {at, scan.at};
  } else {
    std::byte* const rewritten = scratch.extend(scan.canonical_bytes);
    widen_value(tag, at, rewritten);
    view.data = {rewritten, scan.canonical_bytes};
  }
  return scan;
}

bool decode_compact(Bytes payload, ByteBuffer& scratch_buffer, Message& message, DecodeError& error) {
  Scratch scratch(scratch_buffer, payload.size(), widening_max);
  CompactReader in(payload, scratch);
  decode_message(in, message.body, 0);
  if (!in.failed()) [[likely]]
    return true;
  error = in.error();
  return false;
}

Decoded<Message> Decoder::decode(Bytes payload) {
  Decoded<Message> message(std::in_place, EmptyBody{});  // filled where it is returned: a Message is too large to move about
  DecodeError error;
  if (!decode_payload(payload, scratch_, *message, error)) message = std::unexpected(error);
  return message;
}

}  // namespace clasp
