// Everything the router committed, in its order: the yardstick sessions are held to. Also checks what can be checked without any session: one
// order, revisions, all-or-nothing of what a writer sent (delivery contract 1, 9, 19, 20, 22).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "router/hooks.hpp"

namespace clasp::simulation {

using namespace router;

std::string bytes_of(const ValueView& value);   // tag and data: equal exactly if the values are
std::int64_t token_of(const ValueView& value);  // every value a simulated peer sends holds a number of its own; 0 if there is none

struct Record {
  Seq seq = 0;
  CommitKind kind = CommitKind::set;
  std::string address;
  std::size_t place = 0;  // which of the known addresses
  Revision revision = 0;
  std::string value;
  std::int64_t token = 0;
  SignalType signal = SignalType::param;
  GesturePhase phase = GesturePhase::start;
  std::uint32_t id = 0;
  std::string sender;
  std::uint64_t bundle = 0;
  bool droppable() const;  // a slow link may not get it: params, streams, gesture moves
};

class Ledger {
 public:
  explicit Ledger(const std::vector<std::string>& addresses);

  const Record& add(const Commit& commit, SteadyTime now);
  const Record* find_token(std::int64_t token) const;
  const Record* find_revision(std::string_view address, Revision revision) const;
  std::size_t place(std::string_view address) const;  // addresses.size() if unknown
  Seq removed_at(std::size_t place) const { return removed_[place]; }
  // A gesture move came too early after the one before and its gesture has not ended since.
  std::optional<std::string> early_move() const { return early_move_; }
  std::optional<std::string> take_fault() { return std::exchange(fault_, std::nullopt); }
  void forgive_early_move() { early_move_.reset(); }
  const std::string& early_mover() const { return early_mover_; }

 private:
  void check_gesture(const Record& record, SteadyTime now);

  std::unordered_map<std::string, std::size_t> places_;
  std::vector<std::map<Revision, Record>> params_;
  std::vector<Revision> newest_;
  std::vector<bool> present_;
  std::vector<Seq> removed_;
  std::unordered_map<std::int64_t, Record> by_token_;
  std::map<std::string, SteadyTime> moved_;  // sender, address and id → the last move
  std::string early_key_;
  std::string early_mover_;
  std::optional<std::string> early_move_;
  std::optional<std::string> fault_;
  Seq last_ = 0;
};

}  // namespace clasp::simulation
