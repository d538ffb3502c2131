// One mapping: which addresses of a device are which addresses of the router, and what happens to values on the way, in one direction or both
// (docs/mapping.md; bridges specification, section 15).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "clasp/error.hpp"
#include "clasp/value.hpp"
#include "core/message.hpp"
#include "core/time.hpp"
#include "mapping/address_pattern.hpp"
#include "mapping/surface.hpp"
#include "transform/transform.hpp"

namespace clasp::mapping {

enum class Direction : std::uint8_t { in = 1, out = 2, both = 3 };  // in: from the device to the router

// What a value met on its way, for `clasp map test`.
using Step = std::function<void(std::string_view line)>;

class Mapping {
 public:
  // From its object form; the terse form is turned into that first (mapping_line.hpp). The error begins with the JSON pointer of the member.
  static Result<Mapping> compile(const Value& spec, const transform::CompileOptions& options = {}, std::string_view pointer = "");

  const std::string& id() const { return id_; }
  const std::string& protocol() const { return protocol_; }  // "osc"; empty: any
  Direction direction() const { return direction_; }
  bool stop() const { return stop_; }  // the first match wins
  bool enabled() const { return enabled_; }
  const AddressPattern& device() const { return device_; }
  const AddressPattern& router() const { return router_; }
  const std::optional<AddressPattern>& touch() const { return touch_; }
  const std::optional<SurfaceConfig>& surface() const { return surface_; }
  std::optional<SignalType> kind() const { return kind_; }
  const std::vector<std::string>& notes() const { return notes_; }  // what its user should know

  std::uint64_t faults() const { return (in_ ? in_->faults() : 0) + (out_ ? out_->faults() : 0); }  // expressions that could not be evaluated

  // Device addresses written with the namespace of the bridge in front of them are the same as without.
  void accept_prefix(std::string_view ns);

  // The address on the other side; empty if this one is not of this mapping.
  std::string to_router(std::string_view device_address) const;
  std::string to_device(std::string_view router_address) const;
  // Of a touch message: the device address of the control that is touched.
  std::string touched_control(std::string_view device_address) const;

  // Changes the value on its way in or out; false: it goes no further (the condition does not hold, a transform dropped it). The address is the
  // one it comes from.
  bool value_in(Value& value, std::string_view address, const Now& now, const Step* step = nullptr);
  bool value_out(Value& value, std::string_view address, const Now& now, const Step* step = nullptr);
  std::string_view last_fault() const { return last_fault_; }  // why the last expression could not be

 private:
  struct Builder;
  Mapping() = default;
  bool apply(transform::Transform& transform, Value& value, std::string_view address, const Now& now, const Step* step);
  bool holds(const Value& value, std::string_view address, const Now& now, const Step* step);

  std::string id_;
  std::string protocol_;
  Direction direction_ = Direction::in;
  bool stop_ = true;
  bool enabled_ = true;
  AddressPattern device_;
  AddressPattern router_;
  std::optional<AddressPattern> touch_;
  std::vector<std::size_t> router_from_device_;  // for each capture of router_ the one of device_ that fills it
  std::vector<std::size_t> device_from_router_;
  std::vector<std::size_t> device_from_touch_;
  std::optional<transform::ConditionTest> when_;
  bool when_on_device_ = true;  // which side's value the condition looks at
  std::optional<transform::Transform> in_;
  std::optional<transform::Transform> out_;
  std::optional<Value> template_;
  std::optional<SignalType> kind_;
  std::optional<SurfaceConfig> surface_;
  std::vector<std::string> notes_;
  std::string_view last_fault_;
};

}  // namespace clasp::mapping
