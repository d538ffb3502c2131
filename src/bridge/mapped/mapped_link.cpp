#include "bridge/mapped/mapped_link.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/address.hpp"
#include "core/limits.hpp"

namespace clasp::bridge {

namespace {

constexpr std::size_t message_overhead_max = 32;  // of a SET or PUBLISH inside a bundle, beside address and value
constexpr std::size_t bundle_overhead_max = 16;

// Only what a newer value makes worthless may be held back (contract, rule 11).
bool may_be_held(const LinkDelivery& delivery) {
  return delivery.is_set || delivery.signal == SignalType::stream || (delivery.signal == SignalType::gesture && delivery.phase == GesturePhase::move);
}

}  // namespace

// One value on its way to the router.
struct MappedLink::Write {
  std::string address;
  EncodedValue value;
  SignalType kind;

  Set set() const {
    Set made;
    made.address = address;
    made.value = value.view();
    return made;
  }
  Publish publish() const {
    Publish made;
    made.address = address;
    made.signal = kind;
    made.value = value.view();
    return made;
  }
  std::size_t bytes() const { return message_overhead_max + address.size() + value.view().encoded_bytes(); }
};

MappedLink::MappedLink(RouterLink& inner, NamespaceMap ns, mapping::MappingTable table, Outside outside)
    : inner_(inner), ns_(std::move(ns)), table_(std::move(table)), outside_(std::move(outside)) {}

// ---- to the router ----

void MappedLink::set(std::string_view address, const ValueView& value, PeerTag peer) {
  if (maps_nothing()) return inner_.set(address, value, peer);
  bool passes = false;
  map_in(address, to_value(value), peer, [&](Write&& made) { write(made, nullptr, peer); }, passes);
  if (passes) inner_.set(address, value, peer);
}

void MappedLink::publish(const Publish& publish, PeerTag peer) {
  if (maps_nothing()) return inner_.publish(publish, peer);
  bool passes = false;
  const Value value = publish.value ? to_value(*publish.value) : Value();
  map_in(publish.address, value, peer, [&](Write&& made) { write(made, &publish, peer); }, passes);
  if (passes) inner_.publish(publish, peer);
}

// Members stay together as long as they fit; each is what it was unless its mapping says otherwise.
void MappedLink::bundle(std::span<const Message> messages, std::optional<UnixTime> at, PeerTag peer) {
  if (maps_nothing()) return inner_.bundle(messages, at, peer);
  std::vector<Write> writes;
  for (const Message& message : messages) {
    const Set* set = std::get_if<Set>(&message.body);
    const Publish* publish = std::get_if<Publish>(&message.body);
    if (set == nullptr && publish == nullptr) continue;
    const SignalType kind = set != nullptr ? SignalType::param : publish->signal.value_or(SignalType::event);
    const std::string_view address = set != nullptr ? set->address : publish->address;
    const std::optional<ValueView> view = set != nullptr ? std::optional(set->value) : publish->value;
    const Value value = view ? to_value(*view) : Value();
    bool passes = false;
    map_in(
        address, value, peer,
        [&](Write&& made) {
          if (made.kind == SignalType::timeline) made.kind = kind;  // as it was
          writes.push_back(std::move(made));
        },
        passes);
    if (passes) writes.push_back({std::string(address), EncodedValue(value), kind});
  }
  write_bundle(writes, at, peer);
}

void MappedLink::write(const Message& message, PeerTag peer, LinkTicket ticket) {
  const Set* set = std::get_if<Set>(&message.body);
  const Publish* publish = std::get_if<Publish>(&message.body);
  if (maps_nothing() || (set == nullptr && publish == nullptr)) return inner_.write(message, peer, ticket);
  const std::string_view address = set != nullptr ? set->address : publish->address;
  const std::optional<ValueView> view = set != nullptr ? std::optional(set->value) : publish->value;
  const std::uint64_t dropped_before = counters_.dropped_in;
  std::vector<Write> writes;
  bool passes = false;
  map_in(address, view ? to_value(*view) : Value(), peer, [&](Write&& made) { writes.push_back(std::move(made)); }, passes);
  for (std::size_t i = 0; i < writes.size(); ++i)
    inner_.write(message_of(writes[i], message), peer, i + 1 == writes.size() && !passes ? ticket : LinkTicket::none);
  if (passes) return inner_.write(message, peer, ticket);
  if (!writes.empty() || listener_ == nullptr || ticket == LinkTicket::none) return;
  const Error unmapped{ErrorCode::invalid_address, "no mapping takes " + printable(address), std::string(address)};
  listener_->answered(ticket, {.error = counters_.dropped_in != dropped_before ? &unmapped : nullptr});
}

// What a mapping made, with everything else as the original has it.
Message MappedLink::message_of(const Write& write, const Message& original) const {
  const Set* set = std::get_if<Set>(&original.body);
  const bool undecided = write.kind == SignalType::timeline;
  if (undecided ? set != nullptr : write.kind == SignalType::param) {
    Set made = write.set();
    if (set != nullptr) made.ttl = set->ttl, made.revision = set->revision, made.lock = set->lock, made.unlock = set->unlock;
    return {made};
  }
  Publish made = write.publish();
  if (undecided) made = std::get<Publish>(original.body), made.address = write.address, made.value = write.value.view();
  return {made};
}

// Calls `deliver` for each place the value goes to; the kind is `timeline` if the mapping does not say (no mapping can say that).
template <typename Deliver>
void MappedLink::map_in(std::string_view address, const Value& value, PeerTag peer, Deliver deliver, bool& passes) {
  const Now now = outside_.clock();
  const auto device = device_address(address);
  if (!device) {
    passes = true;  // not of this bridge's namespace: none of our business
    return;
  }
  const std::uint8_t hops = shown_.in(*device, static_cast<std::uint32_t>(peer), now.steady);
  if (hops > mapping::hops_max) {
    ++counters_.loops_ended;
    log("loop", fmt::format("{}: a value has gone round in circles {} times and ends here: {}", identity_.name, hops - 1, printable(*device)), now);
    return;
  }
  const bool mapped = table_.in(*device, value, now, [&](const std::string& to, const Value& what, std::optional<SignalType> kind) {
    Write made{to, EncodedValue(what), kind.value_or(SignalType::timeline)};
    if (!made.value.ok()) {
      ++counters_.too_large;
      log("size", fmt::format("{}: what a mapping makes of {} fits no frame", identity_.name, printable(*device)), now);
      return;
    }
    ++counters_.mapped_in;
    written_.out(to, hops, static_cast<std::uint32_t>(peer), now.steady);
    deliver(std::move(made));
  });
  note_faults(now);
  outside_.deadline_changed();
  passes = !mapped && table_.passes_unmatched();
  if (!mapped && !passes) ++counters_.dropped_in;
  if (passes) written_.out(address, hops, static_cast<std::uint32_t>(peer), now.steady);
}

void MappedLink::write(const Write& write, const Publish* original, PeerTag peer) {
  const bool undecided = write.kind == SignalType::timeline;
  if (write.kind == SignalType::param || (undecided && original == nullptr)) return inner_.set(write.address, write.value.view(), peer);
  Publish made = undecided ? *original : write.publish();
  made.address = write.address;
  if (undecided && (original->value || write.value.view().tag != ValueTag::null)) made.value = write.value.view();
  inner_.publish(made, peer);
}

void MappedLink::write_bundle(std::span<const Write> writes, std::optional<UnixTime> at, PeerTag peer) {
  std::vector<Message> messages;
  for (std::size_t first = 0; first < writes.size();) {
    std::size_t end = first;
    std::size_t bytes = bundle_overhead_max;
    messages.clear();
    while (end < writes.size() && (end == first || bytes + writes[end].bytes() <= wire::payload_bytes_max)) {
      bytes += writes[end].bytes();
      if (writes[end].kind == SignalType::param)
        messages.push_back({writes[end].set()});
      else
        messages.push_back({writes[end].publish()});
      ++end;
    }
    if (end < writes.size()) ++counters_.bundles_split;
    inner_.bundle(messages, at, peer);
    first = end;
  }
}

// "/fader/1" of "/osc/fader/1".
std::optional<std::string_view> MappedLink::device_address(std::string_view address) const {
  const std::string& prefix = ns_.prefix();
  if (!address.starts_with(prefix) || address.size() <= prefix.size() || address[prefix.size()] != '/') return std::nullopt;
  return address.substr(prefix.size());
}

// ---- from the router ----

void MappedLink::delivered(const LinkDelivery& delivery) {
  if (listener_ == nullptr) return;
  if (maps_nothing()) return listener_->delivered(delivery);
  const Now now = outside_.clock();
  const bool passes = (table_.passes_unmatched() && device_address(delivery.address).has_value()) || is_asked_for(delivery.address);
  if (!delivery.value) {
    if (passes) listener_->delivered(delivery);
    return;
  }
  const Value value = to_value(*delivery.value);
  const mapping::Arrival arrival{.own = delivery.own, .may_be_held = may_be_held(delivery)};
  const bool mapped = table_.out(delivery.address, value, arrival, now, [&](const std::string& to, const Value& what) { show(to, what, delivery); });
  note_faults(now);
  if (!mapped && passes) {
    if (const auto device = device_address(delivery.address)) note_shown(*device, delivery, now);
    listener_->delivered(delivery);
  }
  outside_.deadline_changed();
}

void MappedLink::show(const std::string& device_address, const Value& value, LinkDelivery delivery) {
  const EncodedValue encoded(value);
  if (!encoded.ok()) {
    ++counters_.too_large;
    return;
  }
  ++counters_.mapped_out;
  note_shown(device_address, delivery, outside_.clock());
  const std::string address = ns_.prefix() + device_address;
  delivery.address = address;
  delivery.value = encoded.view();
  if (listener_ != nullptr) listener_->delivered(delivery);
}

void MappedLink::note_faults(const Now& now) {
  const std::uint64_t more = table_.faults() - faults_seen_;
  if (more == 0) return;
  faults_seen_ += more;
  counters_.faults += more;
  log("expression", fmt::format("{}: {}; the value stays as it was", identity_.name, table_.last_fault()), now);
}

// As many hops from where it began as what the device wrote to bring it about; none if it comes from elsewhere.
void MappedLink::note_shown(std::string_view device_address, const LinkDelivery& delivery, const Now& now) {
  const std::uint8_t hops = delivery.own ? written_.last(delivery.address, now.steady) : std::uint8_t{0};
  shown_.out(device_address, hops, mapping::HopCounter::cause(delivery.own, delivery.peer), now.steady);
}

void MappedLink::advance(const Now& now) {
  table_.advance(now, [&](const std::string& to, const Value& what) { show(to, what, {}); });
  outside_.deadline_changed();
}

// ---- the link itself ----

void MappedLink::open(const BridgeIdentity& identity, std::span<const std::string> patterns, bool snapshot, RouterLinkListener& listener) {
  identity_ = identity;
  patterns_.assign(patterns.begin(), patterns.end());
  snapshot_ = snapshot;
  listener_ = &listener;
  open_inner();
}

void MappedLink::open_inner() {
  std::vector<std::string> all = patterns_;
  for (std::string& pattern : table_.subscriptions()) {
    if (std::ranges::find(all, pattern) == all.end()) all.push_back(std::move(pattern));
  }
  for (const Pattern& pattern : asked_for_) {
    if (std::ranges::find(all, pattern.text()) == all.end()) all.push_back(pattern.text());
  }
  inner_.open(identity_, all, snapshot_, *this);
}

// A pattern that is subscribed to already, for a mapping or by the bridge, is asked for anew, so that its state comes.
void MappedLink::subscribe(const std::string& pattern) {
  if (auto parsed = Pattern::parse(pattern)) asked_for_.push_back(std::move(*parsed));
  if (is_needed(pattern)) inner_.unsubscribe(pattern);
  inner_.subscribe(pattern);
}

void MappedLink::unsubscribe(const std::string& pattern) {
  std::erase_if(asked_for_, [&](const Pattern& asked) { return asked.text() == pattern; });
  if (!is_needed(pattern)) inner_.unsubscribe(pattern);
}

bool MappedLink::is_needed(const std::string& pattern) const {
  return std::ranges::find(patterns_, pattern) != patterns_.end() || std::ranges::count(table_.subscriptions(), pattern) > 0;
}

bool MappedLink::is_asked_for(std::string_view address) const {
  return std::ranges::any_of(asked_for_, [&](const Pattern& pattern) { return pattern.matches(address); });
}

void MappedLink::close() {
  asked_for_.clear();
  listener_ = nullptr;
  inner_.close();
}

void MappedLink::replace(mapping::MappingTable table) {
  const bool same_addresses = table.subscriptions() == table_.subscriptions();
  table_ = std::move(table);
  faults_seen_ = 0;
  outside_.deadline_changed();
  if (same_addresses || listener_ == nullptr) return;
  inner_.close();
  open_inner();
}

void MappedLink::link_up() {
  if (listener_ != nullptr) listener_->link_up();
}
void MappedLink::link_down(std::string_view reason) {
  if (listener_ != nullptr) listener_->link_down(reason);
}
void MappedLink::refused(const Error& error) {
  if (listener_ != nullptr) listener_->refused(error);
}
void MappedLink::answered(LinkTicket ticket, const LinkAnswer& answer) {
  if (listener_ != nullptr) listener_->answered(ticket, answer);
}
void MappedLink::caught_up(const std::string& pattern) {
  if (listener_ != nullptr) listener_->caught_up(pattern);
}

}  // namespace clasp::bridge
