#include "store/entry.hpp"

#include <cstring>

#include "core/check.hpp"

namespace clasp::store {
namespace {

enum Present : std::uint16_t { value = 1, ttl = 2, id = 4, rate = 8, samples = 16, sent_time = 32, lock = 64, unlock = 128, foreign = 256 };

// Followed by author, address, value and samples.
struct Header {
  std::uint64_t seq;
  std::uint64_t time_us;
  std::uint64_t sent_us;
  std::uint64_t revision;
  std::uint64_t bundle;
  std::uint32_t total_bytes;
  std::uint32_t author_bytes;
  std::uint32_t address_bytes;
  std::uint32_t value_bytes;
  std::uint32_t samples_bytes;
  std::uint32_t id;
  std::uint32_t rate;
  std::uint32_t ttl_seconds;
  std::uint32_t origin;
  std::uint16_t present;
  EntryKind kind;
  SignalType signal;
  GesturePhase phase;
  ValueTag tag;
  Ttl::Mode ttl_mode;
  std::uint8_t hops;
};

EntryKind kind_of(router::CommitKind kind) {
  switch (kind) {
    case router::CommitKind::publish: return EntryKind::publish;
    case router::CommitKind::remove: return EntryKind::removed;
    case router::CommitKind::lock: return EntryKind::lock_freed;
    case router::CommitKind::set: break;
  }
  return EntryKind::set;
}

}  // namespace

Entry entry_of(const router::Commit& commit) {
  return {.seq = 0,
          .kind = kind_of(commit.kind),
          .time = commit.time,
          .author = commit.writer,
          .address = commit.address,
          .signal = commit.kind == router::CommitKind::publish ? commit.signal : SignalType::param,
          .value = commit.value,
          .revision = commit.revision,
          .ttl = commit.ttl,
          .lock = commit.lock,
          .unlock = commit.unlock,
          .phase = commit.phase,
          .id = commit.id,
          .rate = commit.rate,
          .samples = commit.samples,
          .sent_time = commit.timestamp,
          .bundle = commit.bundle,
          .origin = commit.provenance.origin,
          .hops = commit.provenance.hops};
}

std::size_t record_bytes(const Entry& entry) {
  return sizeof(Header) + entry.author.size() + entry.address.size() + (entry.value ? entry.value->data.size() : 0) +
         (entry.samples ? entry.samples->size() : 0);
}

namespace {

Header header_of(const Entry& entry) {
  const auto flag = [](bool on, Present bit) { return on ? static_cast<unsigned>(bit) : 0U; };
  return {
      .seq = entry.seq,
      .time_us = entry.time.us,
      .sent_us = entry.sent_time.value_or(UnixTime{}).us,
      .revision = entry.revision,
      .bundle = entry.bundle,
      .total_bytes = static_cast<std::uint32_t>(record_bytes(entry)),
      .author_bytes = static_cast<std::uint32_t>(entry.author.size()),
      .address_bytes = static_cast<std::uint32_t>(entry.address.size()),
      .value_bytes = static_cast<std::uint32_t>(entry.value ? entry.value->data.size() : 0),
      .samples_bytes = static_cast<std::uint32_t>(entry.samples ? entry.samples->size() : 0),
      .id = entry.id.value_or(0),
      .rate = entry.rate.value_or(0),
      .ttl_seconds = entry.ttl.value_or(Ttl{}).seconds,
      .origin = entry.origin,
      .present = static_cast<std::uint16_t>(flag(entry.value.has_value(), value) | flag(entry.ttl.has_value(), ttl) | flag(entry.id.has_value(), id) |
                                            flag(entry.rate.has_value(), rate) | flag(entry.samples.has_value(), samples) |
                                            flag(entry.sent_time.has_value(), sent_time) | flag(entry.lock, lock) | flag(entry.unlock, unlock) |
                                            flag(entry.foreign, foreign)),
      .kind = entry.kind,
      .signal = entry.signal,
      .phase = entry.phase,
      .tag = entry.value ? entry.value->tag : ValueTag::null,
      .ttl_mode = entry.ttl.value_or(Ttl{}).mode,
      .hops = entry.hops,
  };
}

Header read_header(Bytes bytes, std::size_t offset) {
  Header header;
  CLASP_CHECK(offset + sizeof header <= bytes.size());
  std::memcpy(&header, bytes.data() + offset, sizeof header);
  CLASP_CHECK(header.total_bytes >= sizeof header && header.total_bytes <= bytes.size() - offset);
  return header;
}

void write_record(std::byte* at, const Entry& entry) {
  const Header header = header_of(entry);
  const auto put = [&at](const void* from, std::size_t size) {
    if (size != 0) std::memcpy(at, from, size);
    at += size;
  };
  put(&header, sizeof header);
  put(entry.author.data(), entry.author.size());
  put(entry.address.data(), entry.address.size());
  if (entry.value) put(entry.value->data.data(), entry.value->data.size());
  if (entry.samples) put(entry.samples->data(), entry.samples->size());
}

}  // namespace

void append_record(ByteBuffer& out, const Entry& entry) { write_record(out.extend(record_bytes(entry)), entry); }

bool is_record_of(Bytes bytes, std::size_t offset, EntryKind kind, const Entry& entry) {
  const Header header = read_header(bytes, offset);
  return header.kind == kind && header.signal == entry.signal && header.id == entry.id.value_or(0) && header.address_bytes == entry.address.size() &&
         std::memcmp(bytes.data() + offset + sizeof header + header.author_bytes, entry.address.data(), entry.address.size()) == 0;
}

std::optional<Ttl> record_ttl(Bytes bytes, std::size_t offset) {
  const Header header = read_header(bytes, offset);
  if ((header.present & ttl) == 0) return std::nullopt;
  return Ttl{header.ttl_mode, header.ttl_seconds};
}

bool overwrite_record(ByteBuffer& bytes, std::size_t offset, const Entry& entry) {
  if (read_header(bytes.view(), offset).total_bytes != record_bytes(entry)) return false;
  write_record(bytes.data() + offset, entry);
  return true;
}

Entry next_record(Bytes bytes, std::size_t& offset) {
  const Header header = read_header(bytes, offset);
  std::size_t at = offset + sizeof header;
  offset += header.total_bytes;
  const auto take = [&](std::size_t size) { return bytes.subspan(std::exchange(at, at + size), size); };
  const auto has = [&](Present bit) { return (header.present & bit) != 0; };

  Entry entry{.seq = header.seq, .kind = header.kind, .time = {header.time_us}};
  entry.author = as_text(take(header.author_bytes));
  entry.address = as_text(take(header.address_bytes));
  const Bytes value_bytes = take(header.value_bytes);
  const Bytes sample_bytes = take(header.samples_bytes);
  entry.signal = header.signal;
  if (has(value)) entry.value = ValueView{header.tag, value_bytes};
  entry.revision = header.revision;
  if (has(ttl)) entry.ttl = Ttl{header.ttl_mode, header.ttl_seconds};
  entry.lock = has(lock);
  entry.unlock = has(unlock);
  entry.phase = header.phase;
  if (has(id)) entry.id = header.id;
  if (has(rate)) entry.rate = header.rate;
  if (has(samples)) entry.samples = sample_bytes;
  if (has(sent_time)) entry.sent_time = UnixTime{header.sent_us};
  entry.bundle = header.bundle;
  entry.origin = header.origin;
  entry.hops = header.hops;
  entry.foreign = has(foreign);
  return entry;
}

}  // namespace clasp::store
