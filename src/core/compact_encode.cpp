// The compact encoding outwards: one function per message, each the layout of wire format, section 6, written from top to bottom.
//
// Only the whole size needs a check: a string, count or inner message too large for its u16 makes the payload too large for its own.
#include <bit>

#include "core/check.hpp"
#include "core/codec.hpp"

namespace clasp {
namespace {

constexpr std::uint8_t compact_encoding = 1;
constexpr std::size_t snapshot_header_bytes = 1 + 2;

// Writes into memory that has been sized exactly: for the messages of the hot path.
class RawWriter {
 public:
  explicit RawWriter(std::byte* at) : at_(at) {}
  const std::byte* at() const { return at_; }

  void u8(std::size_t value) { *at_++ = static_cast<std::byte>(value); }
  void u16(std::size_t value) { number(static_cast<std::uint16_t>(value)); }
  void u32(std::uint32_t value) { number(value); }
  void u64(std::uint64_t value) { number(value); }
  void run(Bytes bytes) {
    if (bytes.size() == 8) {  // most values are a number: spare them the call
      std::memcpy(at_, bytes.data(), 8);
    } else if (!bytes.empty()) {
      std::memcpy(at_, bytes.data(), bytes.size());
    }
    at_ += bytes.size();
  }
  void text(std::string_view text) {
    u16(text.size());
    run(as_bytes(text));
  }
  void tagged_value(const ValueView& value) {
    u8(static_cast<std::size_t>(value.tag));
    run(value.data);
  }
  void frame_header(Qos qos, std::size_t payload_bytes) {
    u8(wire::magic);
    u8(static_cast<std::size_t>(qos) << 6 | compact_encoding);
    u16(payload_bytes);
  }

 private:
  template <std::unsigned_integral T>
  void number(T value) {
    store_be(at_, value);
    at_ += sizeof value;
  }

  std::byte* at_;
};

std::size_t payload_bytes(const Set& set) {
  return 1 + 1 + 2 + set.address.size() + set.value.data.size() + (set.revision ? 8 : 0) + (set.ttl ? 4 : 0);
}

void write_payload(RawWriter& out, const Set& set) {
  out.u8(static_cast<std::size_t>(MessageType::set));
  out.u8((set.revision ? 0x80U : 0U) | (set.lock ? 0x40U : 0U) | (set.unlock ? 0x20U : 0U) | (set.ttl ? 0x10U : 0U) |
         static_cast<unsigned>(set.value.tag));
  out.text(set.address);
  out.run(set.value.data);
  if (set.revision) out.u64(*set.revision);
  if (set.ttl) out.u32(set.ttl->to_wire());
}

std::size_t payload_bytes(const Publish& publish) {
  const std::size_t content = publish.value ? publish.value->encoded_bytes() : publish.samples ? 2 + publish.samples->size() : 0;
  return 1 + 1 + 2 + publish.address.size() + 1 + content + (publish.timestamp ? 8 : 0) + (publish.id ? 4 : 0) + (publish.rate ? 4 : 0);
}

void write_payload(RawWriter& out, const Publish& publish) {
  out.u8(static_cast<std::size_t>(MessageType::publish));
  out.u8(static_cast<unsigned>(publish.signal.value_or(SignalType::event)) << 5 | (publish.timestamp ? 0x10U : 0U) | (publish.id ? 0x08U : 0U) |
         static_cast<unsigned>(publish.phase));
  out.text(publish.address);
  if (publish.value) {
    out.u8(1);
    out.tagged_value(*publish.value);
  } else if (publish.samples) {
    CLASP_CHECK(publish.samples->size() % sizeof(double) == 0);
    out.u8(2);
    out.u16(publish.samples->size() / sizeof(double));
    out.run(*publish.samples);
  } else {
    out.u8(0);
  }
  if (publish.timestamp) out.u64(publish.timestamp->us);
  if (publish.id) out.u32(*publish.id);
  if (publish.rate) out.u32(*publish.rate);
}

std::size_t entry_bytes(const SnapshotParam& param) {
  return 2 + param.address.size() + param.value.encoded_bytes() + 8 + 1 + (param.writer ? 2 + param.writer->size() : 0) + (param.timestamp ? 8 : 0);
}

void write_entry(RawWriter& out, const SnapshotParam& param) {
  out.text(param.address);
  out.tagged_value(param.value);
  out.u64(param.revision);
  out.u8((param.writer ? 0x01U : 0U) | (param.timestamp ? 0x02U : 0U));
  if (param.writer) out.text(*param.writer);
  if (param.timestamp) out.u64(param.timestamp->us);
}

// Writes at the end of a growing buffer. Stops growing it as soon as the payload cannot fit any more.
class PayloadWriter {
 public:
  explicit PayloadWriter(ByteBuffer& out) : out_(out), start_(out.size()) {}

  std::size_t bytes() const { return out_.size() - start_; }
  bool fits() const { return fits_ && bytes() <= wire::payload_bytes_max; }

  void u8(std::size_t value) { out_.u8(static_cast<std::uint8_t>(value)); }
  void u16(std::size_t value) { out_.u16(static_cast<std::uint16_t>(value)); }
  void u32(std::uint32_t value) { out_.u32(value); }
  void u64(std::uint64_t value) { out_.u64(value); }
  void f64(double value) { out_.u64(std::bit_cast<std::uint64_t>(value)); }
  void text(std::string_view text) {
    if (!room_for(text.size())) return;
    u16(text.size());
    out_.append(as_bytes(text));
  }
  void tagged_value(const ValueView& value) {
    if (!room_for(value.encoded_bytes())) return;
    u8(static_cast<std::size_t>(value.tag));
    out_.append(value.data);
  }

  // A message or entry of known size, written by `write(RawWriter&)`.
  template <typename Write>
  void sized(std::size_t size, Write write) {
    if (!room_for(size)) return;
    RawWriter raw(out_.extend(size));
    write(raw);
  }

  // u16 length and message, as inside a BUNDLE. Deeper nesting than decoders accept does not fit either.
  template <typename Write>
  void with_length(Write write) {
    if (bundle_depth_ == wire::bundle_depth_max) fits_ = false;
    if (!fits_) return;
    ++bundle_depth_;
    const std::size_t length_at = out_.size();
    u16(0);
    write();
    store_be(out_.data() + length_at, static_cast<std::uint16_t>(out_.size() - length_at - 2));
    --bundle_depth_;
  }

 private:
  bool room_for(std::size_t size) {
    if (size > wire::payload_bytes_max || bytes() > wire::payload_bytes_max - size) fits_ = false;
    return fits_;
  }

  ByteBuffer& out_;
  std::size_t start_;
  std::size_t bundle_depth_ = 0;
  bool fits_ = true;
};

void write_code(PayloadWriter& out, MessageType type) { out.u8(static_cast<std::size_t>(type)); }

void write_block(PayloadWriter& out, const std::vector<BlockEntry>& block) {
  if (block.empty()) return;
  out.u16(block.size());
  for (const auto& [key, value] : block) {
    if (!out.fits()) return;
    out.text(key);
    out.tagged_value(value);
  }
}

unsigned features_byte(std::uint8_t features, unsigned known, const std::vector<BlockEntry>& block) {
  return (features & known) | (block.empty() ? 0U : feature::extended);
}

void write(PayloadWriter& out, const Hello& hello) {
  write_code(out, MessageType::hello);
  out.u8(hello.version);
  out.u8(features_byte(hello.features, feature::all_signals | feature::federation, hello.block));
  out.text(hello.name);
  out.text(hello.token);
  write_block(out, hello.block);
}

void write(PayloadWriter& out, const Welcome& welcome) {
  write_code(out, MessageType::welcome);
  out.u8(welcome.version);
  out.u8(features_byte(welcome.features, feature::all_signals, welcome.block));
  out.u64(welcome.time.us);
  out.text(welcome.session);
  out.text(welcome.name);
  out.text(welcome.token);
  write_block(out, welcome.block);
}

void write_meta(PayloadWriter& out, const SignalMeta& meta) {
  out.u8((meta.unit ? 0x01U : 0U) | (meta.range ? 0x02U : 0U) | (meta.default_value ? 0x04U : 0U) | (meta.description ? 0x08U : 0U));
  if (meta.unit) out.text(*meta.unit);
  if (meta.range) {
    out.f64(meta.range->first);
    out.f64(meta.range->second);
  }
  if (meta.default_value) out.tagged_value(*meta.default_value);
  if (meta.description) out.text(*meta.description);
}

enum class WithMeta : bool { no, yes };

void write_signals(PayloadWriter& out, const std::vector<SignalDefinition>& signals, WithMeta with_meta) {
  out.u16(signals.size());
  for (const SignalDefinition& signal : signals) {
    if (!out.fits()) return;
    const bool has_meta = signal.meta && with_meta == WithMeta::yes;
    out.text(signal.address);
    out.u8(static_cast<std::size_t>(signal.type));
    out.u8((signal.datatype ? 0x01U : 0U) | (signal.access ? 0x02U : 0U) | (has_meta ? 0x04U : 0U));
    if (signal.datatype) out.text(*signal.datatype);
    if (signal.access) out.text(*signal.access);
    if (has_meta) write_meta(out, *signal.meta);
  }
}

void write(PayloadWriter& out, const Announce& announce) {
  write_code(out, MessageType::announce);
  out.text(announce.ns);
  write_signals(out, announce.signals, WithMeta::yes);
}

void write(PayloadWriter& out, const QueryResult& result) {
  write_code(out, MessageType::result);
  write_signals(out, result.signals, WithMeta::no);
}

void write(PayloadWriter& out, const FederationSync& sync) {
  write_code(out, MessageType::federation_sync);
  out.u8(static_cast<std::size_t>(sync.op));
  out.u16(sync.patterns.size());
  for (const std::string_view pattern : sync.patterns) out.text(pattern);
  out.u16(sync.revisions.size());
  for (const auto& [address, revision] : sync.revisions) {
    if (!out.fits()) return;
    out.text(address);
    out.u64(revision);
  }
  out.u8((sync.since_revision ? 0x80U : 0U) | (sync.origin ? 0x40U : 0U));
  if (sync.since_revision) out.u64(*sync.since_revision);
  if (sync.origin) out.text(*sync.origin);
}

unsigned types_byte(TypeMask types) { return types == TypeMask::all() || types.bits == 0 ? 0xffU : types.bits; }

void write(PayloadWriter& out, const Subscribe& subscribe) {
  write_code(out, MessageType::subscribe);
  out.u32(subscribe.id);
  out.text(subscribe.pattern);
  out.u8(types_byte(subscribe.types));
  const SubscribeOptions options = subscribe.options.value_or(SubscribeOptions{});
  out.u8((options.max_rate ? 0x01U : 0U) | (options.epsilon ? 0x02U : 0U) | (options.history ? 0x04U : 0U) | (options.window ? 0x08U : 0U));
  if (options.max_rate) out.u32(*options.max_rate);
  if (options.epsilon) out.f64(*options.epsilon);
  if (options.history) out.u32(*options.history);
  if (options.window) out.u32(*options.window);
}

void write(PayloadWriter& out, const Unsubscribe& unsubscribe) {
  write_code(out, MessageType::unsubscribe);
  out.u32(unsubscribe.id);
}

void write(PayloadWriter& out, const Publish& publish) {
  out.sized(payload_bytes(publish), [&](RawWriter& raw) { write_payload(raw, publish); });
}

void write(PayloadWriter& out, const Set& set) {
  out.sized(payload_bytes(set), [&](RawWriter& raw) { write_payload(raw, set); });
}

void write(PayloadWriter& out, const Get& get) {
  write_code(out, MessageType::get);
  out.text(get.address);
}

void write(PayloadWriter& out, const Snapshot& snapshot) {
  write_code(out, MessageType::snapshot);
  out.u16(snapshot.params.size());
  for (const SnapshotParam& param : snapshot.params) {
    out.sized(entry_bytes(param), [&](RawWriter& raw) { write_entry(raw, param); });
    if (!out.fits()) return;
  }
}

void write(PayloadWriter& out, const Replay& replay) {
  write_code(out, MessageType::replay);
  out.u8((replay.from ? 0x80U : 0U) | (replay.to ? 0x40U : 0U) | (replay.limit ? 0x20U : 0U));
  out.text(replay.pattern);
  if (replay.from) out.u64(replay.from->us);
  if (replay.to) out.u64(replay.to->us);
  if (replay.limit) out.u32(*replay.limit);
  out.u8(types_byte(replay.types));
}

void write_body(PayloadWriter& out, const MessageBody& body);

void write(PayloadWriter& out, const Bundle& bundle) {
  write_code(out, MessageType::bundle);
  out.u8(bundle.timestamp ? 0x80U : 0U);
  out.u16(bundle.messages.size());
  if (bundle.timestamp) out.u64(bundle.timestamp->us);
  for (const Message& message : bundle.messages) {
    out.with_length([&] { write_body(out, message.body); });
    if (!out.fits()) return;
  }
}

void write(PayloadWriter& out, const Sync& sync) {
  write_code(out, MessageType::sync);
  out.u8((sync.t2 ? 0x01U : 0U) | (sync.t3 ? 0x02U : 0U));
  out.u64(sync.t1);
  if (sync.t2) out.u64(*sync.t2);
  if (sync.t3) out.u64(*sync.t3);
}

void write(PayloadWriter& out, const Ping&) { write_code(out, MessageType::ping); }
void write(PayloadWriter& out, const Pong&) { write_code(out, MessageType::pong); }

void write(PayloadWriter& out, const Ack& ack) {
  write_code(out, MessageType::ack);
  out.u8((ack.address ? 0x01U : 0U) | (ack.revision ? 0x02U : 0U) | (ack.locked ? 0x04U : 0U) | (ack.holder ? 0x08U : 0U) |
         (ack.correlation_id ? 0x10U : 0U));
  if (ack.address) out.text(*ack.address);
  if (ack.revision) out.u64(*ack.revision);
  if (ack.locked) out.u8(*ack.locked ? 1 : 0);
  if (ack.holder) out.text(*ack.holder);
  if (ack.correlation_id) out.u32(*ack.correlation_id);
}

void write(PayloadWriter& out, const ErrorReply& error) {
  write_code(out, MessageType::error);
  out.u16(error.code);
  out.text(error.message);
  out.u8((error.address ? 0x01U : 0U) | (error.correlation_id ? 0x02U : 0U));
  if (error.address) out.text(*error.address);
  if (error.correlation_id) out.u32(*error.correlation_id);
}

void write(PayloadWriter& out, const Query& query) {
  write_code(out, MessageType::query);
  out.text(query.pattern);
}

void write_body(PayloadWriter& out, const MessageBody& body) {
  std::visit([&](const auto& message) { write(out, message); }, body);
}

// Frames of SET and PUBLISH: sized first, then written in one run.
template <typename T>
bool append_sized_frame(ByteBuffer& out, const T& message, Qos qos) {
  const std::size_t bytes = payload_bytes(message);
  if (bytes > wire::payload_bytes_max) [[unlikely]]
    return false;
  RawWriter raw(out.extend(wire::header_bytes + bytes));
  raw.frame_header(qos, bytes);
  write_payload(raw, message);
  return true;
}

SnapshotParam entry(std::string_view address, const ValueView& value, std::uint64_t revision, std::string_view writer, UnixTime timestamp) {
  SnapshotParam param{.address = address, .value = value, .revision = revision, .writer = {}, .timestamp = timestamp};
  if (!writer.empty()) param.writer = writer;
  return param;
}

}  // namespace

bool append_frame(ByteBuffer& out, const Set& set, Qos qos) { return append_sized_frame(out, set, qos); }
bool append_frame(ByteBuffer& out, const Publish& publish, Qos qos) { return append_sized_frame(out, publish, qos); }

bool append_frame(ByteBuffer& out, const Message& message, Qos qos) {
  const std::size_t start = out.size();
  out.extend(wire::header_bytes);
  if (!append_payload(out, message)) {
    out.truncate(start);
    return false;
  }
  RawWriter(out.data() + start).frame_header(qos, out.size() - start - wire::header_bytes);
  return true;
}

bool append_frame(ByteBuffer& out, const Message& message) { return append_frame(out, message, default_qos(message)); }

bool append_payload(ByteBuffer& out, const Message& message) {
  const std::size_t start = out.size();
  PayloadWriter writer(out);
  write_body(writer, message.body);
  if (writer.fits()) return true;
  out.truncate(start);
  return false;
}

std::size_t snapshot_entry_bytes(std::size_t address_bytes, const ValueView& value, std::size_t writer_bytes) {
  return 2 + address_bytes + value.encoded_bytes() + 8 + 1 + (writer_bytes > 0 ? 2 + writer_bytes : 0) + 8;
}

SnapshotWriter::SnapshotWriter(ByteBuffer& out, std::size_t payload_bytes_max)
    : out_(out), start_(out.size()), payload_bytes_max_(payload_bytes_max) {
  CLASP_CHECK(payload_bytes_max_ >= snapshot_header_bytes && payload_bytes_max_ <= wire::payload_bytes_max);
  out_.extend(wire::header_bytes + snapshot_header_bytes);
}

bool SnapshotWriter::add(std::string_view address, const ValueView& value, std::uint64_t revision, std::string_view writer, UnixTime timestamp) {
  const std::size_t size = snapshot_entry_bytes(address.size(), value, writer.size());
  if (count_ == wire::snapshot_params_max || size > payload_bytes_max_ - bytes()) return false;
  RawWriter raw(out_.extend(size));
  write_entry(raw, entry(address, value, revision, writer, timestamp));
  ++count_;
  return true;
}

std::size_t SnapshotWriter::bytes() const { return out_.size() - start_ - wire::header_bytes; }

void SnapshotWriter::finish() {
  RawWriter raw(out_.data() + start_);
  raw.frame_header(default_qos(Message{Snapshot{}}), bytes());
  raw.u8(static_cast<std::size_t>(MessageType::snapshot));
  raw.u16(count_);
}

}  // namespace clasp
