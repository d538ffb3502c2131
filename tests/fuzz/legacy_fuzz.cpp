// A payload alone, steered towards MessagePack: the first byte becomes a map marker if it is none.
#include <vector>

#include "round_trip.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clasp;
  if (size == 0) return 0;
  std::vector<std::byte> payload(reinterpret_cast<const std::byte*>(data), reinterpret_cast<const std::byte*>(data) + size);
  if (payload[0] != std::byte{0xde} && payload[0] != std::byte{0xdf}) payload[0] = (payload[0] & std::byte{0x0f}) | std::byte{0x80};
  static Decoder decoder;
  const Decoded<Message> message = decoder.decode(payload);
  if (message)
    fuzz::check_round_trip(*message);
  else
    CLASP_CHECK(message.error().offset <= payload.size());
  return 0;
}
