// The params as the contract wants them: revisions (19, 20), strategies, locks, lifetimes, capacity. A map and straight lines, nothing clever.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "frame.hpp"
#include "pattern.hpp"
#include "rules.hpp"

namespace clasp::simulation::model {

using SessionNo = std::uint64_t;  // 0 is nobody

struct Param {
  Value value;
  std::uint64_t revision = 0;
  SessionNo writer = 0;
  std::uint64_t written_unix = 0;
  Us renewed = 0;  // what its lifetime counts from
  Lifetime lifetime;
  Strategy strategy = Strategy::lww;
  SessionNo holder = 0;       // of its lock
  std::uint64_t changed = 0;  // which change of the whole run made it what it is
  std::uint64_t created = 0;  // order of creation …
  std::uint64_t used = 0;     // … and of use, for capacity
};

namespace code {
inline constexpr int refused_by_state = 400, lock_held = 401, invalid_value = 402, refused = 403, not_found = 404, too_many = 429;
inline constexpr int invalid_message = 101, handshake_timeout = 103, pattern = 202, unavailable = 501, overloaded = 503;
}  // namespace code

class State {
 public:
  State(const Rules& rules, Matchers& matchers) : rules_(rules), matchers_(matchers) {}

  const std::map<std::string, Param>& params() const { return params_; }
  const Param* find(const std::string& address) const;
  // The code of the error that refuses the write, 0 if none does.
  int refusal(const std::string& address, std::optional<std::uint64_t> expected, SessionNo writer) const;
  Strategy strategy_of(const std::string& address) const;  // what it has, or would be created with
  bool loses(const std::string& address, const Value& value) const;
  std::optional<std::string> next_victim(const std::string& newcomer) const;  // whom creating `newcomer` costs its place
  std::uint64_t write(const SetFields& set, SessionNo writer, bool may_lock, std::uint64_t change, Clock now);
  std::uint64_t remove(const std::string& address);  // the revision its end has
  void touch(const std::string& address, Us now);    // read: matters for sliding lifetimes and for capacity
  void release_locks(SessionNo holder);

  std::vector<std::string> expired(Us now) const;
  std::optional<Us> next_expiry() const;

 private:
  std::optional<Us> end_of(const Param& param) const;
  void renew(const std::string& address, Param& param, Us now);

  const Rules& rules_;
  Matchers& matchers_;
  std::map<std::string, Param> params_;
  std::map<std::string, std::uint64_t> gone_;  // address → the last revision it had
  std::set<std::pair<Us, std::string>> ends_;
  std::uint64_t order_ = 0;
};

}  // namespace clasp::simulation::model
