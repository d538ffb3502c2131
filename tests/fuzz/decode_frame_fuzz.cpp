// A whole frame from a stranger, as a message transport hands it over.
#include "round_trip.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clasp;
  const Bytes input(reinterpret_cast<const std::byte*>(data), size);
  const Decoded<Frame> frame = decode_frame(input);
  if (!frame) return 0;
  const auto expected = frame_bytes_expected(input);
  CLASP_CHECK(expected.has_value() && *expected == frame->header.frame_bytes());
  static Decoder decoder;
  const Decoded<Message> message = decoder.decode(frame->payload);
  if (message)
    fuzz::check_round_trip(*message);
  else
    CLASP_CHECK(message.error().offset <= frame->payload.size());
  return 0;
}
