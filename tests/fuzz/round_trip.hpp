// What every decoded message has to bear: encoded, decoded and encoded again, it has the same bytes.
#pragma once

#include "core/check.hpp"
#include "core/codec.hpp"

namespace clasp::fuzz {

inline void check_round_trip(const Message& message) {
  ByteBuffer first;
  if (!append_payload(first, message)) {  // only rewritten numbers can make a payload outgrow its frame
    CLASP_CHECK(first.empty());
    return;
  }
  Decoder decoder;
  const Decoded<Message> again = decoder.decode(first.view());
  CLASP_CHECK(again.has_value());
  CLASP_CHECK(type_of(*again) == type_of(message));
  ByteBuffer second;
  CLASP_CHECK(append_payload(second, *again));
  CLASP_CHECK(same_bytes(first.view(), second.view()));
}

}  // namespace clasp::fuzz
