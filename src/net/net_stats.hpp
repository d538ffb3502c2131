// Counters of listeners, streams and links: every bound and every refusal has one. Read by /metrics and by tests.
#pragma once

#include <cstdint>

namespace clasp::net {

struct NetStats {
  std::uint64_t accepted = 0;
  std::uint64_t accepts_failed = 0;  // accept() failed for want of descriptors or memory
  std::uint64_t evicted = 0;         // oldest silent connection closed, because descriptors ran out
  std::uint64_t links_opened = 0;    // connections that became CLASP links
  std::uint64_t http_requests = 0;   // without upgrades
  std::uint64_t http_refused = 0;    // malformed, too large, too late
  std::uint64_t upgrades_refused = 0;
  std::uint64_t protocol_unknown = 0;      // first byte belongs to nobody
  std::uint64_t protocol_unavailable = 0;  // known, but not part of this server
  std::uint64_t setups_timed_out = 0;      // no first frame within the limit
  std::uint64_t framing_faults = 0;
  std::uint64_t text_ignored = 0;
  std::uint64_t messages_deflated = 0;    // sent compressed
  std::uint64_t deflate_bytes_saved = 0;  // by these
  std::uint64_t messages_inflated = 0;    // received compressed
  std::uint64_t pongs_withheld = 0;       // the peer pings and does not read
  std::uint64_t lingers_timed_out = 0;    // the peer did not take what was left
  std::uint64_t connections_lost = 0;     // reset, or a write failed
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

}  // namespace clasp::net
