#include "store/row.hpp"

#include <fmt/format.h>

#include <array>

#include "store/checksum.hpp"
#include "store/value_text.hpp"

namespace clasp::store {
namespace {

enum At : int { seq, timestamp, author, address, signal_type, value_json, revision, msg_type, flags, ttl, sent_time, gesture_id, rate, samples, bundle,
                origin, value_exact, checksum };

enum RowFlags : std::int64_t { lock = 1, unlock = 2, removed = 4, absolute = 8, no_value = 16, ours = 32 };
constexpr int phase_shift = 8;
constexpr int hops_shift = 16;

constexpr std::int64_t set_code = 0x21;
constexpr std::int64_t publish_code = 0x20;
constexpr std::int64_t no_code = 0;  // a released lock: neither SET nor PUBLISH, and so nothing to the reference

std::int64_t flags_of(const Entry& entry) {
  std::int64_t bits = RowFlags::ours;  // so that a row cannot lose its checksum and pass for somebody else's
  if (entry.lock) bits |= RowFlags::lock;
  if (entry.unlock) bits |= RowFlags::unlock;
  if (entry.kind == EntryKind::removed) bits |= RowFlags::removed;
  if (entry.ttl && entry.ttl->mode == Ttl::Mode::absolute) bits |= RowFlags::absolute;
  if (!entry.value) bits |= RowFlags::no_value;
  bits |= static_cast<std::int64_t>(entry.phase) << phase_shift;
  bits |= static_cast<std::int64_t>(entry.hops) << hops_shift;
  return bits;
}

// In the order of the columns, absent ones as 0: which are absent is in the flags, or makes no difference.
struct Sum {
  std::int64_t seq, timestamp;
  std::string_view author, address, signal, json;
  std::int64_t revision, code, flags, ttl, sent_time, id, rate, bundle, origin;
  Bytes samples, exact;

  std::int64_t value() const {
    const std::array numbers{seq, timestamp, revision, code, flags, ttl, sent_time, id, rate, bundle, origin};
    std::array<std::byte, sizeof numbers> bytes;
    for (std::size_t i = 0; i < numbers.size(); ++i) store_be(&bytes[i * sizeof numbers[0]], static_cast<std::uint64_t>(numbers[i]));
    Checksum sum;
    sum.add_fixed(bytes);
    for (const std::string_view text : {author, address, signal, json}) sum.add(text);
    return sum.add(samples).add(exact).value();
  }
};

template <typename T>
std::int64_t or_absent(const std::optional<T>& value) {
  return value ? static_cast<std::int64_t>(*value) : -1;
}
std::int64_t or_absent(const Statement& row, int column) { return row.is_null(column) ? -1 : row.integer(column); }

std::string joined(bool with_types) {
  std::string out;
  for (const Column& column : entry_columns) {
    if (!out.empty()) out += ", ";
    out += column.name;
    if (with_types) out += fmt::format(" {}", column.type);
  }
  return out;
}

}  // namespace

std::int64_t message_code(EntryKind kind) {
  return kind == EntryKind::publish ? publish_code : kind == EntryKind::lock_freed ? no_code : set_code;
}

std::string create_entries_sql() { return fmt::format("CREATE TABLE IF NOT EXISTS journal_entries ({})", joined(true)); }

// OR ROLLBACK: a row that cannot be written ends the transaction anyhow, so that SQLite need not be able to take back a single statement.
std::string insert_entries_sql(std::size_t rows) {
  std::string marks = "(?";
  for (std::size_t i = 2; i <= std::size(entry_columns); ++i) marks += ", ?";
  marks += ')';
  std::string out = fmt::format("INSERT OR ROLLBACK INTO journal_entries ({}) VALUES {}", joined(false), marks);
  for (std::size_t row = 1; row < rows; ++row) out += fmt::format(", {}", marks);
  return out;
}

std::string select_entry_sql(std::string_view where_and_order) {
  std::string columns;
  for (const Column& column : entry_columns) {
    if (column.name == "hmac") continue;
    columns += fmt::format("{}{}", columns.empty() ? "" : ", ", column.name);
  }
  return fmt::format("SELECT {} FROM journal_entries {}", columns, where_and_order);
}

static_assert(std::size(entry_columns) == 19, "bind what you add");

void RowWriter::bind(Statement& insert, std::size_t row, const Entry& entry) {
  const int first = static_cast<int>(row * std::size(entry_columns));
  json_.clear();
  exact_.clear();
  const ValueView value = entry.value.value_or(ValueView{});
  if (!append_value_text(value, json_)) append_exact_bytes(value, exact_);
  const bool shows_revision = entry.kind != EntryKind::publish;
  std::optional<std::int64_t> ttl_seconds, sent;
  if (entry.ttl) ttl_seconds = entry.ttl->mode == Ttl::Mode::never ? 0 : entry.ttl->seconds;
  if (entry.sent_time) sent = static_cast<std::int64_t>(entry.sent_time->us);
  const Sum sum{.seq = static_cast<std::int64_t>(entry.seq), .timestamp = static_cast<std::int64_t>(entry.time.us), .author = entry.author,
                .address = entry.address, .signal = signal_name(entry.signal), .json = json_,
                .revision = shows_revision ? static_cast<std::int64_t>(entry.revision) : -1, .code = message_code(entry.kind), .flags = flags_of(entry),
                .ttl = or_absent(ttl_seconds), .sent_time = or_absent(sent), .id = or_absent(entry.id), .rate = or_absent(entry.rate),
                .bundle = static_cast<std::int64_t>(entry.bundle), .origin = entry.origin, .samples = entry.samples.value_or(Bytes{}), .exact = exact_.view()};
  const auto bind_if = [&insert](int at, bool there, std::int64_t number) {
    if (there) insert.bind(at, number);
    else insert.bind_null(at);
  };
  insert.bind(first + 1, sum.seq).bind(first + 2, sum.timestamp).bind(first + 3, sum.author).bind(first + 4, sum.address);
  insert.bind(first + 5, sum.signal).bind(first + 6, sum.json);
  bind_if(first + 7, shows_revision, sum.revision);
  insert.bind(first + 8, sum.code).bind_null(first + 9).bind(first + 10, sum.flags).bind_optional(first + 11, ttl_seconds).bind_optional(first + 12, sent);
  insert.bind_optional(first + 13, entry.id).bind_optional(first + 14, entry.rate);
  if (entry.samples) insert.bind_blob(first + 15, *entry.samples);
  else insert.bind_null(first + 15);
  bind_if(first + 16, entry.bundle != 0, sum.bundle);
  bind_if(first + 17, entry.origin != 0, sum.origin);
  if (!exact_.empty()) insert.bind_blob(first + 18, exact_.view());
  else insert.bind_null(first + 18);
  insert.bind(first + 19, sum.value());
}

Result<Entry> RowReader::read(Statement& row) {
  const auto bad = [&](std::string_view why) { return Error{ErrorCode::invalid_value, fmt::format("entry {}: {}", row.integer(seq), why), {}}; };
  // What is not text, or larger than it may be, was not written by us nor by the reference. Texts first: reading one may convert it.
  const Sum sum{.seq = row.integer(seq), .timestamp = row.integer(timestamp), .author = row.text(author), .address = row.text(address),
                .signal = row.text(signal_type), .json = row.text(value_json), .revision = or_absent(row, revision), .code = row.integer(msg_type),
                .flags = row.integer(flags), .ttl = or_absent(row, ttl), .sent_time = or_absent(row, sent_time), .id = or_absent(row, gesture_id),
                .rate = or_absent(row, rate), .bundle = row.integer(bundle), .origin = row.integer(origin), .samples = row.blob(samples),
                .exact = row.blob(value_exact)};
  const bool foreign = row.is_null(checksum);
  if (!foreign && row.integer(checksum) != sum.value()) return bad("its checksum does not match what it contains");
  if (foreign && sum.flags != 0) return bad("it has lost its checksum");

  Entry entry{.seq = static_cast<JournalSeq>(sum.seq), .time = {static_cast<std::uint64_t>(sum.timestamp)}, .author = sum.author, .address = sum.address,
              .signal = find_signal_type(sum.signal).value_or(SignalType::event), .foreign = foreign};
  entry.kind = sum.code == publish_code ? EntryKind::publish
               : sum.code != set_code   ? EntryKind::lock_freed
               : (sum.flags & RowFlags::removed) != 0 ? EntryKind::removed
                                                      : EntryKind::set;
  value_.clear();
  if (!sum.exact.empty()) entry.value = read_exact_bytes(sum.exact, value_);
  else if ((sum.flags & no_value) == 0) entry.value = read_value_text(sum.json, value_);
  if (!entry.value && (sum.flags & no_value) == 0) return bad("its value cannot be read");
  if (sum.revision > 0 || (!foreign && sum.revision != -1)) entry.revision = static_cast<std::uint64_t>(sum.revision);
  if (foreign && entry.kind == EntryKind::set && sum.revision <= 0) entry.kind = EntryKind::lock_freed;  // a SET without revision says nothing about state
  if (sum.ttl >= 0) {
    const Ttl::Mode mode = sum.ttl == 0 ? Ttl::Mode::never : (sum.flags & absolute) != 0 ? Ttl::Mode::absolute : Ttl::Mode::sliding;
    entry.ttl = Ttl{mode, static_cast<std::uint32_t>(sum.ttl)};
  }
  entry.lock = (sum.flags & RowFlags::lock) != 0;
  entry.unlock = (sum.flags & RowFlags::unlock) != 0;
  entry.phase = static_cast<GesturePhase>((sum.flags >> phase_shift) & 3);
  entry.hops = static_cast<std::uint8_t>(sum.flags >> hops_shift);
  if (sum.sent_time >= 0) entry.sent_time = UnixTime{static_cast<std::uint64_t>(sum.sent_time)};
  if (sum.id >= 0) entry.id = static_cast<std::uint32_t>(sum.id);
  if (sum.rate >= 0) entry.rate = static_cast<std::uint32_t>(sum.rate);
  if (!row.is_null(samples)) entry.samples = sum.samples;
  entry.bundle = static_cast<std::uint64_t>(sum.bundle);
  entry.origin = static_cast<std::uint32_t>(sum.origin);
  return entry;
}

}  // namespace clasp::store
