// Client: what signals there are, and what was said before.
#include "clasp/client.hpp"

#include <utility>

#include "client/arguments.hpp"
#include "client/client_impl.hpp"
#include "core/address.hpp"

namespace clasp {
inline namespace v0 {

using client::Answer;
using client::ClientSession;
using client::Ticket;
using client::find_fault;

namespace {

std::vector<SignalInfo> to_signals(const Answer& answer) {
  std::vector<SignalInfo> signals;
  signals.reserve(answer.signals.size());
  for (const SignalDefinition& definition : answer.signals) signals.push_back(client::to_signal_info(definition));
  return signals;
}

}  // namespace

Result<void> Client::announce(std::string_view ns, const std::vector<SignalInfo>& signals) {
  if (auto fault = find_fault(ns)) return *fault;
  Announce announce{.ns = ns, .signals = {}, .meta = {}};
  for (const SignalInfo& signal : signals) {
    SignalDefinition definition{.address = signal.address, .type = static_cast<SignalType>(signal.type), .datatype = {}, .access = {}, .meta = {}};
    if (!signal.datatype.empty()) definition.datatype = signal.datatype;
    if (!signal.access.empty()) definition.access = signal.access;
    SignalMeta meta{.unit = {}, .range = signal.range, .default_value = {}, .description = {}};
    if (!signal.unit.empty()) meta.unit = signal.unit;
    if (!signal.description.empty()) meta.description = signal.description;
    if (meta.unit || meta.range || meta.description) definition.meta = meta;
    announce.signals.push_back(std::move(definition));
  }
  return impl_->call([&](ClientSession& session, Now now) { return session.announce(announce, now); });
}

Result<std::vector<SignalInfo>> Client::query(std::string_view pattern, std::chrono::milliseconds timeout) {
  return impl_->wait<std::vector<SignalInfo>>(
      timeout, [&](ClientSession& session, Ticket ticket, SteadyTime deadline, Now now) { return session.query(pattern, ticket, deadline, now); },
      to_signals);
}
void Client::query_async(std::string_view pattern, std::chrono::milliseconds timeout, Then<std::vector<SignalInfo>> then) {
  impl_->later<std::vector<SignalInfo>>(
      timeout, std::move(then),
      [&](ClientSession& session, Ticket ticket, SteadyTime deadline, Now now) { return session.query(pattern, ticket, deadline, now); }, to_signals);
}

std::vector<SignalInfo> Client::signals(std::string_view pattern) const {
  const auto parsed = Pattern::parse(pattern);
  if (!parsed) return {};
  return impl_->call([&](ClientSession& session, Now) { return session.signals().find(*parsed); });
}

Result<void> Client::replay(const ReplayRequest& request) {
  if (const auto pattern = Pattern::parse(request.pattern); !pattern) {
    return Error{ErrorCode::pattern_error, describe_address_fault(pattern.error(), request.pattern), request.pattern};
  }
  Replay replay{.pattern = request.pattern, .from = {}, .to = {}, .limit = request.limit, .types = TypeMask::all()};
  if (request.from_us) replay.from = UnixTime{*request.from_us};
  if (request.to_us) replay.to = UnixTime{*request.to_us};
  if (!request.types.empty()) {
    replay.types.bits = 0;
    for (const Signal type : request.types) replay.types.bits |= TypeMask::of(static_cast<SignalType>(type)).bits;
  }
  return impl_->call([&](ClientSession& session, Now now) { return session.replay(replay, now); });
}

}  // namespace v0
}  // namespace clasp
