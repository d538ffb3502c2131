#include "router/commit_log.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

#include "core/check.hpp"

namespace clasp::router {
namespace {

constexpr std::size_t segment_bytes_max = 262'144;
constexpr std::size_t segment_bytes_min = 4'096;
constexpr std::size_t segments_wanted = 8;  // of the whole ring: less would forget too much at once
constexpr std::size_t start_bytes = sizeof(std::uint32_t);

// Records lie so that a header can be written where it stays.
constexpr std::size_t record_alignment = 8;
constexpr std::size_t aligned(std::size_t bytes) { return (bytes + record_alignment - 1) / record_alignment * record_alignment; }

enum Present : std::uint8_t { has_value = 1, has_lock = 2, has_unlock = 4, is_any_type = 8, has_details = 16 };
enum DetailPresent : std::uint8_t { has_id = 1, has_rate = 2, has_samples = 4, has_timestamp = 8, has_ttl = 16 };

}  // namespace

// Followed by the details if there are any, the address, the value and the samples.
struct CommitLog::RecordHeader {
  Revision revision = 0;
  std::uint64_t time_us = 0;
  std::uint64_t session = 0;
  std::uint32_t value_bytes = 0;
  std::uint32_t writer = 0;
  std::uint16_t address_bytes = 0;
  CommitKind kind{};
  SignalType signal{};
  GesturePhase phase{};
  ValueTag tag{};
  std::uint8_t present = 0;
};

// What most commits have nothing of.
struct CommitLog::RecordDetails {
  std::uint64_t timestamp_us = 0;
  std::uint64_t bundle = 0;
  Seq cause = 0;
  std::uint32_t samples_bytes = 0;
  std::uint32_t id = 0;
  std::uint32_t rate = 0;
  std::uint32_t ttl_seconds = 0;
  std::uint32_t origin = 0;
  std::uint32_t peer = 0;
  Ttl::Mode ttl_mode{};
  std::uint8_t hops = 0;
  std::uint8_t present = 0;

  static bool needed_by(const Delivery& commit) {
    const Provenance& by = commit.provenance;
    return (commit.bundle | by.cause | by.origin | by.peer | by.hops) != 0 || commit.id || commit.rate || commit.samples || commit.timestamp || commit.ttl;
  }
};

CommitLog::CommitLog(std::size_t bytes_max)
    : bytes_max_(bytes_max), segment_bytes_(std::clamp(bytes_max / segments_wanted, segment_bytes_min, segment_bytes_max)) {
  static_assert(std::is_trivially_copyable_v<RecordHeader> && sizeof(RecordHeader) <= 40 && alignof(RecordHeader) <= record_alignment);
  static_assert(std::is_trivially_copyable_v<RecordDetails> && sizeof(RecordHeader) % alignof(RecordDetails) == 0);
}

// Where the next record goes: in the newest segment or a new one. Records grow from the front of a segment, their starts from its back.
inline std::byte* CommitLog::room_for(std::size_t bytes) {
  if (segments_.empty() || segments_.back().used + bytes + (segments_.back().count + 1) * start_bytes > segments_.back().capacity) [[unlikely]]
    add_segment(bytes + start_bytes);
  Segment& segment = segments_.back();
  const auto start = static_cast<std::uint32_t>(segment.used);
  ++segment.count;
  std::memcpy(segment.memory.get() + segment.capacity - segment.count * start_bytes, &start, start_bytes);
  segment.used += bytes;
  return segment.memory.get() + start;
}

Seq CommitLog::append(const Delivery& input) {
  CLASP_CHECK(input.address.size() <= std::numeric_limits<std::uint16_t>::max());
  const Bytes value = input.value ? input.value->data : Bytes{};
  const bool detailed = RecordDetails::needed_by(input);
  std::size_t bytes = sizeof(RecordHeader) + input.address.size() + value.size();
  if (detailed) bytes += sizeof(RecordDetails) + input.samples.value_or(Bytes{}).size();
  bytes = aligned(bytes);
  CLASP_CHECK(bytes <= record_bytes_max);

  std::byte* at = room_for(bytes);
  new (at) RecordHeader{
      .revision = input.revision,
      .time_us = input.time.us,
      .session = static_cast<std::uint64_t>(input.provenance.session),
      .value_bytes = static_cast<std::uint32_t>(value.size()),
      .writer = static_cast<std::uint32_t>(input.provenance.writer),
      .address_bytes = static_cast<std::uint16_t>(input.address.size()),
      .kind = input.kind,
      .signal = input.signal,
      .phase = input.phase,
      .tag = input.value ? input.value->tag : ValueTag::null,
      .present = static_cast<std::uint8_t>((input.value ? has_value : 0) | (input.lock ? has_lock : 0) | (input.unlock ? has_unlock : 0) |
                                           (input.any_type ? is_any_type : 0) | (detailed ? has_details : 0)),
  };
  at += sizeof(RecordHeader);
  if (detailed) [[unlikely]]
    at = append_details(at, input);
  const auto put = [&at](const void* from, std::size_t size) {
    if (size != 0) std::memcpy(at, from, size);
    at += size;
  };
  put(input.address.data(), input.address.size());
  put(value.data(), value.size());
  if (detailed && input.samples) put(input.samples->data(), input.samples->size());
  return ++last_;
}

// Returns what is behind them.
std::byte* CommitLog::append_details(std::byte* at, const Delivery& input) {
  const Ttl ttl = input.ttl.value_or(Ttl{});
  new (at) RecordDetails{
      .timestamp_us = input.timestamp.value_or(UnixTime{}).us,
      .bundle = input.bundle,
      .cause = input.provenance.cause,
      .samples_bytes = static_cast<std::uint32_t>(input.samples.value_or(Bytes{}).size()),
      .id = input.id.value_or(0),
      .rate = input.rate.value_or(0),
      .ttl_seconds = ttl.seconds,
      .origin = input.provenance.origin,
      .peer = input.provenance.peer,
      .ttl_mode = ttl.mode,
      .hops = input.provenance.hops,
      .present = static_cast<std::uint8_t>((input.id ? has_id : 0) | (input.rate ? has_rate : 0) | (input.samples ? has_samples : 0) |
                                           (input.timestamp ? has_timestamp : 0) | (input.ttl ? has_ttl : 0)),
  };
  return at + sizeof(RecordDetails);
}

Seq CommitLog::first_seq() const { return segments_.empty() ? last_ + 1 : segments_.front().first; }

void CommitLog::walk_back(const std::function<bool(const Commit&)>& visit) const {
  for (std::size_t s = segments_.size(); s-- > 0;) {
    for (std::uint32_t i = segments_[s].count; i-- > 0;) {
      if (!visit(record(segments_[s], i))) return;
    }
  }
}

std::optional<Commit> CommitLog::find(Seq seq) const {
  auto segment = std::ranges::upper_bound(segments_, seq, {}, &Segment::first);
  if (segment == segments_.begin()) return std::nullopt;
  --segment;
  if (seq - segment->first >= segment->count) return std::nullopt;
  return record(*segment, static_cast<std::uint32_t>(seq - segment->first));
}

void CommitLog::walk_from(Seq from, const std::function<bool(const Commit&)>& visit) const {
  // The last segment that does not begin behind `from`, if there is one.
  auto segment = std::ranges::upper_bound(segments_, from, {}, &Segment::first);
  if (segment != segments_.begin()) --segment;
  for (; segment != segments_.end(); ++segment) {
    for (Seq i = from > segment->first ? from - segment->first : 0; i < segment->count; ++i) {
      if (!visit(record(*segment, static_cast<std::uint32_t>(i)))) return;
    }
  }
}

// Takes the oldest segments away until a new one fits, and the memory of the last of them if it has the right size. A record that is larger
// than the whole ring is alone in it.
void CommitLog::add_segment(std::size_t bytes_min) {
  Segment added{.memory = nullptr, .capacity = std::max(segment_bytes_, bytes_min), .first = last_ + 1};
  std::size_t dropped = 0;
  for (; dropped < segments_.size() && memory_bytes_ + added.capacity > bytes_max_; ++dropped) {
    memory_bytes_ -= segments_[dropped].capacity;
    if (segments_[dropped].capacity == added.capacity) added.memory = std::move(segments_[dropped].memory);
  }
  segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(dropped));
  if (added.memory == nullptr) added.memory = std::make_unique_for_overwrite<std::byte[]>(added.capacity);
  memory_bytes_ += added.capacity;
  segments_.push_back(std::move(added));
}

Commit CommitLog::record(const Segment& segment, std::uint32_t index) const {
  std::uint32_t start;
  std::memcpy(&start, segment.memory.get() + segment.capacity - (index + 1) * start_bytes, start_bytes);
  const std::byte* at = segment.memory.get() + start;
  RecordHeader header;
  std::memcpy(&header, at, sizeof header);
  at += sizeof header;
  RecordDetails details;
  if (header.present & has_details) {
    std::memcpy(&details, at, sizeof details);
    at += sizeof details;
  }
  const auto take = [&at](std::size_t size) { return Bytes{std::exchange(at, at + size), size}; };

  Commit commit;
  commit.seq = segment.first + index;
  commit.kind = header.kind;
  commit.address = as_text(take(header.address_bytes));
  const Bytes value = take(header.value_bytes);
  if (header.present & has_value) commit.value = ValueView{header.tag, value};
  commit.revision = header.revision;
  commit.signal = header.signal;
  commit.phase = header.phase;
  commit.time = {header.time_us};
  commit.any_type = (header.present & is_any_type) != 0;
  commit.lock = (header.present & has_lock) != 0;
  commit.unlock = (header.present & has_unlock) != 0;
  commit.provenance = {.writer = WriterId{header.writer},
                       .session = SessionId{header.session},
                       .origin = details.origin,
                       .peer = details.peer,
                       .hops = details.hops,
                       .cause = details.cause};
  commit.bundle = details.bundle;
  if (details.present & has_id) commit.id = details.id;
  if (details.present & has_ttl) commit.ttl = Ttl{details.ttl_mode, details.ttl_seconds};
  if (details.present & has_rate) commit.rate = details.rate;
  if (details.present & has_samples) commit.samples = take(details.samples_bytes);
  if (details.present & has_timestamp) commit.timestamp = UnixTime{details.timestamp_us};
  return commit;
}

}  // namespace clasp::router
