// Recognises what a device sends straight back: motor faders, OSC apps that echo (bridges specification, section 2.7, second bullet).
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string_view>

#include "bridge/router_link.hpp"
#include "core/bytes.hpp"
#include "core/time.hpp"

namespace clasp::bridge::osc {

// Remembers the last packet sent to each address in a table of fixed size: two addresses may share a place, then the later one has it and an
// echo of the earlier passes as news. Packets are compared, not values, so a number that lost digits on the way out is recognised.
class LoopbackGuard {
 public:
  explicit LoopbackGuard(Micros window) : window_(window) {}  // 0: recognises nothing

  // `cause`: the peer the packet was not sent to, because its value came from there.
  void sent(Bytes packet, PeerTag cause, SteadyTime now) {
    const std::string_view text = as_text(packet);
    const std::size_t key = hash(text.substr(0, text.find('\0')));
    places_[key % places_.size()] = {.key = key, .content = hash(text), .sent_at = now, .cause = cause, .used = true};
  }

  // Whether comparing is worth it: something went to that address within the window, and also to `from`.
  bool may_be_echo(std::string_view osc_address, PeerTag from, SteadyTime now) const {
    const std::size_t key = hash(osc_address);
    const Place& place = places_[key % places_.size()];
    return place.used && place.key == key && place.cause != from && now - place.sent_at < window_;
  }
  // `packet`: what we would have sent for the received value.
  bool is_echo(std::string_view osc_address, Bytes packet) const {
    return places_[hash(osc_address) % places_.size()].content == hash(as_text(packet));
  }

 private:
  struct Place {
    std::size_t key = 0;
    std::size_t content = 0;
    SteadyTime sent_at;
    PeerTag cause = PeerTag::none;
    bool used = false;
  };
  static std::size_t hash(std::string_view text) { return std::hash<std::string_view>{}(text); }

  Micros window_;
  std::array<Place, 4'096> places_{};
};

}  // namespace clasp::bridge::osc
