// Phases of a link as a table of legal steps; everything else is an error, answered in one place (router specification, section 4).
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace clasp::router {

enum class Phase : std::uint8_t { accepted, checking, active, closed };
enum class Input : std::uint8_t { hello, granted, denied, timeout, other_message, garbage, gone };

struct Step {
  Phase from;
  Input input;
  Phase to;
};

inline constexpr std::array handshake_steps{
    Step{Phase::accepted, Input::hello, Phase::checking},        Step{Phase::accepted, Input::timeout, Phase::closed},
    Step{Phase::accepted, Input::other_message, Phase::closed},  Step{Phase::accepted, Input::garbage, Phase::closed},
    Step{Phase::accepted, Input::gone, Phase::closed},           Step{Phase::checking, Input::granted, Phase::active},
    Step{Phase::checking, Input::denied, Phase::closed},         Step{Phase::checking, Input::timeout, Phase::closed},
    Step{Phase::checking, Input::gone, Phase::closed},           Step{Phase::active, Input::hello, Phase::checking},
    Step{Phase::active, Input::other_message, Phase::active},    Step{Phase::active, Input::garbage, Phase::active},
    Step{Phase::active, Input::gone, Phase::closed},
};

constexpr std::optional<Phase> next_phase(Phase from, Input input) {
  for (const Step& step : handshake_steps) {
    if (step.from == from && step.input == input) return step.to;
  }
  return std::nullopt;
}

}  // namespace clasp::router
