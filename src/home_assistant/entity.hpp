// What an announced signal is in Home Assistant: a component and its discovery message
// (home-assistant.io, "MQTT discovery"; the documentation of each MQTT component).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clasp/value.hpp"
#include "core/message.hpp"

namespace clasp::home_assistant {

struct Entity {
  std::string component;  // "number", "switch", "sensor" …
  std::string object_id;  // of the discovery topic and unique_id: letters, digits, _ and -; another one for every address
  Value config;           // the discovery message
};

struct EntityContext {
  std::string router_id;                  // two routers of one house do not get in each other's way
  std::string topic;                      // of the signal
  std::vector<std::string> availability;  // topics that all have to say "online"
};

// Nothing for what Home Assistant has no word for: gestures, timelines, patterns, values of other kinds.
//
//   param    bool rw / r          switch / binary_sensor
//            number rw / r        number (range or any, step by datatype) / sensor
//            text rw / r          text / sensor
//   event    r, rw or w           event; with w or rw also …
//            w or rw              button
//   stream   number               sensor
std::vector<Entity> entities_of(const SignalDefinition& signal, const EntityContext& context);

// The first segment of an address names the device: "/desk/fader/1" is of "desk".
std::string_view device_of(std::string_view address);
std::string to_id(std::string_view text);

}  // namespace clasp::home_assistant
