// Signal definitions received by ANNOUNCE, keyed by address; independent of params (router specification, section 16).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/address.hpp"
#include "core/message.hpp"
#include "core/pattern.hpp"
#include "router/types.hpp"

namespace clasp::router {

class SignalRegistry {
 public:
  SignalRegistry(std::size_t signals_max, Micros ttl) : signals_max_(signals_max), ttl_(ttl) {}  // ttl 0: never

  // Stores or renews. False if the registry is full (renewals always succeed).
  bool announce(const SignalDefinition& definition, SessionId by, SteadyTime now);
  // In address order; only definitions that have not expired.
  void query(const Pattern& pattern, SteadyTime now, const std::function<void(const SignalDefinition&)>& visit) const;
  void expire(SteadyTime now);  // cheap to call often: looks only when something can be due
  std::optional<SteadyTime> next_expiry() const;
  std::size_t size() const { return signals_.size(); }

 private:
  struct Signal {
    SignalType type{};
    std::optional<std::string> datatype;
    std::optional<std::string> access;
    SessionId by = nobody;
    SteadyTime renewed;
  };
  struct Less {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return compare_addresses(a, b) < 0; }
  };
  std::size_t signals_max_;
  Micros ttl_;
  std::map<std::string, Signal, Less> signals_;
};

}  // namespace clasp::router
