#include "mqtt/session.hpp"

#include <algorithm>

#include "mqtt/broker.hpp"
#include "mqtt/connection.hpp"
#include "mqtt/topics.hpp"

namespace clasp::mqtt {

Reason reason_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::forbidden:
    case ErrorCode::unauthorized:
    case ErrorCode::refused: return Reason::not_authorized;
    case ErrorCode::pattern_error: return Reason::topic_filter_invalid;
    case ErrorCode::too_many: return Reason::quota_exceeded;
    default: return Reason::implementation_specific;
  }
}

Session::Session(Broker& broker, std::string client_id, std::uint64_t number)
    : serial(number),
      broker_(broker),
      client_id_(std::move(client_id)),
      outbound_(broker.limits(), broker.stats(), broker.pool(), broker.scratch()) {}

Session::~Session() {
  broker_.forget_waiting(reported_);
  for (const auto& subscription : subscriptions_) {
    if (subscription->group != nullptr) broker_.groups().leave(*subscription->group, *this);
  }
}

// ---- router::Sink ----

std::size_t Session::deliver(const router::Delivery& delivery) {
  const Rendered* rendered = broker_.render(delivery);
  if (rendered == nullptr) return 0;
  Match found = match(delivery, *rendered);
  if (!found.any) return 0;
  outbound_.push(*rendered, broker_.shared_message(), std::move(found.terms), broker_.now().steady);
  if (outbound_.overflowed()) broker_.doom(*this, Reason::quota_exceeded);
  const std::size_t waiting = waiting_bytes();
  if (waiting <= reported_) return 0;
  const std::size_t more = waiting - reported_;
  reported_ = waiting;
  broker_.note_waiting(more);
  return more;
}

std::size_t Session::reply(const router::Reply& reply) {
  if (reply.message == nullptr) return 0;
  if (const auto* error = std::get_if<ErrorReply>(&reply.message->body)) {
    refusal = reason_of(ErrorCode{error->code});
    broker_.note_refusal(*this, error->message);
  }
  return 0;
}

void Session::read(bool on) {
  if (connection != nullptr) connection->pause(Connection::Pause::router, !on);
}

void Session::close(const router::CloseReason& reason) {
  router_id = router::nobody;
  broker_.doom(*this, reason.code == router::CloseCode::going_away ? Reason::server_shutting_down
                      : reason.code == router::CloseCode::policy   ? Reason::not_authorized
                                                                   : Reason::quota_exceeded);
}

// ---- which of its subscriptions, and on what terms ----

Session::Match Session::match(const router::Delivery& delivery, const Rendered& rendered) {
  Match found;
  const bool snapshot = delivery.presence == router::Presence::snapshot;
  for (const std::uint32_t number : delivery.subscriptions) {
    const Subscription* subscription = number <= by_number_.size() ? by_number_[number - 1] : nullptr;
    if (subscription == nullptr) continue;
    if (subscription->group != nullptr) {
      if (!snapshot) broker_.offer(*subscription->group, delivery.seq, rendered);
      continue;
    }
    if (subscription->needs_check && !filter_matches(subscription->filter, rendered.topic)) continue;
    if (subscription->options.no_local && delivery.own && !snapshot) continue;
    add(found, *subscription, rendered, snapshot);
  }
  return found;
}

void Session::add(Match& match, const Subscription& subscription, const Rendered& rendered, bool snapshot) {
  match.any = true;
  match.terms.qos = std::max(match.terms.qos, std::min(subscription.options.qos, rendered.qos));
  match.terms.retain |= snapshot || (subscription.options.retain_as_published && rendered.retain);
  if (subscription.identifier != 0 && std::ranges::find(match.terms.identifiers, subscription.identifier) == match.terms.identifiers.end())
    match.terms.identifiers.push_back(subscription.identifier);
}

// ---- subscriptions ----

Session::Place Session::place_of(std::string_view filter) {
  return std::ranges::lower_bound(subscriptions_, filter, {}, [](const auto& subscription) { return std::string_view{subscription->filter}; });
}

std::uint32_t Session::number_for(Subscription& subscription) {
  if (free_numbers_.empty()) {
    by_number_.push_back(&subscription);
    return static_cast<std::uint32_t>(by_number_.size());
  }
  const std::uint32_t number = free_numbers_.back();
  free_numbers_.pop_back();
  by_number_[number - 1] = &subscription;
  return number;
}

Reason Session::subscribe(const FilterEntry& entry, std::uint32_t identifier) {
  const auto shared = parse_shared(entry.filter);
  if (shared ? !shared->valid : !is_topic_filter(entry.filter)) return Reason::topic_filter_invalid;
  if (entry.filter.size() > broker_.limits().subscription_filter_bytes_max) return Reason::topic_filter_invalid;
  const std::string_view filter = shared ? shared->filter : entry.filter;
  const Place place = place_of(entry.filter);
  const bool is_new = place == subscriptions_.end() || (*place)->filter != entry.filter;
  Subscription* const subscription = (is_new ? *subscriptions_.insert(place, std::make_unique<Subscription>()) : *place).get();
  if (is_new) {
    subscription->filter = entry.filter;
    subscription->needs_check = filter_needs_check(filter);
    if (shared) subscription->group = &broker_.groups().join(shared->group, filter, *this);
  }
  subscription->options = entry.options;
  subscription->identifier = identifier;
  if (shared) broker_.groups().set_terms(*subscription->group, *this, entry.options.qos, identifier);

  const bool retained = !shared && (entry.options.retain_handling == 0 || (entry.options.retain_handling == 1 && is_new));
  refusal.reset();
  if (is_new) {
    for (const std::string& pattern : broker_.topics().patterns_of(filter)) {
      const std::uint32_t number = number_for(*subscription);
      subscription->numbers.push_back(number);
      broker_.submit_subscribe(*this, number, pattern, retained);
      if (refusal) {
        const Reason reason = *refusal;
        unsubscribe(entry.filter);
        return reason;
      }
    }
  } else if (retained) {
    const std::vector<std::string> patterns = broker_.topics().patterns_of(filter);
    for (std::size_t i = 0; i < patterns.size(); ++i) broker_.submit_subscribe(*this, subscription->numbers[i], patterns[i], true);
  }
  if (retained) broker_.send_figures(*this, *subscription);
  return Reason{static_cast<std::uint8_t>(entry.options.qos)};
}

Reason Session::unsubscribe(std::string_view filter) {
  const Place at = place_of(filter);
  if (at == subscriptions_.end() || (*at)->filter != filter) return Reason::no_subscription_existed;
  const std::unique_ptr<Subscription> gone = std::move(*at);
  subscriptions_.erase(at);
  for (const std::uint32_t number : gone->numbers) {
    by_number_[number - 1] = nullptr;
    free_numbers_.push_back(number);
    broker_.submit_unsubscribe(*this, number);
  }
  if (gone->group != nullptr) broker_.groups().leave(*gone->group, *this);
  return Reason::success;
}

bool Session::wants_figures(std::string_view topic) const {
  return std::ranges::any_of(subscriptions_, [topic](const auto& subscription) {
    return subscription->filter.starts_with("$SYS") && filter_matches(subscription->filter, topic);
  });
}

// ---- QoS 2 of the client ----

bool Session::is_received(PacketId id) const { return std::ranges::binary_search(received_, id); }
void Session::received(PacketId id) { received_.insert(std::ranges::lower_bound(received_, id), id); }
bool Session::release(PacketId id) {
  const auto at = std::ranges::lower_bound(received_, id);
  if (at == received_.end() || *at != id) return false;
  received_.erase(at);
  return true;
}

// ---- towards the connection ----

void Session::send(const Rendered& rendered, MessageRef& shared, Terms terms) {
  outbound_.push(rendered, shared, std::move(terms), broker_.now().steady);
  if (outbound_.overflowed()) broker_.doom(*this, Reason::quota_exceeded);
}

std::size_t Session::waiting_bytes() const { return outbound_.waiting_bytes() + (connection != nullptr ? connection->wire().waiting_bytes() : 0); }

void Session::settle() {
  const std::size_t waiting = waiting_bytes();
  if (waiting >= reported_ || router_id == router::nobody) return;
  const std::size_t gone = reported_ - waiting;
  reported_ = waiting;
  broker_.report_sent(*this, gone);
}

}  // namespace clasp::mqtt
