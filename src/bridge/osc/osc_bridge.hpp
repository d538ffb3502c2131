// The OSC bridge without its socket: datagrams and time in, writes to the router and datagrams out (bridges specification, section 3).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "bridge/osc/loopback_guard.hpp"
#include "bridge/osc/osc_arguments.hpp"
#include "bridge/osc/osc_config.hpp"
#include "bridge/osc/osc_endpoint.hpp"
#include "bridge/osc/osc_packet.hpp"
#include "bridge/osc/sender_table.hpp"
#include "bridge/outbound_rate.hpp"
#include "bridge/router_link.hpp"
#include "clasp/error.hpp"
#include "core/time.hpp"

namespace clasp::bridge::osc {

// What the bridge needs from the loop it lives in. Calls nothing of the bridge in return, except next_deadline().
class DatagramSink {
 public:
  virtual ~DatagramSink() = default;
  virtual bool send(Bytes packet, const Endpoint& to) = 0;  // from the port the bridge listens on; false: the system did not take it
  virtual SteadyTime now() const = 0;                       // of this turn; deliveries of the router come without a time
  virtual void deadline_changed() = 0;                      // next_deadline() may be earlier than it was
};

class OscBridge;

// A way OSC travels: OscSocket (UDP) or OscStream (TCP).
class OscTransport : public DatagramSink {
 public:
  // Binds and begins; the bridge lives until stop(). The error names address and reason.
  virtual Result<void> start(OscBridge& bridge) = 0;
  // When it returns the port is free and the bridge is not called any more. Call as often as you like.
  virtual void stop() = 0;
  virtual Endpoint local_endpoint() const = 0;  // as bound: shows the port chosen for port 0. Only between start() and stop().
  virtual std::vector<std::pair<const char*, std::uint64_t>> transport_counters() const = 0;
};

class OscLog {
 public:
  virtual ~OscLog() = default;
  virtual void line(std::string_view text) = 0;
};

struct OscCounters {
  // Datagrams and what was in them.
  std::uint64_t received = 0;  // datagrams
  std::uint64_t messages = 0;  // written to the router
  std::uint64_t malformed = 0;
  std::uint64_t unknown_tag = 0;
  std::uint64_t too_deep = 0;
  std::uint64_t too_many = 0;
  std::uint64_t value_too_large = 0;     // received, but more than a CLASP frame holds
  std::uint64_t invalid_address = 0;     // longer than a CLASP address may be
  std::uint64_t wrong_clock = 0;         // time tags beyond the look-ahead, executed at once
  std::uint64_t bundles_split = 0;       // did not fit one CLASP bundle
  std::uint64_t echoes_dropped = 0;      // a device sent back what it had just got
  std::uint64_t dispatch_unmatched = 0;  // patterns that stand for nothing we know
  std::uint64_t dispatch_cut = 0;        // patterns that cost too much, or addresses too many to be known
  std::uint64_t senders_evicted = 0;
  std::uint64_t refused = 0;  // by the router
  // Deliveries and what became of them.
  std::uint64_t delivered = 0;
  std::uint64_t outside_namespace = 0;
  std::uint64_t sent = 0;  // datagrams
  std::uint64_t send_failed = 0;
  std::uint64_t too_large = 0;  // longer than packet_bytes_max, or an address OSC cannot carry
  std::uint64_t replaced = 0;   // by a newer value before the rate allowed it to be sent
};

// One thread. The link may deliver while the bridge writes to it (a session in the same process does): deliveries only send and never touch what
// a datagram is being turned into. Bad input is counted, and told to the log at most once a second.
class OscBridge final : public RouterLinkListener {
 public:
  OscBridge(RouterLink& router, OscConfig config, DatagramSink& sink, OscLog& log);
  OscBridge(const OscBridge&) = delete;

  void start();  // opens the link: announces the namespace and subscribes to it
  void stop();   // closes it; nothing is sent or written afterwards

  void datagram(Bytes bytes, const Endpoint& from, Now now);
  // Over connections: a peer hears changes from the beginning, and until it is gone.
  void peer_came(const Endpoint& peer, SteadyTime now) { senders_.heard(peer, now); }
  void peer_gone(const Endpoint& peer) { senders_.forget(peer); }
  void advance(Now now);
  std::optional<SteadyTime> next_deadline() const;

  // Where everything is sent in any case, except to a target that caused it. One for each configured target, with port 0 for those that have
  // not been found yet. Replaces the earlier ones.
  void set_targets(std::span<const Endpoint> targets);
  bool replies_to_senders() const;

  const OscCounters& counters() const { return counters_; }
  const SenderTable& senders() const { return senders_; }

  // RouterLinkListener
  void link_up() override {}
  void link_down(std::string_view) override {}
  void delivered(const LinkDelivery& delivery) override;
  void refused(const Error& error) override;

 private:
  struct Write {  // one received message on its way to the router
    std::string address;
    ValueView value;
    MessageKind kind = MessageKind::param;
    std::optional<UnixTime> at;
    std::size_t position = 0;   // in the datagram
    std::size_t bytes() const;  // in a CLASP bundle, at most
    Set set() const;
    Publish publish() const;
  };
  struct Outgoing {  // what waits for its rate
    std::vector<std::byte> packet;
    PeerTag cause = PeerTag::none;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  void collect(const OscMessage& message, PeerTag peer, const Endpoint& from, Now now);
  void collect_dispatched(const OscMessage& message, std::optional<UnixTime> at);
  void add_write(std::string_view osc_address, const ValueView& value, std::optional<UnixTime> at);
  void write_bundles(PeerTag peer);
  void write_one(const Write& write, PeerTag peer);
  bool is_echo(const OscMessage& message, PeerTag peer, SteadyTime now);
  void answer_ping(const OscMessage& message, const Endpoint& to);
  void learn(std::string_view osc_address);
  MessageKind kind_of(std::string_view address) const;

  void send_to_all(Bytes packet, PeerTag cause, SteadyTime now);
  void send(Bytes packet, const Endpoint& to);
  Endpoint reply_endpoint(const Sender& sender) const;

  void count_faults(const OscFaults& faults);
  void report(SteadyTime now);
  bool has_news() const;
  std::string describe_news() const;

  RouterLink& router_;
  const OscConfig config_;
  DatagramSink& sink_;
  OscLog& log_;
  OscCounters counters_;
  SenderTable senders_;
  std::vector<Endpoint> targets_;
  LoopbackGuard guard_;
  std::optional<OutboundRate<Outgoing>> rate_;
  std::unordered_set<std::string, TextHash, std::equal_to<>> known_addresses_;

  // Inbound, reused from datagram to datagram.
  OscDecoder decoder_;
  std::vector<Write> writes_;  // the first writes_used_ count; the others keep their memory
  std::size_t writes_used_ = 0;
  OscArguments echo_arguments_;
  ByteBuffer echo_packet_;

  // Outbound, reused from delivery to delivery.
  OscArguments arguments_;
  ByteBuffer packet_;
  std::string osc_name_;
  std::string osc_address_;
  std::vector<Endpoint> destinations_;

  // What the log has been told.
  OscCounters reported_;
  std::optional<SteadyTime> reported_at_;
  std::optional<Endpoint> last_bad_sender_;
  std::string last_refusal_;
};

}  // namespace clasp::bridge::osc
