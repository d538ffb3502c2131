// How control surfaces and values from elsewhere get along: motor faders, touch, soft take-over, lamps behind buttons. One Surface for one
// mapping; its controls are told apart by their device address. Values are in the device's units. Values and time in, values and deadlines out.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "clasp/value.hpp"
#include "core/time.hpp"

namespace clasp::mapping {

struct SurfaceConfig {
  static constexpr double feedback_hz_min = 0.001;
  double feedback_hz_max = 0;         // values a second to one control, the newest last; 0: all
  Micros touch_hold{0};               // after a control was moved by hand nothing is sent to it for so long; 0: no holding
  Micros echo_window{0};              // so long after a value was sent, what a control says on its way there is its motor, not a hand; 0: never
  bool pickup = false;                // a control that stands elsewhere has no effect until it passes the current value
  double tolerance = 0.02;            // what counts as the same position
  bool latch = false;                 // each press (a rise through 0.5) changes 0 to 1 and back; letting go does nothing
  std::size_t controls_max = 10'000;  // remembered; the one unused for longest is forgotten

  bool operator==(const SurfaceConfig&) const = default;
};

struct DueFeedback {
  std::string control;
  Value value;
};

class Surface {
 public:
  explicit Surface(const SurfaceConfig& config) : config_(config) {}

  // A control says where it stands. What to write, or nothing: it has no effect.
  std::optional<double> from_device(std::string_view control, double position, SteadyTime now);

  // A finger is put on it, or taken off, for surfaces that tell.
  void touch(std::string_view control, bool touched, SteadyTime now);

  // The value it should show. True: send it now. False: later, by advance(), unless a newer one replaces it.
  // `own`: the value that this very control has just brought about; others behind the same address still want to see it.
  bool to_device(std::string_view control, const Value& value, bool own, SteadyTime now);

  void advance(SteadyTime now, std::vector<DueFeedback>& due);
  std::optional<SteadyTime> next_deadline() const;
  std::size_t controls() const { return places_.size(); }

 private:
  struct Control {
    std::string name;
    std::optional<double> position;    // where it stands, as it says
    std::optional<double> current;     // the value it should stand for
    std::optional<double> sent;        // where it was sent to …
    std::optional<double> on_the_way;  // … and where it has got to
    SteadyTime sent_at{};
    bool picked_up = false;
    bool touched = false;
    bool pressed = false;
    std::optional<SteadyTime> moved_at;    // by hand
    std::optional<SteadyTime> allowed_at;  // the next value, by rate
    std::optional<Value> pending;
    std::optional<SteadyTime> due_at;
  };
  using Controls = std::list<Control>;
  using Due = std::pair<SteadyTime, Control*>;

  Control& of(std::string_view name);
  bool is_motor(Control& control, double position, SteadyTime now) const;
  bool picks_up(Control& control, double position) const;
  std::optional<SteadyTime> free_at(const Control& control, SteadyTime now) const;  // nothing: while it is touched
  void send(Control& control, const Value& value, SteadyTime now);
  void hold(Control& control, const Value& value, SteadyTime now);
  void reschedule(Control& control, SteadyTime now);
  void forget_pending(Control& control);

  SurfaceConfig config_;
  Controls used_;  // the last used first
  std::unordered_map<std::string_view, Controls::iterator> places_;
  std::set<Due> due_;
};

}  // namespace clasp::mapping
