// The engine's seams: who may do what, who watches, what changes values on the way in, what reacts. Production and fakes implement them.
// All are called on the router thread, from inside the engine, and never call back into it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "clasp/error.hpp"
#include "core/message.hpp"
#include "core/pattern.hpp"
#include "router/sink.hpp"
#include "router/types.hpp"

namespace clasp::router {

enum class Action : std::uint8_t { read, write };

// What a session may do: compiled once, immutable, shared by all sessions with equal rights.
class GrantSet {
 public:
  virtual ~GrantSet() = default;
  virtual bool allows(Action action, std::string_view address) const = 0;
  virtual bool covers(Action action, const Pattern& pattern) const = 0;  // may act on everything the pattern can match
  virtual bool unrestricted() const { return false; }                    // allows() and covers() are always true: the engine does not ask
  virtual bool filtered() const { return false; }                        // Gate::view() must be asked for each item that leaves
};
using Grants = std::shared_ptr<const GrantSet>;
Grants open_grants();  // everything, for open mode and in-process sessions

struct SessionView {
  SessionId id = nobody;
  std::string_view name;
  const GrantSet* grants = nullptr;
};

struct Granted {
  Grants grants;
  std::string subject;
};
struct Denied {
  ErrorCode code = ErrorCode::unauthorized;
  std::string message;
};
struct Pending {};  // Router::verdict() follows; the link is not read meanwhile
using Verdict = std::variant<Granted, Denied>;
using Authentication = std::variant<Granted, Denied, Pending>;

struct Pass {};
struct Hide {};
struct Replace {
  Value value;
};
using View = std::variant<Pass, Hide, Replace>;

// Answers "may this session do that?". The scope and validator questions are synchronous and use memory only.
class Gate {
 public:
  virtual ~Gate() = default;
  virtual Authentication authenticate(Ticket ticket, const Hello& hello) = 0;
  // Refusal text (→ ERROR 403) or nothing. Sees the value before transformation; `value` is null for a PUBLISH without one.
  virtual std::optional<std::string> validate_write(const SessionView& session, std::string_view address, const ValueView& value) {
    static_cast<void>(session), static_cast<void>(address), static_cast<void>(value);
    return std::nullopt;
  }
  virtual View view(const SessionView& session, const Delivery& delivery) {
    static_cast<void>(session), static_cast<void>(delivery);
    return Pass{};
  }
};

// Everybody may do everything (open mode).
class OpenGate final : public Gate {
 public:
  Authentication authenticate(Ticket, const Hello&) override { return Granted{open_grants(), {}}; }
};

// One entry of the one order. Views are valid during the call that shows it.
struct Commit {
  Seq seq = 0;
  CommitKind kind = CommitKind::set;
  std::string_view address;
  std::optional<ValueView> value;
  Revision revision = 0;
  SignalType signal = SignalType::param;
  GesturePhase phase = GesturePhase::start;
  std::optional<std::uint32_t> id;
  std::optional<Ttl> ttl;
  bool lock = false;
  bool unlock = false;
  std::optional<std::uint32_t> rate;
  std::optional<Bytes> samples;
  std::optional<UnixTime> timestamp;  // as the sender gave it
  std::string_view writer;
  Provenance provenance;
  UnixTime time;
  std::uint64_t bundle = 0;  // equal for the members of one bundle, 0 outside
  bool any_type = false;     // a PUBLISH that does not say what it is
};

// Sees each turn's commits once, in order: journal, federation, metrics. Many are shown in several calls.
class Observer {
 public:
  static constexpr std::size_t shown_at_once_max = 32;  // what stays in the processor's nearest cache
  virtual ~Observer() = default;
  virtual void committed(std::span<const Commit> commits) = 0;
  // What was shown is no part of something that goes on: whoever keeps it all up to here keeps no half bundle, and no write without what rules made of it.
  virtual void whole() {}
};
class NullObserver final : public Observer {
 public:
  void committed(std::span<const Commit>) override {}
};

// What a reaction to a commit writes. Run to its end, in order, before any other frame is handled (contract 1).
struct Effect {
  SessionId session = nobody;  // who writes
  std::string address;
  std::optional<Value> value{};  // a SET without one is to Null
  bool publish = false;
  SignalType signal = SignalType::event;
  std::string writer{};      // "rule:<id>"
  std::uint32_t origin = 0;  // of its commit's Provenance: how the reactor knows its own again
  std::uint8_t hops = 0;     // of an effect that comes with time: those before it. The engine counts on for reactions to effects
  bool more = false;         // the next one belongs to it: reactions come when both are done, as with the members of a bundle (contract 24)
};

// Somebody from outside who came and will go: after HELLO, or with a profile that says so.
struct Visitor {
  SessionId id = nobody;
  std::string_view uuid;
  std::string_view name;
};

// Reacts to what was committed, to sessions and to time by effects. It may read the router (find(), for_each()), never write to it.
class Reactor {
 public:
  virtual ~Reactor() = default;
  virtual void react(const Commit& commit, const Now& now, std::vector<Effect>& effects) = 0;
  // Whether a SET of that param could set anything off. The engine remembers a no for as long as version() stays what it is, and does not call react().
  virtual bool concerns(std::string_view address) const {
    static_cast<void>(address);
    return true;
  }
  virtual std::uint32_t version() const { return 1; }  // never 0
  virtual void session_opened(const Visitor& visitor, const Now& now, std::vector<Effect>& effects) {
    static_cast<void>(visitor), static_cast<void>(now), static_cast<void>(effects);
  }
  virtual void subscribed(const Visitor& visitor, const Pattern& pattern, const Now& now, std::vector<Effect>& effects) {
    static_cast<void>(visitor), static_cast<void>(pattern), static_cast<void>(now), static_cast<void>(effects);
  }
  virtual void session_closed(const Visitor& visitor, const Now& now, std::vector<Effect>& effects) {
    static_cast<void>(visitor), static_cast<void>(now), static_cast<void>(effects);
  }
  virtual void advance(const Now& now, std::vector<Effect>& effects) { static_cast<void>(now), static_cast<void>(effects); }
  virtual std::optional<SteadyTime> next_deadline() const { return std::nullopt; }
  virtual void refused(const Effect& effect, const Error& error) { static_cast<void>(effect), static_cast<void>(error); }
  virtual void settled() {}  // every effect, and what came of it, is done
};

struct Keep {};
struct Drop {};  // the write is accepted and does nothing
struct Reject {
  std::string message;
  ErrorCode code = ErrorCode::invalid_value;  // → ERROR 402
};
using Transformed = std::variant<Keep, Value, Drop, Reject>;

// Changes a value on its way in; sees the value and its own state, never the engine. Called only when no lock or revision can refuse the write.
class Transform {
 public:
  virtual ~Transform() = default;
  virtual Transformed transform(std::string_view address, SignalType signal, const ValueView& value, const Now& now) = 0;
};

// Answers REPLAY. Gives what it finds with Router::replayed(), never from inside the call, and then says Router::replay_ended().
class Replayer {
 public:
  virtual ~Replayer() = default;
  // The session may read what the pattern covers. An error: it is not taken on.
  virtual std::optional<Error> replay(SessionId session, const Pattern& pattern, const Replay& replay, Qos qos) = 0;
};

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;
};

}  // namespace clasp::router
