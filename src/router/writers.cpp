#include "router/writers.hpp"

#include "core/bytes.hpp"
#include "core/check.hpp"
#include "router/seeded_hash.hpp"

namespace clasp::router {
namespace {

constexpr WriterId anonymous{0};

constexpr std::uint32_t number(WriterId writer) { return static_cast<std::uint32_t>(writer); }

std::string_view write_uuid(const Uuid& uuid, char* out) {
  constexpr std::string_view digits = "0123456789abcdef";
  char* at = out;
  for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
    *at++ = digits[uuid.bytes[i] >> 4];
    *at++ = digits[uuid.bytes[i] & 0xf];
  }
  return {out, Writers::uuid_text_bytes};
}

}  // namespace

Writers::Writers(std::uint64_t hash_seed) : seed_(hash_seed) { CLASP_CHECK(rows_.take() == number(anonymous)); }

WriterId Writers::intern(const Uuid& session) {
  const std::uint64_t hash = hash_of(session);
  std::uint32_t row = index_.find(hash, [&](std::uint32_t candidate) { return rows_[candidate].is_uuid && rows_[candidate].uuid == session; });
  if (row == FlatIndex::none) {
    row = add(hash);
    rows_[row].is_uuid = true;
    rows_[row].uuid = session;
  }
  ++rows_[row].count;
  return WriterId{row};
}

WriterId Writers::intern(std::string_view text) {
  if (text.empty()) return anonymous;
  char buffer[uuid_text_bytes];
  // Only the form we would write ourselves: any other has to come back as it was.
  if (Uuid uuid; text.size() == uuid_text_bytes && parse_uuid(text, uuid) && write_uuid(uuid, buffer) == text) return intern(uuid);

  const std::uint64_t hash = hash_text(text, seed_);
  std::uint32_t row = index_.find(hash, [&](std::uint32_t candidate) { return !rows_[candidate].is_uuid && rows_[candidate].text == text; });
  if (row == FlatIndex::none) {
    row = add(hash);
    rows_[row].text = text;
  }
  ++rows_[row].count;
  return WriterId{row};
}

void Writers::retain(WriterId writer) {
  if (writer == anonymous) return;
  static_cast<void>(used_row(writer));
  ++rows_[number(writer)].count;
}

void Writers::release(WriterId writer) {
  if (writer == anonymous) return;
  CLASP_CHECK(used_row(writer).count > 0);
  Row& row = rows_[number(writer)];
  if (--row.count > 0 || row.in_unused) return;
  row.in_unused = true;
  unused_.push_back(number(writer));
}

void Writers::forget_unused() {
  for (const std::uint32_t place : unused_) {
    Row& row = rows_[place];
    row.in_unused = false;
    if (row.count > 0) continue;
    index_.erase(hash_of(row), place);
    rows_.give_back(place);
  }
  unused_.clear();
}

std::string_view Writers::text(WriterId writer, char* uuid_buffer) const {
  if (writer == anonymous) return {};
  const Row& row = used_row(writer);
  return row.is_uuid ? write_uuid(row.uuid, uuid_buffer) : std::string_view(row.text);
}

std::size_t Writers::text_bytes(WriterId writer) const {
  if (writer == anonymous) return 0;
  const Row& row = used_row(writer);
  return row.is_uuid ? uuid_text_bytes : row.text.size();
}

std::uint32_t Writers::add(std::uint64_t hash) {
  const std::uint32_t row = rows_.take();
  rows_[row].used = true;
  index_.insert(hash, row);
  return row;
}

const Writers::Row& Writers::used_row(WriterId writer) const {
  CLASP_CHECK(number(writer) < rows_.extent() && rows_[number(writer)].used);
  return rows_[number(writer)];
}

std::uint64_t Writers::hash_of(const Uuid& uuid) const {
  return hash_text({reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size()}, seed_);
}
std::uint64_t Writers::hash_of(const Row& row) const { return row.is_uuid ? hash_of(row.uuid) : hash_text(row.text, seed_); }

}  // namespace clasp::router
