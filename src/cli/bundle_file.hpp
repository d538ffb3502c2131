// The files of `clasp bundle` and `clasp announce`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "clasp/client.hpp"

namespace clasp::cli {

struct BundleEntry {
  enum class Kind : std::uint8_t { set, emit, stream };
  Kind kind = Kind::set;
  std::string address;
  Value value;
  bool operator==(const BundleEntry&) const = default;
};

// [{"set": ["/a", 1]}, {"emit": ["/b", 2]}, {"emit": "/c"}, {"stream": ["/d", 0.5]}]. The error names the entry, counted from 1, and what was
// expected.
Result<std::vector<BundleEntry>> parse_bundle(const Value& document);

struct Announcement {
  std::string ns;
  std::vector<SignalInfo> signals;
};

// {"namespace": "/desk", "signals": [{"address": "/desk/fader", "type": "param", "datatype": "f32", "access": "rw", "unit": "dB", "range": [-60, 12],
// "description": "…"}]}. Only address and type are needed. The last three may also stand in an object "meta", as in the JSON of other clients.
Result<Announcement> parse_announcement(const Value& document);

}  // namespace clasp::cli
