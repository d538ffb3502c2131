// The two framings of plain streams: any bytes, cut anywhere.
#include <cstddef>
#include <cstdint>

#include "core/limits.hpp"
#include "cut_stream.hpp"
#include "net/bare_framer.hpp"
#include "net/length_framer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clasp;
  if (size < 2) return 0;
  const std::size_t read_bytes = data[1] + 1U;
  const std::span<const std::uint8_t> stream{data + 2, size - 2};
  const std::size_t held_max = wire::frame_bytes_max + 256;
  const auto check = [&]<typename Framer>() {
    const fuzz::Split whole = fuzz::split<Framer>(stream, stream.size() + 1, held_max);
    fuzz::require(whole == fuzz::split<Framer>(stream, read_bytes, held_max), "cuts don't matter");
  };
  if ((data[0] & 1) != 0) {
    check.operator()<net::LengthFramer>();
  } else {
    check.operator()<net::BareFramer>();
  }
  return 0;
}
