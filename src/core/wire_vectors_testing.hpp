// For tests only: the wire vectors (tests/data/wire.json) and messages in the notation they use.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

#include "core/codec.hpp"

namespace clasp::testing {

using Json = nlohmann::ordered_json;

struct Vector {
  std::string name;
  std::vector<std::byte> bytes;
  Json row;
};
inline void PrintTo(const Vector& vector, std::ostream* out) { *out << vector.name; }  // NOLINT: GoogleTest looks for this name

std::vector<Vector> load_vectors(const std::string& section);
std::string by_name(const ::testing::TestParamInfo<Vector>& info);  // its name with underscores

std::vector<std::byte> from_hex(std::string_view hex);
std::string to_hex(Bytes bytes);

Json to_json(const ValueView& value);
Json to_json(const Message& message);

// The same message as a JSON text without the differences that our structs do not know: value, payload and samples in one slot, "no types" and
// "all types", no options and empty options, the decimal rendering of floats beside their bits, "absolute, 0 s" and never.
std::string normal(const Json& message);

// `normal(message)` further reduced to what the compact form can carry: no announced meta, no feature names of our own invention.
std::string normal_compact(const Message& message);

// Whole frame or payload, through both decoding steps.
Decoded<Message> decode_whole(Decoder& decoder, Bytes frame);
std::vector<std::byte> payload_of(const Message& message);

// Encodes the message, decodes that and compares. Returns what went wrong, empty if nothing.
std::string check_round_trip(const Message& message);

}  // namespace clasp::testing
