// What lets a session go on over another link (docs/resume.md): what proves that it is its client's, how many frames have come, and those that were
// sent and may not have arrived. Bounded: beyond `bytes_max` the oldest of these are forgotten, and lost if it comes to that.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/byte_buffer.hpp"
#include "core/resume.hpp"

namespace clasp::client {

class Continuity {
 public:
  explicit Continuity(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  bool offered() const { return offer_.has_value(); }  // there is something to claim
  resume::Request request() const;

  void begin(std::string_view session, const resume::Offer& offer);  // a new session
  void end();                                                        // it cannot be claimed any more

  // One frame has come. True: the router should be told how many those are by now.
  bool received(std::size_t bytes);
  resume::Mark take_mark();

  void sent(Bytes frames);             // whole frames, back to back, are with the link
  void arrived(std::uint64_t frames);  // so many of all that were ever sent
  // The session goes on: what did not arrive is put at the end of `out`, to be sent anew. How many frames were forgotten that had not arrived.
  std::uint64_t go_on(const resume::Offer& offer, ByteBuffer& out);
  std::size_t kept_bytes() const { return kept_.size() - start_; }

 private:
  void drop_first();

  std::size_t bytes_max_;
  std::string session_;
  std::optional<resume::Offer> offer_;
  std::uint64_t received_ = 0;
  std::uint64_t marked_ = 0;
  std::size_t bytes_since_mark_ = 0;
  ByteBuffer kept_;  // from start_ on: frames first_ … next_ - 1
  std::size_t start_ = 0;
  std::uint64_t first_ = 0;
  std::uint64_t next_ = 0;
};

}  // namespace clasp::client
