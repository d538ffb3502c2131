// Who of many clients wants what of the router, over one link. One thread; never calls the link from inside one of its deliveries.
//
// The link has each pattern once. What they hold is kept (bounded), so that a client that wants a pattern others have already gets its state from
// here, in order with the changes; and a snapshot that comes again tells nobody what he knows. Without room a value is not kept: then a snapshot may
// be told twice, and who comes later waits for the next change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bridge/router_link.hpp"
#include "core/pattern.hpp"

namespace clasp::bridge::web {

struct AudienceLimits {
  std::size_t params_max = 65'536;
  std::size_t params_bytes_max = 67'108'864;
  std::size_t patterns_max = 900;  // of all clients together; the router's own limit is 1,000 a session
};

class Audience {
 public:
  explicit Audience(RouterLink& link, const AudienceLimits& limits = {}) : link_(link), limits_(limits) {}

  using Show = std::function<void(std::string_view address, const ValueView& value, std::uint64_t revision)>;

  // The link was opened with these.
  void set_base(std::vector<std::string> patterns);
  // From now on the client hears what matches. What is known of it is shown at once, the rest comes as snapshot deliveries. Error: too many patterns.
  // Once more: other types from now on, and the state again.
  Result<void> subscribe(PeerTag client, const Pattern& pattern, TypeMask types, const Show& show);
  bool unsubscribe(PeerTag client, std::string_view pattern);
  void forget(PeerTag client);
  std::size_t subscriptions(PeerTag client) const;

  // Notes a delivery. False: it is a snapshot that everybody knows already.
  bool note(const LinkDelivery& delivery);
  // Each client that has subscribed to it, once.
  const std::vector<PeerTag>& listeners(std::string_view address, SignalType type);
  // What is known at an address, or of a pattern; in no order.
  void each_known(const Pattern& pattern, const Show& show) const;
  void link_down();  // nothing is known any more
  // All that the pattern held has been delivered; so what is known of it is whole, unless there was no room.
  void caught_up(std::string_view pattern);
  bool is_settled(std::string_view pattern) const;
  bool is_full() const { return params_.size() >= limits_.params_max || params_bytes_ >= limits_.params_bytes_max; }

  std::size_t params() const { return params_.size(); }
  std::size_t patterns() const { return wanted_.size(); }
  std::uint64_t not_kept() const { return not_kept_; }

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Param {
    std::string value;  // tag byte and data
    std::uint64_t revision = 0;
    ValueView view() const { return {static_cast<ValueTag>(value[0]), as_bytes(std::string_view(value).substr(1))}; }
  };
  struct Wanted {
    Pattern pattern;
    bool base = false;
    bool settled = false;
    std::map<PeerTag, TypeMask> clients;
  };
  using WantedMap = std::map<std::string, Wanted, std::less<>>;

  void drop_if_unwanted(WantedMap::iterator wanted);
  void forget_params_of(const Pattern& pattern);

  RouterLink& link_;
  AudienceLimits limits_;
  WantedMap wanted_;  // by the pattern's text
  std::unordered_map<std::string, Param, TextHash, std::equal_to<>> params_;
  std::size_t params_bytes_ = 0;
  std::uint64_t not_kept_ = 0;
  std::vector<PeerTag> listeners_;  // of the last call
};

}  // namespace clasp::bridge::web
