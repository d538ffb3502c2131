// Signal definitions received by ANNOUNCE, keyed by address; independent of params (router specification, section 16).
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/address.hpp"
#include "core/message.hpp"
#include "core/pattern.hpp"
#include "router/types.hpp"

namespace clasp::router {

class SignalRegistry {
 public:
  // `ttl`: how long signals outlive the session that announced them last; 0: for ever. (The reference counts from ANNOUNCE and forgets the signals
  // of a desk that has been connected for an hour.)
  SignalRegistry(std::size_t signals_max, Micros ttl) : signals_max_(signals_max), ttl_(ttl) {}

  // Stores or renews; later calls have later times. False if the registry is full: it has signals_max of them (renewals do not count), or its
  // texts would grow beyond 1 KiB a signal on average.
  bool announce(const SignalDefinition& definition, SessionId by, SteadyTime now);
  // The session is gone: what it announced stays, without somebody behind it, until somebody announces it again.
  void leave(SessionId session, SteadyTime now);
  // In address order; only definitions that have not expired. Costs what lies below the literal part of the pattern.
  void query(const Pattern& pattern, SteadyTime now, const std::function<void(const SignalDefinition&)>& visit) const;
  // All of them with their meta (unit, range, description), for the router's own program.
  struct Entry {
    SignalDefinition definition;
    bool present = false;  // the session that announced it last is still there
  };
  void for_each(SteadyTime now, const std::function<void(const Entry&)>& visit) const;
  std::uint64_t version() const { return version_; }  // another one whenever for_each() would give something else
  void expire(SteadyTime now);  // cheap to call often: looks only when something can be due
  std::optional<SteadyTime> next_expiry() const;
  std::size_t size() const { return signals_.size(); }  // those that have expired since the last expire() included

 private:
  struct Less {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const { return compare_addresses(a, b) < 0; }
  };
  using Ages = std::list<std::string_view>;  // of signals nobody is behind: their addresses (the keys of signals_), the one longest so first

  static constexpr std::size_t mean_text_bytes_max = 1'024;

  struct Signal {
    SignalType type{};
    std::optional<std::string> datatype;
    std::optional<std::string> access;
    std::optional<std::string> unit;
    std::optional<std::string> description;
    std::optional<std::pair<double, double>> range;
    SessionId by = nobody;
    std::optional<SteadyTime> left;  // when the session that announced it last went; none: it is there
    std::size_t text_bytes = 0;
    Ages::iterator age;
  };

  bool expired(const Signal& signal, SteadyTime now) const { return ttl_ != Micros::zero() && signal.left && now >= *signal.left + ttl_; }

  std::size_t signals_max_;
  Micros ttl_;
  std::map<std::string, Signal, Less> signals_;
  Ages ages_;
  std::size_t text_bytes_ = 0;
  std::unordered_map<SessionId, std::size_t> announcers_;  // how many signals each has
  std::uint64_t version_ = 0;

  void count(SessionId session, std::ptrdiff_t change);
};

}  // namespace clasp::router
