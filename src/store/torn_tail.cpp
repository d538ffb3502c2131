// SQLite's log, read as far as its documentation describes it: a header, then frames of one page each, chained by a checksum. A frame that ends a
// transaction says so. What is behind the last of those was being written when the process or the machine stopped.
#include <fmt/format.h>

#include <array>
#include <fstream>
#include <vector>

#include "core/bytes.hpp"
#include "store/recovery.hpp"

namespace clasp::store {
namespace {

constexpr std::size_t header_bytes = 32;
constexpr std::size_t frame_header_bytes = 24;
constexpr std::uint32_t magic = 0x377f'0682;  // the lowest bit says in which byte order checksums are taken

struct Sums {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  bool operator==(const Sums&) const = default;
  void add(Bytes bytes, bool big_endian) {
    for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
      const auto word = [&](std::size_t at) {
        const auto value = load_be<std::uint32_t>(bytes.data() + at);
        return big_endian ? value : __builtin_bswap32(value);
      };
      first += word(i) + second;
      second += word(i + 4) + first;
    }
  }
};

}  // namespace

std::optional<std::string> torn_tail(const std::string& path) {
  std::ifstream in(path + "-wal", std::ios::binary);
  std::array<std::byte, header_bytes> header;
  if (!in || !in.read(reinterpret_cast<char*>(header.data()), header_bytes)) return std::nullopt;
  const auto word = [](const std::byte* at) { return load_be<std::uint32_t>(at); };
  const std::uint32_t page = word(&header[8]);
  if ((word(&header[0]) & ~1U) != magic || page < 512 || page > 65'536 || (page & (page - 1)) != 0) return std::nullopt;
  const bool big_endian = (word(&header[0]) & 1U) != 0;
  Sums sums;
  sums.add(Bytes(header).first(24), big_endian);

  std::vector<std::byte> frame(frame_header_bytes + page);
  std::uint64_t at = header_bytes;
  std::uint64_t committed = header_bytes;
  bool more = false;  // something of this log's generation lies behind what counts
  for (;; at += frame.size()) {
    in.read(reinterpret_cast<char*>(frame.data()), static_cast<std::streamsize>(frame.size()));
    const auto got = static_cast<std::size_t>(in.gcount());
    // Frames of an earlier generation, which has other salts, are only not overwritten yet.
    if (got < 16 || !same_bytes(Bytes(frame).subspan(8, 8), Bytes(header).subspan(16, 8))) break;
    more = true;
    if (got < frame.size()) break;
    sums.add(Bytes(frame).first(8), big_endian);
    sums.add(Bytes(frame).subspan(frame_header_bytes), big_endian);
    if (sums != Sums{word(&frame[16]), word(&frame[20])}) break;
    if (word(&frame[4]) == 0) continue;
    committed = at + frame.size();
    more = false;
  }
  if (!more) return std::nullopt;
  return fmt::format("{}-wal: what was being written when the last run ended is cut off behind byte {}", path, committed);
}

}  // namespace clasp::store
