#include "bridge/local/local_link.hpp"

#include "core/check.hpp"

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
  submit(Message{Announce{.ns = identity.ns, .signals = {{.address = everything, .type = SignalType::param}}}}, PeerTag::none);
  std::uint32_t id = 0;
  for (const std::string& pattern : patterns) submit(Message{Subscribe{.id = ++id, .pattern = pattern}}, PeerTag::none);
  listener.link_up();
}

void LocalRouterLink::close() {
  if (session_ == router::nobody) return;
  listener_ = nullptr;
  router_.close_session(std::exchange(session_, router::nobody), clock_());
}

void LocalRouterLink::set(std::string_view address, const ValueView& value, PeerTag peer) {
  submit(Message{Set{.address = address, .value = value}}, peer);
}

void LocalRouterLink::publish(const Publish& publish, PeerTag peer) { submit(Message{publish}, peer); }

void LocalRouterLink::bundle(std::span<const Message> messages, std::optional<UnixTime> at, PeerTag peer) {
  submit(Message{Bundle{.timestamp = at, .messages = {messages.begin(), messages.end()}}}, peer);
}

void LocalRouterLink::submit(const Message& message, PeerTag peer) {
  if (session_ == router::nobody) return;
  router_.submit(session_, message, Qos::fire, {.origin = origin_, .peer = static_cast<std::uint32_t>(peer)}, clock_());
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
  if (const auto* error = std::get_if<ErrorReply>(&reply.message->body))
    listener_->refused({static_cast<ErrorCode>(error->code), std::string(error->message), std::string(error->address.value_or(""))});
  return 0;
}

void LocalRouterLink::close(const router::CloseReason& reason) {
  session_ = router::nobody;
  if (listener_ != nullptr) listener_->link_down(reason.text);
}

}  // namespace clasp::bridge
