// One MQTT session: a session of the router, with or without a connection. Subscriptions, what is to be sent, QoS 2 identifiers, the will.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mqtt/outbound.hpp"
#include "mqtt/packet.hpp"
#include "router/sink.hpp"
#include "router/types.hpp"

namespace clasp::mqtt {

class Broker;
class Connection;
struct SharedGroup;

struct Subscription {
  std::string filter;  // as the client wrote it
  SubscriptionOptions options;
  std::uint32_t identifier = 0;  // MQTT 5; 0: none
  bool needs_check = false;      // a match of its patterns may be wrong
  SharedGroup* group = nullptr;
  std::vector<std::uint32_t> numbers;  // of its patterns, towards the router
};

struct StoredWill {
  std::string topic;
  ByteBuffer payload;
  ByteBuffer properties;  // as they came
  std::optional<std::uint32_t> message_expiry;
  Qos qos{};
  bool retain = false;
  std::chrono::seconds delay{0};
};

Reason reason_of(ErrorCode code);

class Session final : public router::Sink {
 public:
  Session(Broker& broker, std::string client_id, std::uint64_t serial);
  Session(const Session&) = delete;
  ~Session() override;

  // router::Sink
  std::size_t deliver(const router::Delivery& delivery) override;
  std::size_t reply(const router::Reply& reply) override;
  void read(bool on) override;
  void close(const router::CloseReason& reason) override;

  const std::string& client_id() const { return client_id_; }
  bool is_attached() const { return connection != nullptr; }
  Outbound& outbound() { return outbound_; }

  // SUBSCRIBE of one filter; the reason for the SUBACK. Retained messages wait until the caller uncorks.
  Reason subscribe(const FilterEntry& entry, std::uint32_t identifier);
  Reason unsubscribe(std::string_view filter);
  std::size_t subscriptions() const { return subscriptions_.size(); }
  bool wants_figures(std::string_view topic) const;  // of $SYS

  // QoS 2 messages whose PUBREL has not come.
  bool is_received(PacketId id) const;
  void received(PacketId id);
  bool release(PacketId id);  // false: unknown
  std::size_t unreleased() const { return received_.size(); }

  // One message to this session, past its subscriptions (a group's choice, $SYS).
  void send(const Rendered& rendered, MessageRef& shared, Terms terms);
  // After anything was sent or has left: tells the router what still waits.
  void settle();
  std::size_t waiting_bytes() const;

  // ---- state the broker and the connection keep here ----
  router::SessionId router_id = router::nobody;
  Connection* connection = nullptr;
  std::optional<StoredWill> will;
  std::chrono::seconds expiry{0};
  std::optional<SteadyTime> will_due;
  std::optional<SteadyTime> expiry_due;
  std::optional<SteadyTime> armed;  // the broker's timer for it
  SteadyTime detached_at;
  const std::uint64_t serial;
  bool awaits_disk = false;       // the broker looks after it
  std::optional<Reason> refusal;  // what the router answered to the last SUBSCRIBE

 private:
  struct Match {
    bool any = false;
    Terms terms;
  };
  Match match(const router::Delivery& delivery, const Rendered& rendered);
  void add(Match& match, const Subscription& subscription, const Rendered& rendered, bool snapshot);
  using Place = std::vector<std::unique_ptr<Subscription>>::iterator;
  Place place_of(std::string_view filter);  // where it is, or would be
  std::uint32_t number_for(Subscription& subscription);

  Broker& broker_;
  std::string client_id_;
  Outbound outbound_;
  std::vector<std::unique_ptr<Subscription>> subscriptions_;  // by filter
  std::vector<Subscription*> by_number_;       // number - 1 → subscription, null: free
  std::vector<std::uint32_t> free_numbers_;
  std::vector<PacketId> received_;        // sorted
  std::size_t reported_ = 0;              // what the router believes to wait here
};

}  // namespace clasp::mqtt
