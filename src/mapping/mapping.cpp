#include "mapping/mapping.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "core/address.hpp"
#include "core/saturated.hpp"
#include "mapping/json_template.hpp"

namespace clasp::mapping {

using transform::ConditionTest;
using transform::Outcome;
using transform::Transform;

namespace {

constexpr std::array<std::string_view, 14> members{"id",        "enabled", "protocol", "direction", "from",    "to",   "when",
                                                   "transform", "inverse", "template", "kind",      "surface", "stop", "comment"};
constexpr std::array<std::string_view, 8> surface_members{"feedback_hz", "touch_hold_ms", "echo_window_ms", "touch",
                                                          "pickup",      "tolerance",     "latch",          "comment"};

// "osc:/fader/1": the protocol and the address. "clasp:" and nothing mean the router's side if the other has a protocol.
struct Side {
  std::string protocol;
  std::string_view address;
};
Side split_side(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::size_t slash = text.find('/');
  if (colon == std::string_view::npos || (slash != std::string_view::npos && slash < colon)) return {{}, text};
  return {std::string(text.substr(0, colon)), text.substr(colon + 1)};
}

std::vector<std::string_view> reordered(const Captured& captured, const std::vector<std::size_t>& order) {
  std::vector<std::string_view> out;
  out.reserve(order.size());
  for (const std::size_t index : order) out.push_back(captured[index]);
  return out;
}

}  // namespace

// Reads the members in the order of docs/mapping.md; the first mistake counts.
struct Mapping::Builder {
  const Value& spec;
  const transform::CompileOptions& options;
  std::string pointer;
  Mapping mapping;
  Error error;
  bool device_is_from = true;
  bool has_direction = false;

  bool failed() const { return error.code != ErrorCode::none; }
  void fail(std::string_view member, std::string_view what) {
    if (!failed()) error = {ErrorCode::invalid_argument, fmt::format("{}/{}: {}", pointer, member, what), {}};
  }
  const Value* find(std::string_view member) const {
    const Value* value = spec.find(member);
    return value == nullptr || value->is_null() ? nullptr : value;
  }
  std::string text(std::string_view member, std::string_view absent = {}) {
    const Value* value = find(member);
    if (value == nullptr) return std::string(absent);
    if (value->string() == nullptr) fail(member, "expected a text");
    return value->string() != nullptr ? *value->string() : std::string();
  }
  bool flag(std::string_view member, bool absent) {
    const Value* value = find(member);
    if (value == nullptr) return absent;
    if (value->boolean() == nullptr) fail(member, "expected true or false");
    return value->boolean() != nullptr && *value->boolean();
  }

  void build() {
    if (spec.map() == nullptr) {
      error = {ErrorCode::invalid_argument, fmt::format("{}: expected an object with \"from\" and \"to\"", pointer), {}};
      return;
    }
    for (const auto& [name, value] : *spec.map()) {
      if (std::ranges::find(members, name) == members.end()) fail(name, "a mapping has no such member");
    }
    mapping.id_ = text("id");
    mapping.enabled_ = flag("enabled", true);
    mapping.stop_ = flag("stop", true);
    sides();
    if (failed()) return;
    captures();
    condition();
    transforms();
    payload();
    kind();
    surface();
  }

  void sides() {
    has_direction = find("direction") != nullptr;
    const std::string direction = text("direction", "in");
    if (direction == "in")
      mapping.direction_ = Direction::in;
    else if (direction == "out")
      mapping.direction_ = Direction::out;
    else if (direction == "both")
      mapping.direction_ = Direction::both;
    else
      fail("direction", "expected in, out or both");

    const std::string from_text = text("from");
    const std::string to_text = text("to");
    if (find("from") == nullptr) fail("from", "missing; an address is needed");
    if (find("to") == nullptr) fail("to", "missing; an address is needed");
    Side from = split_side(from_text);
    Side to = split_side(to_text);
    for (Side* side : {&from, &to}) {
      if (side->protocol == "clasp") side->protocol.clear();
    }
    const bool to_is_device = !to.protocol.empty() || (from.protocol.empty() && mapping.direction_ == Direction::out);
    if (!from.protocol.empty() && !to.protocol.empty()) fail("to", "one of both sides must be the router's");
    device_is_from = !to_is_device;
    if (to_is_device && !has_direction) mapping.direction_ = Direction::out;
    if (to_is_device && mapping.direction_ == Direction::in)
      fail("direction", "in leads from the device to the router; here the device is on the right");
    if (!to_is_device && mapping.direction_ == Direction::out)
      fail("direction", "out leads from the router to the device; here the device is on the left");
    mapping.protocol_ = text("protocol", to_is_device ? to.protocol : from.protocol);
    const auto first = AddressPattern::parse(from.address);
    const auto second = AddressPattern::parse(to.address);
    if (!first) fail("from", first.error().message);
    if (!second) fail("to", second.error().message);
    if (failed()) return;
    mapping.device_ = device_is_from ? *first : *second;
    mapping.router_ = device_is_from ? *second : *first;
  }

  bool leads(Direction direction) const { return (static_cast<int>(mapping.direction_) & static_cast<int>(direction)) != 0; }
  std::string_view device_member() const { return device_is_from ? "from" : "to"; }
  std::string_view router_member() const { return device_is_from ? "to" : "from"; }

  void captures() {
    if (leads(Direction::in)) {
      const auto pairs = pair_captures(mapping.device_, mapping.router_);
      if (pairs)
        mapping.router_from_device_ = *pairs;
      else
        fail(router_member(), pairs.error().message);
    }
    if (leads(Direction::out)) {
      const auto pairs = pair_captures(mapping.router_, mapping.device_);
      if (pairs)
        mapping.device_from_router_ = *pairs;
      else
        fail(device_member(), pairs.error().message);
    }
  }

  void condition() {
    const Value* when = find("when");
    if (when == nullptr) return;
    auto compiled = ConditionTest::compile(*when, pointer + "/when");
    if (!compiled)
      error = compiled.error();
    else
      mapping.when_ = std::move(*compiled);
    mapping.when_on_device_ = device_is_from;
  }

  // `transform` leads from `from` to `to`; the other way is `inverse`, or what undoes it.
  void transforms() {
    std::optional<Transform> there = compiled("transform");
    std::optional<Transform> back = compiled("inverse");
    if (failed()) return;
    if (back && mapping.direction_ != Direction::both) fail("inverse", "only for a mapping in both directions");
    if (there && !back && mapping.direction_ == Direction::both) {
      auto undone = there->inverse();
      if (!undone) {
        fail("transform",
             fmt::format("{}, so the other direction has none; give an \"inverse\" or make the mapping one-way", undone.error().message));
        return;
      }
      back = std::move(*undone);
    }
    (device_is_from ? mapping.in_ : mapping.out_) = std::move(there);
    (device_is_from ? mapping.out_ : mapping.in_) = std::move(back);
  }

  std::optional<Transform> compiled(std::string_view member) {
    const Value* given = find(member);
    if (given == nullptr || failed()) return std::nullopt;
    auto made = Transform::compile(*given, options, fmt::format("{}/{}", pointer, member));
    if (!made) {
      error = made.error();
      return std::nullopt;
    }
    mapping.notes_.insert(mapping.notes_.end(), made->notes().begin(), made->notes().end());
    return std::move(*made);
  }

  void payload() {
    const Value* given = find("template");
    if (given == nullptr) return;
    if (mapping.direction_ != Direction::in) fail("template", "only for the direction in: a value cannot be got back out of it");
    if (const auto fault = check_template(*given, mapping.device_)) fail("template", *fault);
    mapping.template_ = *given;
  }

  void kind() {
    if (find("kind") == nullptr) return;
    const std::string name = text("kind");
    mapping.kind_ = find_signal_type(name);
    if (!mapping.kind_ || *mapping.kind_ > SignalType::stream) fail("kind", "expected param, event or stream");
  }

  double number(const Value& object, std::string_view member, double absent, double max) {
    const Value* value = object.find(member);
    if (value == nullptr || value->is_null()) return absent;
    const auto given = value->as_number();
    if (given && *given >= 0 && *given <= max) return *given;
    fail(fmt::format("surface/{}", member), fmt::format("expected a number from 0 to {}", max));
    return absent;
  }

  void surface() {
    const Value* given = find("surface");
    if (given == nullptr) return;
    if (given->map() == nullptr) return fail("surface", "expected an object");
    for (const auto& [name, value] : *given->map()) {
      if (std::ranges::find(surface_members, name) == surface_members.end()) fail(fmt::format("surface/{}", name), "a surface has no such member");
    }
    const auto time = [&](std::string_view member) { return Micros{saturated(number(*given, member, 0, 60'000) * 1'000)}; };
    SurfaceConfig config;
    config.feedback_hz_max = number(*given, "feedback_hz", 0, 10'000);
    if (config.feedback_hz_max > 0 && config.feedback_hz_max < SurfaceConfig::feedback_hz_min)
      fail("surface/feedback_hz", fmt::format("expected 0 (no limit), or {} to 10000", SurfaceConfig::feedback_hz_min));
    config.touch_hold = time("touch_hold_ms");
    config.echo_window = time("echo_window_ms");
    config.tolerance = number(*given, "tolerance", config.tolerance, 1e9);
    for (const auto& [member, target] : {std::pair("pickup", &config.pickup), std::pair("latch", &config.latch)}) {
      const Value* on = given->find(member);
      if (on == nullptr || on->is_null()) continue;
      if (on->boolean() == nullptr)
        fail(fmt::format("surface/{}", member), "expected true or false");
      else
        *target = *on->boolean();
    }
    if (config.pickup && config.latch) fail("surface/latch", "a button has no position that could be picked up; choose one of both");
    if (config.pickup && mapping.direction_ != Direction::both)
      fail("surface/pickup", "needs the direction both: else nothing is known of the current value");
    touch(*given);
    mapping.surface_ = config;
  }

  // Where the surface tells that a control is touched: {n} and so on as in its own address.
  void touch(const Value& given) {
    const Value* address = given.find("touch");
    if (address == nullptr || address->is_null()) return;
    if (address->string() == nullptr) return fail("surface/touch", "expected an address");
    const Side side = split_side(*address->string());
    const auto pattern = AddressPattern::parse(side.address);
    if (!pattern) return fail("surface/touch", pattern.error().message);
    const auto pairs = pair_captures(*pattern, mapping.device_);
    if (!pairs) return fail("surface/touch", pairs.error().message);
    mapping.touch_ = *pattern;
    mapping.device_from_touch_ = *pairs;
  }
};

Result<Mapping> Mapping::compile(const Value& spec, const transform::CompileOptions& options, std::string_view pointer) {
  Builder builder{.spec = spec, .options = options, .pointer = std::string(pointer), .mapping = Mapping(), .error = {}};
  builder.build();
  if (builder.failed()) return builder.error;
  return std::move(builder.mapping);
}

void Mapping::accept_prefix(std::string_view ns) {
  device_ = device_.without_prefix(ns);
  if (touch_) touch_ = touch_->without_prefix(ns);
}

std::string Mapping::to_router(std::string_view device_address) const {
  Captured captured;
  if ((static_cast<int>(direction_) & static_cast<int>(Direction::in)) == 0 || !device_.match(device_address, captured)) return {};
  return router_.fill(reordered(captured, router_from_device_));
}

// What is filled in has to be an address of the device's pattern, and the one that leads back: /lights/9 is nothing to /fader/{1..8}.
std::string Mapping::to_device(std::string_view router_address) const {
  Captured captured;
  if ((static_cast<int>(direction_) & static_cast<int>(Direction::out)) == 0 || !router_.match(router_address, captured)) return {};
  std::string address = device_.fill(reordered(captured, device_from_router_));
  Captured check;
  if (!device_.match(address, check)) return {};
  if (direction_ == Direction::both && router_.fill(reordered(check, router_from_device_)) != router_address) return {};
  return address;
}

std::string Mapping::touched_control(std::string_view device_address) const {
  Captured captured;
  if (!touch_ || !touch_->match(device_address, captured)) return {};
  return device_.fill(reordered(captured, device_from_touch_));
}

bool Mapping::value_in(Value& value, std::string_view address, const Now& now, const Step* step) {
  if (when_ && when_on_device_ && !holds(value, address, now, step)) return false;
  if (in_ && !apply(*in_, value, address, now, step)) return false;
  if (when_ && !when_on_device_ && !holds(value, address, now, step)) return false;
  if (template_) {
    Captured captured;
    device_.match(address, captured);
    value = fill_template(*template_, value, device_, captured);
    if (step != nullptr) (*step)(fmt::format("template -> {}", to_json(value)));
  }
  return true;
}

bool Mapping::value_out(Value& value, std::string_view address, const Now& now, const Step* step) {
  if (when_ && !when_on_device_ && !holds(value, address, now, step)) return false;
  if (out_ && !apply(*out_, value, address, now, step)) return false;
  return !when_ || !when_on_device_ || holds(value, address, now, step);
}

bool Mapping::apply(Transform& transform, Value& value, std::string_view address, const Now& now, const Step* step) {
  const std::uint64_t faults = transform.faults();
  if (step == nullptr) {
    const bool goes_on = transform.apply(value, address, now) != Outcome::drop;
    if (transform.faults() != faults) last_fault_ = transform.last_fault();
    return goes_on;
  }
  const Outcome outcome = transform.trace(value, address, now, [&](const Value& spec, const Value& after, Outcome of) {
    (*step)(fmt::format("{} -> {}", to_json(spec), of == Outcome::drop ? "dropped" : to_json(after)));
  });
  if (transform.faults() != faults) (*step)(fmt::format("an expression could not be evaluated: {}", transform.last_fault()));
  if (outcome == Outcome::drop) (*step)("goes no further");
  return outcome != Outcome::drop;
}

bool Mapping::holds(const Value& value, std::string_view address, const Now& now, const Step* step) {
  const bool yes = when_->holds(value, address, now);
  if (step != nullptr) (*step)(fmt::format("when {}: {}", to_json(when_->to_json()), yes ? "holds" : "does not hold, goes no further"));
  return yes;
}

}  // namespace clasp::mapping
