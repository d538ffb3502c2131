#include "bridge/local/local_link.hpp"

#include <utility>

#include "core/address.hpp"
#include "core/check.hpp"
#include "core/pattern.hpp"

namespace clasp::bridge {

LocalRouterLink::LocalRouterLink(router::Router& router, std::function<Now()> clock, std::uint32_t origin)
    : router_(router), clock_(std::move(clock)), origin_(origin) {
  CLASP_CHECK(origin_ != 0);
}

LocalRouterLink::~LocalRouterLink() { close(); }

void LocalRouterLink::open(const BridgeIdentity& identity, std::span<const std::string> patterns, bool snapshot, RouterLinkListener& listener) {
  CLASP_CHECK(session_ == router::nobody);
  listener_ = &listener;
  wants_snapshot_ = snapshot;
  session_ = router_.open_session({.name = identity.name, .grants = router::open_grants(), .encoding = router::Encoding::views}, *this, clock_());
  const std::string everything = identity.ns + "/**";
  submit(Message{Announce{.ns = identity.ns, .signals = {{.address = everything, .type = SignalType::param}}}}, PeerTag::none, LinkTicket::none);
  for (const std::string& pattern : patterns) subscribe(pattern);
  listener.link_up();
}

void LocalRouterLink::close() {
  if (session_ == router::nobody) return;
  listener_ = nullptr;
  subscriptions_.clear();
  unanswered_.clear();
  router_.close_session(std::exchange(session_, router::nobody), clock_());
}

void LocalRouterLink::set(std::string_view address, const ValueView& value, PeerTag peer) {
  submit(Message{Set{.address = address, .value = value}}, peer, if_others_wait());
}

void LocalRouterLink::publish(const Publish& publish, PeerTag peer) {
  if (!unanswered_.empty()) return write(Message{publish}, peer, LinkTicket::none);  // so that a refusal keeps its place between the answers
  submit(Message{publish}, peer, std::nullopt);
}

void LocalRouterLink::bundle(std::span<const Message> messages, std::optional<UnixTime> at, PeerTag peer) {
  const Message bundle{Bundle{.timestamp = at, .messages = {messages.begin(), messages.end()}}};
  submit(bundle, peer, waits(bundle) ? std::nullopt : if_others_wait());
}

void LocalRouterLink::write(const Message& message, PeerTag peer, LinkTicket ticket) {
  if (session_ == router::nobody) {
    const Error closed{ErrorCode::not_connected, "the link to the router is closed", {}};
    return settle(ticket, {.error = &closed});
  }
  // Only what a BUNDLE holds is answered for sure (contract 25).
  if (std::holds_alternative<Publish>(message.body)) return submit(Message{Bundle{.timestamp = {}, .messages = {message}}}, peer, ticket);
  if (!waits(message)) return submit(message, peer, ticket);
  // Its answer comes when its time does, out of the order of the others: it is sent without asking for one.
  std::optional<Error> refusal;
  refusal_ = &refusal;
  submit(message, peer, std::nullopt);
  refusal_ = nullptr;
  settle(ticket, {.error = refusal ? &*refusal : nullptr});
}

bool LocalRouterLink::waits(const Message& message) const {
  const Bundle* bundle = std::get_if<Bundle>(&message.body);
  return bundle != nullptr && bundle->timestamp && *bundle->timestamp > clock_().unix_time;
}

// A write that nobody waits for asks for no answer, unless it would come between those of others.
std::optional<LinkTicket> LocalRouterLink::if_others_wait() const { return unanswered_.empty() ? std::nullopt : std::optional(LinkTicket::none); }

void LocalRouterLink::get(std::string_view address, LinkTicket ticket) {
  const auto literal = Pattern::parse(address);
  if (!literal || !literal->is_literal()) {
    const auto fault = check_address(address);
    const Error error{ErrorCode::invalid_address, fault ? describe_address_fault(*fault, address) : "no address", std::string(address)};
    return settle(ticket, {.error = &error});
  }
  bool found = false;
  if (session_ != router::nobody) {
    router_.read(session_, *literal, {}, [&](const router::Router::ParamView& param) {
      found = true;
      settle(ticket, {.revision = param.revision, .value = param.value});
      return false;
    });
  }
  if (found) return;
  const Error error{ErrorCode::address_not_found, "no param has the address " + printable(address), std::string(address)};
  settle(ticket, {.error = &error});
}

void LocalRouterLink::subscribe(const std::string& pattern) {
  if (session_ == router::nobody || !subscriptions_.emplace(pattern, last_subscription_ + 1).second) return;
  submit(Message{Subscribe{.id = ++last_subscription_, .pattern = pattern}}, PeerTag::none, std::nullopt);
}

void LocalRouterLink::unsubscribe(const std::string& pattern) {
  const auto at = subscriptions_.find(pattern);
  if (session_ == router::nobody || at == subscriptions_.end()) return;
  submit(Message{Unsubscribe{.id = at->second}}, PeerTag::none, std::nullopt);
  subscriptions_.erase(at);
}

void LocalRouterLink::submit(const Message& message, PeerTag peer, std::optional<LinkTicket> answer_to) {
  if (session_ == router::nobody) return;
  if (answer_to) unanswered_.push_back(*answer_to);
  in_order_ = answer_to.has_value();
  router_.submit(session_, message, answer_to ? Qos::confirm : Qos::fire, {.origin = origin_, .peer = static_cast<std::uint32_t>(peer)}, clock_());
  in_order_ = true;
}

void LocalRouterLink::settle(LinkTicket ticket, const LinkAnswer& answer) {
  if (listener_ == nullptr) return;
  if (ticket != LinkTicket::none) return listener_->answered(ticket, answer);
  if (answer.error != nullptr) listener_->refused(*answer.error);
}

std::size_t LocalRouterLink::deliver(const router::Delivery& delivery) {
  const bool snapshot = delivery.presence == router::Presence::snapshot;
  if (listener_ == nullptr || (snapshot && !wants_snapshot_)) return 0;
  const bool own = delivery.own && delivery.provenance.origin == origin_;
  const LinkDelivery out{.is_set = delivery.kind != router::CommitKind::publish, .address = delivery.address, .signal = delivery.signal, .phase = delivery.phase,
                         .value = delivery.value, .samples = delivery.samples, .id = delivery.id, .revision = delivery.revision, .snapshot = snapshot,
                         .own = own, .peer = own ? PeerTag{delivery.provenance.peer} : PeerTag::none};
  listener_->delivered(out);
  return 0;
}

std::size_t LocalRouterLink::reply(const router::Reply& reply) {
  if (listener_ == nullptr || reply.message == nullptr) return 0;
  const auto next = [this] {
    if (unanswered_.empty() || !in_order_) return LinkTicket::none;
    const LinkTicket ticket = unanswered_.front();
    unanswered_.pop_front();
    return ticket;
  };
  if (const auto* ack = std::get_if<Ack>(&reply.message->body)) {
    settle(next(), {.revision = ack->revision.value_or(0)});
  } else if (const auto* refusal = std::get_if<ErrorReply>(&reply.message->body)) {
    Error error{static_cast<ErrorCode>(refusal->code), std::string(refusal->message), std::string(refusal->address.value_or(""))};
    if (refusal_ != nullptr) *refusal_ = std::move(error);
    else settle(next(), {.error = &error});
  }
  return 0;
}

void LocalRouterLink::caught_up(std::uint32_t subscription) {
  if (listener_ == nullptr || !wants_snapshot_) return;
  for (const auto& [pattern, id] : subscriptions_) {
    if (id == subscription) return listener_->caught_up(pattern);
  }
}

void LocalRouterLink::close(const router::CloseReason& reason) {
  CLASP_CHECK(reason.code == router::CloseCode::going_away);  // anything else would leave a bridge dead for the rest of the run
  session_ = router::nobody;
  subscriptions_.clear();
  const Error closed{ErrorCode::unavailable, "the router has closed the session: " + std::string(reason.text), {}};
  while (!unanswered_.empty()) {
    const LinkTicket ticket = unanswered_.front();
    unanswered_.pop_front();
    if (ticket != LinkTicket::none) settle(ticket, {.error = &closed});
  }
  if (listener_ != nullptr) listener_->link_down(reason.text);
}

}  // namespace clasp::bridge
