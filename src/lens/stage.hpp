// A module at its place: parameters, direction, limits, and its instances. Lenses remember, so each address has an instance of its own.
//
// Router thread only. At most `instances_max` of them, in at most `instances_bytes_max` of memory; the one unused for longest goes. One that traps is
// made anew, with its parameters and without its memory; so is one that has leaked three quarters of its limit. After a call that had to be stopped
// nothing is called for twenty times as long as it took: however often a lens loops, the router has nineteen parts of twenty of its time.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "clasp/value.hpp"
#include "core/time.hpp"
#include "lens/instance.hpp"
#include "lens/payload.hpp"

namespace clasp::lens {

enum class State : std::uint8_t { address, shared, none };

struct StageSpec {
  std::string file;                     // as it was given, for messages
  std::optional<std::string> params{};  // JSON
  Direction direction = Direction::forward;
  Payload payload = Payload::automatic;
  BytesAs bytes = BytesAs::skip;
  State state = State::address;
  Limits limits{};
  std::size_t instances_max = 1'024;
  std::size_t instances_bytes_max = std::size_t{1} << 30;
  bool operator==(const StageSpec&) const = default;
};

struct StageStats {
  std::uint64_t calls = 0;
  std::uint64_t errors = 0;     // faults of any kind, ends of streams not counted
  std::uint64_t ended = 0;      // calls that gave the end of the stream: a filter's no
  std::uint64_t made = 0;       // instances
  std::uint64_t trapped = 0;    // … dropped after a trap
  std::uint64_t recycled = 0;   // … because of what they had leaked
  std::uint64_t forgotten = 0;  // … because there were too many
  std::uint64_t rested = 0;     // calls not made, because the lens had been stopped a moment before
  std::uint64_t nanoseconds = 0;
  StageStats& operator+=(const StageStats& other);
};

class Stage {
 public:
  // Tries the module on an instance that is thrown away: parameters it refuses are a fault, and `payload` is found out if it is to be.
  static LensResult<std::shared_ptr<Stage>> make(std::shared_ptr<const Module> module, StageSpec spec);

  LensResult<Value> apply(std::string_view address, const ValueView& value, SteadyTime now);
  LensResult<Value> apply(std::string_view address, const Value& value, SteadyTime now);

  const StageSpec& spec() const { return spec_; }  // `payload` is never automatic
  const Module& module() const { return *module_; }
  const StageStats& stats() const { return stats_; }
  std::size_t instances() const { return used_.size(); }
  const std::vector<std::string>& notes() const { return notes_; }

  // Made of the same: what this one remembers is as good there.
  bool same_as(const Stage& other) const { return module_ == other.module_ && asked_ == other.asked_; }

 private:
  struct Slot {
    std::string address;
    std::unique_ptr<Instance> instance;
    std::size_t bytes = 0;
  };
  using Slots = std::list<Slot>;

  Stage(std::shared_ptr<const Module> module, StageSpec spec) : module_(std::move(module)), asked_(spec), spec_(std::move(spec)) {}
  LensResult<void> probe();
  LensResult<std::unique_ptr<Instance>> create();
  LensResult<Instance*> instance_of(std::string_view address);
  LensResult<Value> run(std::string_view address, SteadyTime now);  // of input_
  void after_call();
  void drop(Slots::iterator slot);

  std::shared_ptr<const Module> module_;
  StageSpec asked_;
  StageSpec spec_;
  StageStats stats_;
  std::vector<std::string> notes_;
  std::string input_;
  Slots used_;                                                    // the last used first
  std::unordered_map<std::string_view, Slots::iterator> places_;  // keys lie in the list
  std::size_t bytes_ = 0;
  SteadyTime rests_until_;
};

}  // namespace clasp::lens
