// What the router really does, held against what was foretold.
#include <fmt/format.h>

#include <algorithm>

#include "model.hpp"

namespace clasp::simulation::model {

namespace {

constexpr std::size_t snapshot_params_max = 800;
constexpr Us tick = 1'000'000;  // silence and stalls are looked for once a second
constexpr Us tick_slack = 1'100'000;

}  // namespace

std::string Model::entry_now(const std::string& address) const {
  const Param& param = *state_.find(address);
  return entry_line(address, param.value, param.revision, ids_.at(param.writer), param.written_unix);
}

Complaint Model::put(LinkNo number, const Frame& frame, Clock now) {
  Link& link = links_.at(number);
  Session* session = find_session(link.session);
  if (frame.kind == Frame::Kind::welcome && session != nullptr && ids_[session->no] == "?") ids_[session->no] = frame.session;
  if (frame.kind == Frame::Kind::snapshot) return put_snapshot(link, session, frame, now);
  return link.expectation->take(
      frame, [this](const std::string& address) { return state_.find(address); }, [this](const std::string& address) { return entry_now(address); });
}

// The answer to a GET, or a part of a snapshot that is owed.
Complaint Model::put_snapshot(Link& link, Session* session, const Frame& frame, Clock now) {
  Complaint as_answer;
  if (frame.entries.size() == 1 && link.expectation->awaits_get(frame.entries.front().address)) {
    as_answer = link.expectation->take(
        frame, [this](const std::string& address) { return state_.find(address); },
        [this](const std::string& address) { return entry_now(address); });
    if (!as_answer) {
      link.expectation->shown(frame.entries.front().address, frame.entries.front().revision);
      return std::nullopt;
    }
  }
  if (frame.entries.size() > snapshot_params_max) return fmt::format("a SNAPSHOT of {} params", frame.entries.size());
  if (Debt* whole = find_debt(link, frame)) {
    whole->owes_frame = false;
    for (const Frame::Entry& entry : frame.entries) pay(link, session, *whole, entry, now);
    return std::nullopt;
  }
  // Of several open snapshots earlier parts may have been taken for one another's: then what counts is that each owes its entries once.
  for (const Frame::Entry& entry : frame.entries) {
    const Frame alone{.kind = Frame::Kind::snapshot, .line = {}, .address = {}, .value = {}, .session = {}, .entries = {entry}};
    Debt* debt = find_debt(link, alone);
    if (debt == nullptr) return as_answer ? as_answer : not_owed(link, frame, entry);
    pay(link, session, *debt, entry, now);
  }
  if (frame.entries.empty()) return "rule 5: an empty SNAPSHOT that nobody asked for";
  return std::nullopt;
}

// The open snapshot it is a part of: the one that owes the most of it, rather than one that may show what was created meanwhile.
Model::Debt* Model::find_debt(Link& link, const Frame& frame) const {
  Debt* best = nullptr;
  std::ptrdiff_t most = -1;
  for (Debt& debt : link.debts) {
    const auto owes = std::ranges::count_if(frame.entries, [&](const auto& entry) { return debt.owed.contains(entry.address); });
    if (owes <= most || !fits(link, debt, frame)) continue;
    best = &debt;
    most = owes;
  }
  return best;
}

void Model::pay(Link& link, Session* session, Debt& debt, const Frame::Entry& entry, Clock now) {
  debt.shown.insert(entry.address);
  link.expectation->shown(entry.address, entry.revision);
  if (!debt.subscription) return;
  state_.touch(entry.address, now.steady);
  const auto subscription = session->subscriptions.find(*debt.subscription);
  if (subscription != session->subscriptions.end())
    subscription->second.thinner.delivered("param " + entry.address, number_in(entry.value), now.steady);
}

std::string Model::not_owed(const Link& link, const Frame& frame, const Frame::Entry& entry) const {
  const bool exists = state_.find(entry.address) != nullptr;
  return fmt::format("rule 6/7: in a SNAPSHOT of {} params is {}, which none of {} open ones owes; the router should hold {}; due is {}",
                     frame.entries.size(), shown(entry.line), link.debts.size(), exists ? shown(entry_now(entry.address)) : "nothing",
                     link.expectation->next());
}

// Each entry as it is now, once; nothing that comes live anyway.
bool Model::fits(const Link& link, const Debt& debt, const Frame& frame) const {
  if (frame.entries.empty()) return debt.owes_frame && std::ranges::all_of(debt.owed, [&](const auto& address) { return paid(link, debt, address); });
  const Session* session = find_session(link.session);
  return std::ranges::all_of(frame.entries, [&](const Frame::Entry& entry) {
    const Param* param = state_.find(entry.address);
    if (param == nullptr || !debt.pattern->matches(entry.address)) return false;
    if (debt.shown.contains(entry.address) && !debt.unclear) return false;
    if (param->changed > debt.since && gets_live(*session, entry.address, param->changed)) return false;
    return entry.line == entry_now(entry.address);
  });
}

bool Model::paid(const Link& link, const Debt& debt, const std::string& address) const {
  const Param* param = state_.find(address);
  if (param == nullptr || debt.shown.contains(address)) return true;
  return param->changed > debt.since && gets_live(sessions_.at(link.session), address, param->changed);
}

Complaint Model::settle(LinkNo number) {
  if (const auto complaint = links_.at(number).expectation->drained()) return complaint;
  return std::nullopt;
}

Complaint Model::idle(LinkNo number) {
  Link& link = links_.at(number);
  for (const Debt& debt : link.debts) {
    if (debt.owes_frame) return "rule 5: no SNAPSHOT after WELCOME";
    for (const std::string& address : debt.owed) {
      if (!debt.unclear && !paid(link, debt, address)) return fmt::format("rule 6: {} is missing from the SNAPSHOT", address);
    }
  }
  link.debts.clear();
  return std::nullopt;
}

// Closing needs a reason that the contract or an option names.
Complaint Model::closed(LinkNo number, bool room, Clock now) {
  Link& link = links_.at(number);
  const bool silent = now.steady - link.received > rules_.session_timeout && rules_.session_timeout != 0;
  const bool deaf = link.pinged && rules_.ping_interval != 0 && now.steady - link.received > rules_.ping_interval * rules_.pings_missed_max;
  const bool stalled = !room && now.steady - link.progressed > rules_.stall_max;
  const bool too_much = link.expectation->kept_bytes_max() >= rules_.undroppable_bytes_max;
  const bool memory = rules_.memory_is_short && !room;
  Complaint complaint;
  if (!link.refused && !silent && !deaf && !stalled && !too_much && !memory) complaint = "the session was closed without a reason";
  link.refused = false;
  end_session(link.session, now);
  return complaint;
}

Complaint Model::stalled(LinkNo number, bool room, Clock now) const {
  if (!room && now.steady - links_.at(number).progressed > rules_.stall_max) return std::nullopt;
  return "rule 15: a link that moved was taken for dead";
}

Complaint Model::check(LinkNo number, bool room, Clock now) const {
  const Link& link = links_.at(number);
  if (link.refused) return "the link was refused and stays open";
  if (link.session == 0) return std::nullopt;
  if (link.reading && rules_.session_timeout != 0 && now.steady - link.received > rules_.session_timeout + tick + tick_slack)
    return fmt::format("a session that was silent for {} s is still open", (now.steady - link.received) / tick);
  if (link.reading && link.pinged && rules_.ping_interval != 0 &&
      now.steady - link.received > rules_.ping_interval * (rules_.pings_missed_max + 1) + 2 * tick + tick_slack)
    return fmt::format("a session that answered no ping for {} s is still open", (now.steady - link.received) / tick);
  const auto waits = link.expectation->waits_since();
  if (!room && waits && now.steady - std::max(link.progressed, *waits) > rules_.stall_max + tick + tick_slack)
    return fmt::format("rule 15: nothing left the link for {} s and the session is still open", (now.steady - link.progressed) / tick);
  if (link.expectation->kept_bytes_min() > rules_.undroppable_bytes_max)
    return "rule 15: more events and answers wait than may, and the session is still open";
  return std::nullopt;
}

bool Model::in_session(LinkNo link) const {
  const auto found = links_.find(link);
  return found != links_.end() && found->second.session != 0;
}
std::string Model::session_id(LinkNo link) const { return in_session(link) ? ids_.at(links_.at(link).session) : std::string(); }
bool Model::slow(LinkNo link) const { return links_.at(link).expectation->slow(); }
bool Model::snapshot_open(LinkNo link) const { return !links_.at(link).debts.empty(); }
std::string Model::upcoming(LinkNo link) const { return links_.at(link).expectation->next(); }

bool Model::holds_plainly(LinkNo link, const std::string& address) const {
  if (!in_session(link)) return false;
  return std::ranges::any_of(sessions_.at(links_.at(link).session).subscriptions, [&](const auto& entry) {
    const Subscription& subscription = entry.second;
    return !subscription.options.thins() && (subscription.types & 1U) != 0 && subscription.pattern->matches(address);
  });
}

}  // namespace clasp::simulation::model
