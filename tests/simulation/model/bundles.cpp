// BUNDLE: checked as a whole, executed as a whole at its time (contract 22–24).
#include <map>

#include "model.hpp"

namespace clasp::simulation::model {

namespace {

using Members = std::vector<std::variant<SetFields, PublishFields>>;

// Bundles inside bundles are their members; anything but SET and PUBLISH does nothing.
void collect(const Bundle& bundle, Members& out) {
  for (const Message& message : bundle.messages) {
    if (const auto* inner = std::get_if<Bundle>(&message.body)) collect(*inner, out);
    if (const auto* set = std::get_if<Set>(&message.body)) out.emplace_back(fields_of(*set));
    if (const auto* publish = std::get_if<Publish>(&message.body)) out.emplace_back(fields_of(*publish));
  }
}

bool decides_by_value(Strategy strategy) { return strategy == Strategy::max || strategy == Strategy::min; }

}  // namespace

void Model::on_bundle(Session& session, const Bundle& message, Qos qos, Clock now) {
  WaitingBundle bundle{.sender = session.no, .acknowledged = qos != Qos::fire || rules_.ack_always};
  collect(message, bundle.members);
  for (const auto& member : bundle.members) {
    const int refused = std::visit([this](const auto& fields) { return fault_of(fields); }, member);
    if (refused != 0) return answer(session, error_line(refused, std::visit([](const auto& fields) { return fields.address; }, member)), now);
  }
  if (!message.timestamp || message.timestamp->us <= now.unix_time) return execute(bundle, now);

  const auto ahead = static_cast<Us>(message.timestamp->us - now.unix_time);
  if (ahead > rules_.bundle_horizon) return answer(session, error_line(code::invalid_value), now);
  std::size_t waiting = 0;
  for (const auto& [when, other] : bundles_) waiting += other.sender == session.no ? 1 : 0;
  if (waiting >= rules_.bundles_per_session_max) return answer(session, error_line(code::too_many), now);
  bundles_.emplace(std::pair(now.steady + ahead, ++bundle_order_), std::move(bundle));
}

// Each member sees those before it. After one that may lose by its strategy, what an expected revision would meet is not known: refused.
int Model::bundle_refusal(const WaitingBundle& bundle, std::string& address) const {
  struct Seen {
    bool exists = false;
    std::uint64_t revision = 0;
    SessionNo holder = 0;
    bool uncertain = false;
  };
  std::map<std::string, Seen> overlay;
  std::size_t params = state_.params().size();
  for (const auto& member : bundle.members) {
    const auto* set = std::get_if<SetFields>(&member);
    if (set == nullptr) continue;
    address = set->address;
    const bool first = !overlay.contains(address);
    Seen& seen = overlay[address];
    if (first) {
      if (const Param* param = state_.find(address)) seen = {.exists = true, .revision = param->revision, .holder = param->holder};
      seen.uncertain = decides_by_value(state_.strategy_of(address));
    } else if (set->expected && seen.uncertain) {
      return code::refused_by_state;
    }
    if (set->expected && seen.exists && *set->expected != seen.revision) return code::refused_by_state;
    if (seen.holder != 0 && seen.holder != bundle.sender) return code::lock_held;
    if (!seen.exists && ++params > rules_.params_max && rules_.params_max != 0 && rules_.at_capacity == AtCapacity::refuse)
      return code::refused_by_state;
    seen.exists = true;
    ++seen.revision;
    if (set->unlock) seen.holder = 0;
    if (set->lock) seen.holder = bundle.sender;
  }
  return 0;
}

void Model::execute(const WaitingBundle& bundle, Clock now) {
  Session* sender = find_session(bundle.sender);
  std::string address;
  if (const int refused = bundle_refusal(bundle, address); refused != 0) {
    if (sender != nullptr) answer(*sender, error_line(refused, address), now);
    return;
  }
  std::uint64_t last_revision = 0;
  for (const auto& member : bundle.members) {
    if (const auto* set = std::get_if<SetFields>(&member)) {
      if (!state_.loses(set->address, set->value)) last_revision = write(*set, bundle.sender, sender != nullptr, now);
    } else {
      const auto& fields = std::get<PublishFields>(member);
      if (sender == nullptr || !on_p2p(*sender, fields, now)) publish(bundle.sender, fields, now);
    }
  }
  if (sender != nullptr && bundle.acknowledged) answer(*sender, ack_line({}, last_revision), now);
}

}  // namespace clasp::simulation::model
