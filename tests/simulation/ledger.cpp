#include "ledger.hpp"

#include <fmt/format.h>

#include <utility>

namespace clasp::simulation {

std::string bytes_of(const ValueView& value) {
  std::string out(1, static_cast<char>(value.tag));
  out.append(reinterpret_cast<const char*>(value.data.data()), value.data.size());
  return out;
}

std::int64_t token_of(const ValueView& value) {
  const Value tree = to_value(value);
  if (const auto* number = tree.integer()) return *number;
  if (const auto* items = tree.array(); items != nullptr && !items->empty() && items->front().integer() != nullptr) return *items->front().integer();
  return 0;
}

bool Record::droppable() const {
  if (kind != CommitKind::publish) return true;
  return signal == SignalType::stream || (signal == SignalType::gesture && phase == GesturePhase::move);
}

Ledger::Ledger(const std::vector<std::string>& addresses)
    : params_(addresses.size()), newest_(addresses.size()), present_(addresses.size()), removed_(addresses.size()) {
  for (std::size_t i = 0; i < addresses.size(); ++i) places_.emplace(addresses[i], i);
}

std::size_t Ledger::place(std::string_view address) const {
  const auto found = places_.find(std::string(address));
  return found == places_.end() ? newest_.size() : found->second;
}

const Record& Ledger::add(const Commit& commit, SteadyTime now) {
  Record record{.seq = commit.seq,
                .kind = commit.kind,
                .address = std::string(commit.address),
                .place = place(commit.address),
                .revision = commit.revision,
                .signal = commit.signal,
                .phase = commit.phase,
                .id = commit.id.value_or(0),
                .sender = std::string(commit.writer),
                .bundle = commit.bundle};
  const ValueView value = commit.value.value_or(ValueView{});
  record.value = bytes_of(value);
  record.token = token_of(value);
  if (record.seq <= last_) fault_ = fmt::format("rule 1: seq {} was committed after {}", record.seq, last_);
  last_ = record.seq;
  if (record.place == newest_.size()) {
    fault_ = fmt::format("a commit to {}, which nobody wrote", record.address);
    record.place = 0;
  } else if (record.kind == CommitKind::set || record.kind == CommitKind::remove) {
    Revision& newest = newest_[record.place];
    const bool follows = present_[record.place] || newest == 0 ? record.revision == newest + 1 : record.revision > newest;
    if (!follows) fault_ = fmt::format("rule 19: {} went from revision {} to {}", record.address, newest, record.revision);
    if (record.kind == CommitKind::remove && !present_[record.place])
      fault_ = fmt::format("rule 20: {} was removed and was not there", record.address);
    newest = record.revision;
    present_[record.place] = record.kind == CommitKind::set;
    if (record.kind == CommitKind::remove) removed_[record.place] = record.seq;
    params_[record.place].emplace(record.revision, record);
  } else if (record.kind == CommitKind::publish && record.signal == SignalType::gesture) {
    check_gesture(record, now);
  }
  if (record.token != 0 && !by_token_.emplace(record.token, record).second)
    fault_ = fmt::format("rule 3: value {} was committed twice", record.token);
  if (record.token != 0) return by_token_.at(record.token);
  static thread_local Record kept;
  return kept = record;
}

// A move that came early is lawful only directly before the end, cancel or new start of its gesture (rule 9).
void Ledger::check_gesture(const Record& record, SteadyTime now) {
  const std::string key = fmt::format("{} {} {}", record.sender, record.address, record.id);
  if (record.phase != GesturePhase::move) {
    moved_.erase(key);
    if (early_move_ && key == early_key_) early_move_.reset();
    return;
  }
  const auto [last, first] = moved_.try_emplace(key, now);
  if (!first && now - last->second < Micros{16'000}) {
    early_key_ = key;
    early_mover_ = record.sender;
    early_move_ = fmt::format("rule 9: {} moved {} id {} twice within {} µs", record.sender, record.address, record.id, (now - last->second).count());
  }
  last->second = now;
}

const Record* Ledger::find_token(std::int64_t token) const {
  const auto found = by_token_.find(token);
  return found == by_token_.end() ? nullptr : &found->second;
}

const Record* Ledger::find_revision(std::string_view address, Revision revision) const {
  const std::size_t at = place(address);
  if (at == params_.size()) return nullptr;
  const auto found = params_[at].find(revision);
  return found == params_[at].end() ? nullptr : &found->second;
}

}  // namespace clasp::simulation
