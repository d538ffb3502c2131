// Gesture moves: at most one per interval and (sender, address, id), the newest; a waiting one goes just before what ends it (contract 9).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "frame.hpp"
#include "rules.hpp"
#include "state.hpp"

namespace clasp::simulation::model {

struct Move {
  SessionNo sender = 0;
  PublishFields publish;
};

class Gestures {
 public:
  explicit Gestures(const Rules& rules) : rules_(rules) {}

  // What goes out now, in order: maybe a move that waited, maybe the message itself.
  std::vector<PublishFields> publish(SessionNo sender, const PublishFields& publish, Us now);
  std::vector<Move> due(Us now);
  std::vector<Move> ended(SessionNo sender);  // what still waited
  std::optional<Us> next() const;

 private:
  struct Gesture {
    Us started = 0;
    std::optional<Us> moved;  // the last move that went out since the start
    std::optional<PublishFields> waiting;
  };
  using Key = std::tuple<SessionNo, std::uint32_t, std::string>;
  Us deadline(const Gesture& gesture) const;

  const Rules& rules_;
  std::map<Key, Gesture> gestures_;
};

}  // namespace clasp::simulation::model
