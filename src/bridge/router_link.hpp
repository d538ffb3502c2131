// What a bridge sees of a router: one interface with two implementations, a session in the same process (local_link.hpp) and a client
// connection (remote_link.hpp). `clasp server --osc 9000` and `clasp osc --router URL` run the same bridge object over one or the other.
//
// Everything happens on the thread of the loop that owns the bridge. Echo is decided behind this interface from provenance, never by a bridge
// and never by comparing values (a transform may have changed them): a delivery says whether this bridge caused it, and which of its peers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "clasp/error.hpp"
#include "core/message.hpp"

namespace clasp::bridge {

// Names one device behind a bridge (an OSC sender, an MQTT client …) inside that bridge. 0 = nobody in particular.
enum class PeerTag : std::uint32_t { none = 0 };

// Names a call whose answer a bridge waits for; chosen by the bridge. none: nobody waits.
enum class LinkTicket : std::uint64_t { none = 0 };

struct BridgeIdentity {
  std::string name;      // HELLO name, e.g. "osc-bridge"
  std::string ns;        // "/osc": announced as <ns>/**
  std::string protocol;  // "osc"
  std::string device;    // may be empty
  bool bidirectional = true;
};

// One SET or PUBLISH on its way to the device. Views are valid during the call only.
struct LinkDelivery {
  bool is_set = true;  // else a PUBLISH
  std::string_view address;
  SignalType signal = SignalType::param;
  GesturePhase phase = GesturePhase::start;
  std::optional<ValueView> value;  // value, else payload (bridges specification 2.4)
  std::optional<Bytes> samples;    // n × f64 big-endian, only if there is no value
  std::optional<std::uint32_t> id;
  std::uint64_t revision = 0;
  bool snapshot = false;           // current state sent after subscribing, not a change
  bool own = false;                // this bridge wrote it …
  PeerTag peer = PeerTag::none;    // … for this peer
};

// What became of a call. Views are valid during the call only.
struct LinkAnswer {
  const Error* error = nullptr;     // null: it was done
  std::uint64_t revision = 0;       // of a SET, or of what a get found; 0 if it is not known
  std::optional<ValueView> value;   // what a get found
};

class RouterLinkListener {
 public:
  virtual ~RouterLinkListener() = default;
  virtual void link_up() = 0;                              // subscriptions are in place
  virtual void link_down(std::string_view reason) = 0;     // the link itself reconnects; nothing to do but tell
  // May not write to the link, nor close it: the router is in the middle of handing something out. Post to the loop what is to be written.
  virtual void delivered(const LinkDelivery& delivery) = 0;
  virtual void refused(const Error& error) = 0;            // the router said no to something this bridge wrote
  // All that the pattern held when it was subscribed to has been delivered. Not for the patterns the link was opened with by a link that did not ask
  // for their state.
  virtual void caught_up(const std::string& pattern) { static_cast<void>(pattern); }
  // Once for each call with a ticket, maybe during the call itself. May not use the link; delivered() and caught_up() may not either.
  virtual void answered(LinkTicket ticket, const LinkAnswer& answer) { static_cast<void>(ticket), static_cast<void>(answer); }
};

class RouterLink {
 public:
  virtual ~RouterLink() = default;

  // Connects (or opens the session), announces and subscribes; keeps doing so after every interruption. Call once. `snapshot`: deliver the
  // current state after subscribing too. The listener outlives the link.
  virtual void open(const BridgeIdentity& identity, std::span<const std::string> patterns, bool snapshot, RouterLinkListener& listener) = 0;
  virtual void close() = 0;  // no call of the listener afterwards

  // While the remote link is down the newest SET per address is kept (bounded), events are dropped and counted.
  virtual void set(std::string_view address, const ValueView& value, PeerTag peer) = 0;
  virtual void publish(const Publish& publish, PeerTag peer) = 0;
  // Atomic; SETs and PUBLISHes only. Executed at the timestamp if there is one and it is not past.
  virtual void bundle(std::span<const Message> messages, std::optional<UnixTime> at, PeerTag peer) = 0;

  // ---- for bridges whose peers ask the router. Links of tests may leave these out; to call them then is a bug ----
  // A SET (with all its options), a PUBLISH or a BUNDLE, answered when the router has taken it (a BUNDLE with a time to come: that it waits).
  virtual void write(const Message& message, PeerTag peer, LinkTicket ticket);
  virtual void get(std::string_view address, LinkTicket ticket);
  // One more pattern, or one less; each at most once. Its state comes as snapshot deliveries if the link was opened with them.
  virtual void subscribe(const std::string& pattern);
  virtual void unsubscribe(const std::string& pattern);
};

}  // namespace clasp::bridge
