#include "frame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

namespace clasp::simulation::model {

namespace {

constexpr std::size_t shown_bytes_max = 120;
constexpr std::size_t error_address_bytes_max = 100;

std::uint64_t word_in(const Value& value) {
  std::uint64_t word = 0;
  for (std::size_t i = 1; i <= 8; ++i) word = word << 8 | static_cast<unsigned char>(value[i]);
  return word;
}

bool has_tag(const Value& value, ValueTag tag) { return value.front() == static_cast<char>(tag); }

void add_ttl(std::string& line, const Lifetime& ttl) {
  switch (ttl.kind) {
    case Lifetime::Kind::by_default: break;
    case Lifetime::Kind::never: line += " ttl=never"; break;
    case Lifetime::Kind::sliding: line += fmt::format(" ttl={}s", ttl.seconds); break;
    case Lifetime::Kind::absolute: line += fmt::format(" ttl={}s after the write", ttl.seconds); break;
  }
}

Lifetime lifetime_of(const Ttl& ttl) {
  switch (ttl.mode) {
    case Ttl::Mode::never: return {Lifetime::Kind::never, 0};
    case Ttl::Mode::sliding: return {Lifetime::Kind::sliding, ttl.seconds};
    case Ttl::Mode::absolute: return {Lifetime::Kind::absolute, ttl.seconds};
  }
  return {};
}

// Addresses in errors are escaped and shortened where they are not fit to print: those are compared as "~".
std::string in_error(std::string_view address) {
  const bool plain =
      address.size() <= error_address_bytes_max && std::ranges::all_of(address, [](char c) { return c >= ' ' && c <= '~' && c != '\\'; });
  return plain ? std::string(address) : "~";
}

std::string text_or(const std::optional<std::string_view>& text, std::string_view otherwise) { return std::string(text.value_or(otherwise)); }

}  // namespace

Value value_of(const ValueView& view) {
  Value value(1, static_cast<char>(view.tag));
  value.append(reinterpret_cast<const char*>(view.data.data()), view.data.size());
  return value;
}

bool is_integer(const Value& value) { return has_tag(value, ValueTag::i64); }
bool is_float(const Value& value) { return has_tag(value, ValueTag::f64); }
std::int64_t integer_in(const Value& value) { return static_cast<std::int64_t>(word_in(value)); }
double float_in(const Value& value) { return std::bit_cast<double>(word_in(value)); }

std::optional<double> number_in(const Value& value) {
  if (is_integer(value)) return static_cast<double>(integer_in(value));
  if (is_float(value)) return float_in(value);
  return std::nullopt;
}

SetFields fields_of(const Set& set) {
  SetFields fields{
      .address = std::string(set.address), .value = value_of(set.value), .expected = set.revision, .lock = set.lock, .unlock = set.unlock};
  if (set.ttl) fields.ttl = lifetime_of(*set.ttl);
  return fields;
}

PublishFields fields_of(const Publish& publish) {
  PublishFields fields{
      .address = std::string(publish.address), .signal = publish.signal, .phase = publish.phase, .id = publish.id, .rate = publish.rate};
  if (publish.value) fields.value = value_of(*publish.value);
  if (publish.samples) fields.samples = std::string(reinterpret_cast<const char*>(publish.samples->data()), publish.samples->size());
  if (publish.timestamp) fields.timestamp = publish.timestamp->us;
  return fields;
}

std::string set_line(std::string_view address, const Value& value, std::uint64_t revision, std::optional<Lifetime> ttl, bool lock, bool unlock) {
  std::string line = fmt::format("SET {} rev={}", address, revision);
  if (ttl) add_ttl(line, *ttl);
  if (lock) line += " lock";
  if (unlock) line += " unlock";
  return line += " value=" + value;
}

std::string publish_line(const PublishFields& publish) {
  std::string line = fmt::format("PUBLISH {} {}", publish.address, signal_name(publish.kind()));
  if (publish.kind() == SignalType::gesture) line += fmt::format(" {}", phase_name(publish.phase));
  if (publish.id) line += fmt::format(" id={}", *publish.id);
  if (publish.rate) line += fmt::format(" rate={}", *publish.rate);
  if (publish.timestamp) line += fmt::format(" time={}", *publish.timestamp);
  if (publish.samples) line += " samples=" + *publish.samples;
  if (publish.value) line += " value=" + *publish.value;
  return line;
}

std::string ack_line(std::optional<std::string> address, std::uint64_t revision, std::optional<bool> locked, const std::string& holder) {
  std::string line = "ACK";
  if (address) line += " " + *address;
  if (revision != 0) line += fmt::format(" rev={}", revision);
  if (locked) line += *locked ? " locked" : " unlocked";
  if (!holder.empty()) line += " by " + holder;
  return line;
}

std::string error_line(int code, std::string_view address) { return fmt::format("ERROR {} {}", code, in_error(address)); }

std::string welcome_line(std::uint8_t features, std::uint64_t time, std::string_view name, bool snapshot_none) {
  return fmt::format("WELCOME {} features={:#x} time={}{}", name, features, time, snapshot_none ? " snapshot=none" : "");
}

std::string sync_line(std::uint64_t t1, std::uint64_t t2, std::uint64_t t3) { return fmt::format("SYNC {} {} {}", t1, t2, t3); }

std::string result_line(std::vector<SignalFields> signals) {
  std::ranges::sort(signals, {}, &SignalFields::address);
  std::string line = "RESULT";
  for (const SignalFields& signal : signals)
    line += fmt::format(" [{} {} {} {}]", signal.address, signal_name(signal.type), signal.datatype.value_or("-"), signal.access.value_or("-"));
  return line;
}

std::string entry_line(std::string_view address, const Value& value, std::uint64_t revision, std::string_view writer, std::uint64_t time) {
  return fmt::format("[{} rev={} by {} at {}] value=", address, revision, writer, time) + value;
}

namespace {

Frame read_set(const Set& set) {
  const SetFields fields = fields_of(set);
  Frame frame{.kind = Frame::Kind::set, .address = fields.address, .value = fields.value, .revision = set.revision.value_or(0)};
  frame.line = set_line(fields.address, fields.value, frame.revision, fields.ttl, fields.lock, fields.unlock);
  return frame;
}

Frame read_snapshot(const Snapshot& snapshot) {
  Frame frame{.kind = Frame::Kind::snapshot, .line = "SNAPSHOT"};
  for (const SnapshotParam& param : snapshot.params) {
    Frame::Entry entry{.address = std::string(param.address), .value = value_of(param.value), .revision = param.revision};
    entry.line = entry_line(entry.address, entry.value, entry.revision, param.writer.value_or("-"), param.timestamp.value_or(UnixTime{}).us);
    frame.line += ' ' + entry.line;
    frame.entries.push_back(std::move(entry));
  }
  return frame;
}

std::string read_answer(const Message& message) {
  if (const auto* ack = std::get_if<Ack>(&message.body)) {
    std::optional<std::string> address;
    if (ack->address) address = std::string(*ack->address);
    return ack_line(address, ack->revision.value_or(0), ack->locked, text_or(ack->holder, ""));
  }
  if (const auto* sync = std::get_if<Sync>(&message.body)) return sync_line(sync->t1, sync->t2.value_or(0), sync->t3.value_or(0));
  if (const auto* result = std::get_if<QueryResult>(&message.body)) {
    std::vector<SignalFields> signals;
    for (const SignalDefinition& signal : result->signals) {
      SignalFields fields{.address = std::string(signal.address), .type = signal.type};
      if (signal.datatype) fields.datatype = std::string(*signal.datatype);
      if (signal.access) fields.access = std::string(*signal.access);
      signals.push_back(std::move(fields));
    }
    return result_line(std::move(signals));
  }
  return std::string(find_message_info(type_of(message))->name);
}

}  // namespace

Frame read_frame(const Message& message) {
  if (const auto* set = std::get_if<Set>(&message.body)) return read_set(*set);
  if (const auto* publish = std::get_if<Publish>(&message.body)) return {.kind = Frame::Kind::publish, .line = publish_line(fields_of(*publish))};
  if (const auto* snapshot = std::get_if<Snapshot>(&message.body)) return read_snapshot(*snapshot);
  if (const auto* welcome = std::get_if<Welcome>(&message.body)) {
    const bool no_snapshot = std::ranges::any_of(welcome->block, [](const BlockEntry& entry) { return entry.first == "snapshot"; });
    const std::string line = welcome_line(welcome->features, welcome->time.us, welcome->name, no_snapshot);
    return {.kind = Frame::Kind::welcome, .line = line, .session = std::string(welcome->session)};
  }
  if (const auto* error = std::get_if<ErrorReply>(&message.body)) {
    const auto kind = error->code == 503 && !error->address ? Frame::Kind::notice : Frame::Kind::answer;
    return {.kind = kind, .line = error_line(error->code, error->address.value_or(""))};
  }
  return {.kind = Frame::Kind::answer, .line = read_answer(message)};
}

std::string shown(std::string_view line) {
  std::string out;
  for (const char c : line.substr(0, shown_bytes_max))
    out += c >= ' ' && c <= '~' ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  if (line.size() > shown_bytes_max) out += fmt::format("… ({} bytes)", line.size());
  return out;
}

}  // namespace clasp::simulation::model
