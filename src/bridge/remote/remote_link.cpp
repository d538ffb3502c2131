#include "bridge/remote/remote_link.hpp"

#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include "bridge/remote/own_writes.hpp"
#include "client/client_driver.hpp"
#include "client/offline_params.hpp"
#include "core/check.hpp"

namespace clasp::bridge {

using client::Answer;
using client::ClientDriver;
using client::ClientSession;
using client::Item;
using client::SessionConfig;
using client::Ticket;

namespace {

constexpr Micros goodbye_linger{2'000'000};
constexpr std::size_t unsent_kept_bytes_max = 65'536;
constexpr Micros early_bundle{100'000};  // clocks disagree: the echo of a bundle may come this much before its time
constexpr int quiet_round_trips = 3;     // that show a snapshot is over: each lets the router continue it once, and nothing tells its end
constexpr std::uint8_t bridge_features = feature::param | feature::event | feature::stream;
constexpr TypeMask bridge_types{0x1f};  // gestures and timelines too: a bridge sorts out itself what its protocol has no form for

SessionConfig session_config(const RemoteLinkConfig& config, const BridgeIdentity& identity) {
  SessionConfig session;
  session.name = identity.name;
  session.token = config.token;
  session.features = bridge_features;
  session.snapshot = false;  // the one after WELCOME: subscriptions bring their own
  session.retry_first = true;
  session.backoff = config.backoff;
  session.connect_timeout = config.connect_timeout;
  session.cache_entries_max = 0;
  session.offline_params_max = config.offline_params_max;
  return session;
}

// A PUBLISH from the router, with copies of its bytes.
struct HeldPublish {
  std::string address;
  std::optional<std::string> value;  // tag byte and data
  std::optional<std::string> samples;
  SignalType signal = SignalType::event;
  GesturePhase phase = GesturePhase::start;
  std::optional<std::uint32_t> id;
};

std::string bytes_of(const ValueView& value) {
  std::string bytes(1, static_cast<char>(value.tag));
  bytes.append(as_text(value.data));
  return bytes;
}

ValueView view_of(const std::string& bytes) { return {static_cast<ValueTag>(bytes[0]), as_bytes(std::string_view(bytes).substr(1))}; }

}  // namespace

// Lives from open() to the end of the goodbye. What the session tells is stored and handed to the listener when the turn ends, so that the
// bridge may write from inside its callbacks.
class RemoteRouterLink::Connection final : public client::DriverOwner {
 public:
  Connection(const RemoteLinkConfig& config, const BridgeIdentity& identity, bool snapshot, RouterLinkListener& listener)
      : config_(config), identity_(identity), snapshot_(snapshot), listener_(&listener), kept_(config.offline_params_max) {}

  void open(boost::asio::io_context& loop, std::span<const std::string> patterns) {
    driver_ = ClientDriver::create(loop, session_config(config_, identity_), config_.endpoint, *this);
    driver_->call([&](ClientSession& session, Now now) {
      announce(session, now);
      for (const std::string& pattern : patterns) add_subscription(session, pattern, now);
      session.begin(now);
    });
  }

  // `self` keeps this alive until the goodbye is over.
  void close(std::shared_ptr<Connection> self) {
    listener_ = nullptr;
    const auto driver = std::exchange(driver_, nullptr);
    driver->detach(goodbye_linger, [self = std::move(self)]() mutable { self.reset(); });
  }

  void set(std::string_view address, const ValueView& value, PeerTag peer) {
    driver_->call([&](ClientSession& session, Now now) {
      if (session.is_active() && kept_.empty()) return send(session, address, value, peer, now);
      keep(address, value, peer);
    });
  }

  void publish(const Publish& publish) {
    driver_->call([&](ClientSession& session, Now now) {
      auto sent = session.publish(publish, now);
      if (!sent && sent.error().code != ErrorCode::not_connected) refuse_here(sent);
    });
  }

  void bundle(std::span<const Message> messages, std::optional<UnixTime> at, PeerTag peer) {
    driver_->call([&](ClientSession& session, Now now) {
      if (!session.is_active()) return keep_members(messages, peer);
      const Ticket ticket = next_ticket();
      const Micros ahead = at ? until(*at, session, now) : Micros{0};
      auto sent = session.bundle(messages, at, ticket, now.steady + ahead + config_.answer_timeout, now);
      if (!sent) return refuse_here(sent);
      own_writes_.wrote_bundle(ticket, set_addresses(messages), now.steady + ahead - early_bundle, peer);
    });
  }

  void write(const Message& message, PeerTag peer, LinkTicket asked) {
    driver_->call([&](ClientSession& session, Now now) {
      const Ticket ticket = next_ticket();
      const Set* set = std::get_if<Set>(&message.body);
      if (set != nullptr) {
        auto sent = session.set_confirmed(*set, ticket, now.steady + config_.answer_timeout, now);
        if (!sent) return store_answer(asked, sent.error());
        kept_.forget(set->address);  // an older value that still waits would come behind this one
        own_writes_.wrote(ticket, set->address, peer);
        asked_.emplace(ticket, asked);
        return;
      }
      // Only a BUNDLE is answered for sure (contract 25), and one that has to wait not before its time: nobody waits for that.
      const Bundle* bundle = std::get_if<Bundle>(&message.body);
      const Bundle alone{.timestamp = {}, .messages = bundle != nullptr ? std::vector<Message>{} : std::vector<Message>{message}};
      const Bundle& sending = bundle != nullptr ? *bundle : alone;
      const Micros ahead = sending.timestamp ? until(*sending.timestamp, session, now) : Micros{0};
      auto sent = session.bundle(sending.messages, sending.timestamp, ticket, now.steady + ahead + config_.answer_timeout, now);
      if (!sent) return store_answer(asked, sent.error());
      for (const std::string& address : set_addresses(sending.messages)) kept_.forget(address);
      own_writes_.wrote_bundle(ticket, set_addresses(sending.messages), now.steady + ahead - early_bundle, peer);
      if (ahead > Micros{0}) return store_answer(asked, {});
      asked_.emplace(ticket, asked);
    });
  }

  void get(std::string_view address, LinkTicket asked) {
    driver_->call([&](ClientSession& session, Now now) {
      const Ticket ticket = next_ticket();
      asked_.emplace(ticket, asked);
      auto sent = session.get(address, Micros{0}, true, ticket, now.steady + config_.answer_timeout, now);
      if (sent) return;
      asked_.erase(ticket);
      store_answer(asked, sent.error());
    });
  }

  void subscribe(const std::string& pattern) {
    driver_->call([&](ClientSession& session, Now now) {
      if (subscriptions_.contains(pattern)) return;
      add_subscription(session, pattern, now);
      if (!snapshot_ || !session.is_active()) return;
      catching_up_.insert(pattern);
      quiet_ = 0;
      if (round_trip_ == Ticket::none) begin_round_trip(session, now);
    });
  }
  void unsubscribe(const std::string& pattern) {
    driver_->call([&](ClientSession& session, Now now) {
      const auto at = subscriptions_.find(pattern);
      if (at == subscriptions_.end()) return;
      session.unsubscribe(at->second, now);
      catching_up_.erase(pattern);
      subscriptions_.erase(at);
    });
  }

  RemoteLinkStats stats() {
    return driver_->call([this](ClientSession& session, Now) {
      const client::SessionStats& counted = session.stats();
      return RemoteLinkStats{.reconnects = counted.reconnects,
                             .publishes_dropped = counted.publishes_dropped + dropped_in_bundles_,
                             .sets_refused_here = refused_here_,
                             .frames_lost = counted.frames_lost,
                             .echoes_unchecked = echoes_unchecked_ + own_writes_.passed_unchecked(),
                             .offline_params = session.offline_params() + kept_.size()};
    });
  }

  // ---- DriverOwner ----
  void connected() override {
    events_.emplace_back(Up{});
    for (const auto& [pattern, id] : subscriptions_) catching_up_.insert(pattern);
    round_trip_due_ = snapshot_ && !catching_up_.empty();
  }
  void disconnected(std::string_view reason) override { events_.emplace_back(Down{std::string(reason)}); }
  void reconnecting(std::uint32_t) override {}
  void gave_up(const Error& error) override { store(error); }
  void reported(const Error& error) override {
    const bool about_the_link = error.code == ErrorCode::connection_failed || error.code == ErrorCode::timeout;
    if (about_the_link) {
      events_.emplace_back(Down{error.message});
    } else {
      store(error);
    }
  }
  void arrived(const Item& item) override {
    if (item.is_set) {
      if (item.snapshot && !snapshot_) return;
      if (item.snapshot) quiet_ = 0;
      own_writes_.arrived(
          {.address = std::string(item.address), .value = bytes_of(*item.value), .revision = item.revision, .snapshot = item.snapshot},
          driver_->now().steady, ready_);
      return take_ready();
    }
    HeldPublish publish{.address = std::string(item.address), .value = {}, .samples = {}, .signal = item.signal, .phase = item.phase, .id = item.id};
    if (item.value) publish.value = bytes_of(*item.value);
    if (item.samples) publish.samples = std::string(as_text(*item.samples));
    events_.emplace_back(std::move(publish));
  }
  void answered(Ticket ticket, const Answer& answer) override {
    if (ticket == round_trip_) return round_trip_done();
    own_writes_.settled(ticket, answer.revision, ready_);
    take_ready();
    if (const auto asked = take_asked(ticket)) {
      HeldAnswer held{.ticket = *asked, .error = {}, .revision = answer.revision, .value = {}};
      if (answer.value) held.value = bytes_of(*answer.value);
      events_.emplace_back(std::move(held));
    }
  }
  void failed(Ticket ticket, const Error& error) override {
    if (ticket == round_trip_) round_trip_ = Ticket::none;  // the connection is gone; the next one begins anew
    own_writes_.settled(ticket, std::nullopt, ready_);
    take_ready();
    if (const auto asked = take_asked(ticket)) return store_answer(*asked, error);
    // The router said no. That it said nothing, or that the connection is gone, is no refusal.
    if (error.code != ErrorCode::no_answer && error.code != ErrorCode::not_connected) store(error);
  }
  bool wants_turn() const override { return !events_.empty() || round_trip_due_; }

  void turn_ended() override {
    if (!driver_) return;
    std::vector<Event> events;
    driver_->call([&](ClientSession& session, Now now) {
      send_kept(session, now);
      events.swap(events_);
      if (std::exchange(round_trip_due_, false)) begin_round_trip(session, now);
    });
    for (const Event& event : events) {
      if (listener_ == nullptr) return;  // closed by what came before
      std::visit([this](const auto& told) { tell(told); }, event);
    }
  }

 private:
  struct Up {};
  struct Down {
    std::string reason;
  };
  struct HeldAnswer {
    LinkTicket ticket;
    std::optional<Error> error;
    std::uint64_t revision = 0;
    std::optional<std::string> value;  // tag byte and data
  };
  struct CaughtUp {
    std::string pattern;
  };
  using Event = std::variant<Up, Down, Error, HeldSet, HeldPublish, HeldAnswer, CaughtUp>;

  void tell(const Up&) { listener_->link_up(); }
  void tell(const Down& down) { listener_->link_down(down.reason); }
  void tell(const Error& error) { listener_->refused(error); }
  void tell(const HeldSet& set) {
    listener_->delivered({.address = set.address,
                          .value = set.view(),
                          .samples = {},
                          .id = {},
                          .revision = set.revision,
                          .snapshot = set.snapshot,
                          .own = set.own,
                          .peer = set.peer});
  }
  void tell(const HeldPublish& publish) {
    LinkDelivery delivery{
        .is_set = false, .address = publish.address, .signal = publish.signal, .phase = publish.phase, .value = {}, .samples = {}, .id = publish.id};
    if (publish.value) delivery.value = view_of(*publish.value);
    if (publish.samples) delivery.samples = as_bytes(*publish.samples);
    listener_->delivered(delivery);
  }

  void tell(const HeldAnswer& held) {
    LinkAnswer answer{.error = held.error ? &*held.error : nullptr, .revision = held.revision, .value = {}};
    if (held.value) answer.value = view_of(*held.value);
    listener_->answered(held.ticket, answer);
  }

  void tell(const CaughtUp& caught_up) { listener_->caught_up(caught_up.pattern); }

  void begin_round_trip(ClientSession& session, Now now) {
    const Ticket ticket = next_ticket();
    if (session.ping(ticket, now.steady + config_.connect_timeout, now)) round_trip_ = ticket;
  }
  void round_trip_done() {
    round_trip_ = Ticket::none;
    if (++quiet_ < quiet_round_trips) {
      round_trip_due_ = true;
      return;
    }
    quiet_ = 0;
    for (const std::string& pattern : std::exchange(catching_up_, {})) events_.emplace_back(CaughtUp{pattern});
  }

  void store(const Error& error) { events_.emplace_back(error); }
  void store_answer(LinkTicket ticket, std::optional<Error> error) {
    if (ticket != LinkTicket::none) events_.emplace_back(HeldAnswer{.ticket = ticket, .error = std::move(error), .revision = 0, .value = {}});
    else if (error) store(*error);
  }
  std::optional<LinkTicket> take_asked(Ticket ticket) {
    const auto at = asked_.find(ticket);
    if (at == asked_.end()) return std::nullopt;
    const LinkTicket asked = at->second;
    asked_.erase(at);
    return asked == LinkTicket::none ? std::nullopt : std::optional(asked);
  }
  void add_subscription(ClientSession& session, const std::string& pattern, Now now) {
    auto id = session.subscribe(pattern, bridge_types, {}, now);
    if (!id) return store(id.error());
    subscriptions_.emplace(pattern, *id);
  }
  static std::vector<std::string> set_addresses(std::span<const Message> messages) {
    std::vector<std::string> addresses;
    for (const Message& message : messages) {
      if (const Set* set = std::get_if<Set>(&message.body)) addresses.emplace_back(set->address);
    }
    return addresses;
  }
  void take_ready() {
    for (HeldSet& set : ready_) events_.emplace_back(std::move(set));
    ready_.clear();
  }
  Ticket next_ticket() { return Ticket{++last_ticket_}; }

  void refuse_here(const Result<void>& result) {
    if (result) return;
    ++refused_here_;
    store(result.error());
  }

  void send(ClientSession& session, std::string_view address, const ValueView& value, PeerTag peer, Now now) {
    const Set message{.address = address, .value = value, .revision = {}, .ttl = {}};
    const Ticket ticket = next_ticket();
    auto sent = session.set_confirmed(message, ticket, now.steady + config_.answer_timeout, now);
    if (sent) return own_writes_.wrote(ticket, address, peer);
    // Too many calls wait for an answer: the value is worth more than knowing its echo.
    ++echoes_unchecked_;
    refuse_here(session.set(message, now));
  }

  // While the router is away, and until what was kept has gone: a newer value must not overtake an older one. Whose they are is kept with them,
  // else their echo would be taken for somebody else's.
  void keep(std::string_view address, const ValueView& value, PeerTag peer) {
    if (kept_.keep(address, {peer, bytes_of(value)})) return;
    refuse_here(Error{ErrorCode::overloaded, fmt::format("{} params are waiting for a connection already", kept_.size()), std::string(address)});
  }
  void send_kept(ClientSession& session, Now now) {
    if (!session.is_active()) return;
    kept_.drain([&](std::string_view address, const Kept& kept) {
      if (session.unsent_bytes() >= unsent_kept_bytes_max) return false;  // the rest with the next turn
      send(session, address, view_of(kept.value), kept.peer, now);
      return true;
    });
  }

  // A bundle cannot be kept whole, because of each address only the newest SET survives.
  void keep_members(std::span<const Message> messages, PeerTag peer) {
    for (const Message& message : messages) {
      if (const Set* set = std::get_if<Set>(&message.body)) {
        keep(set->address, set->value, peer);
      } else {
        ++dropped_in_bundles_;
      }
    }
  }

  static Micros until(UnixTime at, ClientSession& session, Now now) {
    const UnixTime server = session.clock().to_server(now.unix_time);
    return at > server ? Micros{static_cast<std::int64_t>(at.us - server.us)} : Micros{0};
  }

  // The compact form of ANNOUNCE has no place for bridge, protocol and device (wire format, 6.3), so they stand in the description.
  void announce(ClientSession& session, Now now) {
    const std::string everything = identity_.ns + "/**";
    const std::string description = fmt::format("{} bridge{}{}{}", identity_.protocol, identity_.device.empty() ? "" : " to ", identity_.device,
                                                identity_.bidirectional ? "" : ", one way");
    SignalMeta meta{.unit = {}, .range = {}, .default_value = {}, .description = description};
    const Announce announce{
        .ns = identity_.ns, .signals = {{.address = everything, .type = SignalType::param, .datatype = {}, .access = {}, .meta = meta}}, .meta = {}};
    if (auto announced = session.announce(announce, now); !announced) store(announced.error());
  }

  const RemoteLinkConfig config_;
  const BridgeIdentity identity_;
  const bool snapshot_;
  RouterLinkListener* listener_;  // null when closed
  std::shared_ptr<ClientDriver> driver_;
  struct Kept {
    PeerTag peer;
    std::string value;  // tag byte and data
  };
  client::NewestPerAddress<Kept> kept_;
  OwnWrites own_writes_;
  std::vector<HeldSet> ready_;
  std::vector<Event> events_;
  std::map<Ticket, LinkTicket> asked_;            // calls of the bridge that wait for an answer; the session bounds them
  std::map<std::string, std::uint32_t> subscriptions_;  // pattern → id
  std::set<std::string> catching_up_;  // patterns whose snapshot may still be coming
  Ticket round_trip_ = Ticket::none;   // a PING under way to find out
  bool round_trip_due_ = false;
  int quiet_ = 0;                      // round trips in a row that brought nothing of a snapshot
  std::uint64_t last_ticket_ = 0;
  std::uint64_t refused_here_ = 0;
  std::uint64_t echoes_unchecked_ = 0;
  std::uint64_t dropped_in_bundles_ = 0;
};

RemoteRouterLink::RemoteRouterLink(boost::asio::io_context& loop, RemoteLinkConfig config) : loop_(loop), config_(std::move(config)) {}
RemoteRouterLink::~RemoteRouterLink() { close(); }

void RemoteRouterLink::open(const BridgeIdentity& identity, std::span<const std::string> patterns, bool snapshot, RouterLinkListener& listener) {
  CLASP_CHECK(!connection_);
  connection_ = std::make_shared<Connection>(config_, identity, snapshot, listener);
  connection_->open(loop_, patterns);
}

void RemoteRouterLink::close() {
  if (!connection_) return;
  const auto connection = std::exchange(connection_, nullptr);
  connection->close(connection);
}

void RemoteRouterLink::set(std::string_view address, const ValueView& value, PeerTag peer) {
  if (connection_) connection_->set(address, value, peer);
}
void RemoteRouterLink::publish(const Publish& publish, PeerTag) {
  if (connection_) connection_->publish(publish);
}
void RemoteRouterLink::bundle(std::span<const Message> messages, std::optional<UnixTime> at, PeerTag peer) {
  if (connection_) connection_->bundle(messages, at, peer);
}
void RemoteRouterLink::write(const Message& message, PeerTag peer, LinkTicket ticket) {
  if (connection_) connection_->write(message, peer, ticket);
}
void RemoteRouterLink::get(std::string_view address, LinkTicket ticket) {
  if (connection_) connection_->get(address, ticket);
}
void RemoteRouterLink::subscribe(const std::string& pattern) {
  if (connection_) connection_->subscribe(pattern);
}
void RemoteRouterLink::unsubscribe(const std::string& pattern) {
  if (connection_) connection_->unsubscribe(pattern);
}
RemoteLinkStats RemoteRouterLink::stats() const { return connection_ ? connection_->stats() : RemoteLinkStats{}; }

}  // namespace clasp::bridge
