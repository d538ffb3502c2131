// What the journal keeps of one commit, and how entries lie in memory on their way to the disk and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/byte_buffer.hpp"
#include "core/message.hpp"
#include "core/time.hpp"
#include "core/value_view.hpp"
#include "router/hooks.hpp"

namespace clasp::store {

// Position in the journal: from 1, never reused, also not by a later run. Not the router's Seq, which begins anew with every run.
using JournalSeq = std::uint64_t;

// `lock_freed`: a lock was released without a write, because its holder left.
enum class EntryKind : std::uint8_t { set, publish, removed, lock_freed };

// Views are valid as long as the bytes they were read from.
struct Entry {
  JournalSeq seq = 0;
  EntryKind kind = EntryKind::set;
  UnixTime time;                        // of the commit
  std::string_view author;              // the writer's text: session id, "rule:x", …
  std::string_view address;
  SignalType signal = SignalType::param;
  std::optional<ValueView> value;
  std::uint64_t revision = 0;           // params only
  std::optional<Ttl> ttl;
  bool lock = false;
  bool unlock = false;
  GesturePhase phase = GesturePhase::start;
  std::optional<std::uint32_t> id;      // gesture id
  std::optional<std::uint32_t> rate;
  std::optional<Bytes> samples;
  std::optional<UnixTime> sent_time;    // as the sender gave it
  std::uint64_t bundle = 0;             // equal for the members of one bundle, 0 outside
  std::uint32_t origin = 0;             // router::Provenance
  std::uint8_t hops = 0;
  bool foreign = false;                 // written by another program: no checksum, and revisions may fall
};

// A param as a snapshot keeps it.
struct ParamImage {
  std::string_view address;
  ValueView value;
  std::uint64_t revision = 0;
  std::string_view writer;
  UnixTime time;
  std::optional<Ttl> ttl;
};

Entry entry_of(const router::Commit& commit);  // without its seq in the journal

// Entries in a row, in the machine's own byte order: memory only.
void append_record(ByteBuffer& out, const Entry& entry);
std::size_t record_bytes(const Entry& entry);
// Whether the record at `offset` is of this kind, and of the entry's address, signal and id.
bool is_record_of(Bytes bytes, std::size_t offset, EntryKind kind, const Entry& entry);
std::optional<Ttl> record_ttl(Bytes bytes, std::size_t offset);
bool overwrite_record(ByteBuffer& bytes, std::size_t offset, const Entry& entry);  // false: it has another size
// The record at `offset`, which moves behind it. Call only while offset < bytes.size().
Entry next_record(Bytes bytes, std::size_t& offset);

}  // namespace clasp::store
