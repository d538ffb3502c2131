// What an MQTT side sends has to be whole packets, whatever it was told.
#pragma once

#include <string_view>

#include "cut_stream.hpp"
#include "mqtt/framer.hpp"

namespace clasp::fuzz {

inline void require_whole_packets(std::string_view sent) {
  Bytes rest = as_bytes(sent);
  while (!rest.empty()) {
    const auto length = mqtt::read_variable_integer(rest.subspan(1));
    require(length.bytes != 0 && rest.size() >= 1 + length.bytes + length.value, "what is sent are whole packets");
    rest = rest.subspan(1 + length.bytes + length.value);
  }
}

}  // namespace clasp::fuzz
