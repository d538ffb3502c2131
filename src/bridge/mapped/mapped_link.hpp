// Mappings between a bridge and the router: a RouterLink around another one. The bridge writes and hears its own addresses (/osc/fader/1); the
// router sees what the mappings make of them (/lights/1/dim). What no mapping has passes as it is, or not at all.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/namespace_map.hpp"
#include "bridge/router_link.hpp"
#include "core/paced_log.hpp"
#include "core/pattern.hpp"
#include "core/time.hpp"
#include "mapping/hop_counter.hpp"
#include "mapping/mapping_table.hpp"

namespace clasp::bridge {

struct MappedCounters {
  std::uint64_t mapped_in = 0;
  std::uint64_t mapped_out = 0;
  std::uint64_t dropped_in = 0;     // no mapping, and nothing else passes
  std::uint64_t loops_ended = 0;    // beyond mapping::hops_max
  std::uint64_t too_large = 0;      // what a mapping made fits no frame
  std::uint64_t faults = 0;         // expressions that could not be evaluated
  std::uint64_t bundles_split = 0;  // with longer addresses it did not fit any more
};

class MappedLink final : public RouterLink, private RouterLinkListener {
 public:
  struct Outside {
    std::function<Now()> clock;
    std::function<void(std::string_view)> log;
    std::function<void()> deadline_changed = [] {};  // next_deadline() may be earlier than it was
  };

  // The inner link and everything in `outside` outlive this.
  MappedLink(RouterLink& inner, NamespaceMap ns, mapping::MappingTable table, Outside outside);

  void open(const BridgeIdentity& identity, std::span<const std::string> patterns, bool snapshot, RouterLinkListener& listener) override;
  void close() override;
  void set(std::string_view address, const ValueView& value, PeerTag peer) override;
  void publish(const Publish& publish, PeerTag peer) override;
  void bundle(std::span<const Message> messages, std::optional<UnixTime> at, PeerTag peer) override;
  // Answered when the last of what the mappings make of it is; at once if that is nothing. Gets and further subscriptions are about the router's own
  // addresses: they and what they bring pass as they are.
  void write(const Message& message, PeerTag peer, LinkTicket ticket) override;
  void get(std::string_view address, LinkTicket ticket) override { inner_.get(address, ticket); }
  void subscribe(const std::string& pattern) override;
  void unsubscribe(const std::string& pattern) override;

  // Other mappings from now on. What surfaces and transforms remembered is forgotten.
  void replace(mapping::MappingTable table);
  void set_deadline_changed(std::function<void()> call) { outside_.deadline_changed = std::move(call); }

  void advance(const Now& now);
  std::optional<SteadyTime> next_deadline() const { return table_.next_deadline(); }
  const MappedCounters& counters() const { return counters_; }

 private:
  struct Write;
  template <typename Deliver>
  void map_in(std::string_view address, const Value& value, PeerTag peer, Deliver deliver, bool& passes);
  void write(const Write& write, const Publish* original, PeerTag peer);
  void write_bundle(std::span<const Write> writes, std::optional<UnixTime> at, PeerTag peer);
  bool maps_nothing() const { return table_.empty() && table_.passes_unmatched(); }
  void open_inner();
  Message message_of(const Write& write, const Message& original) const;
  bool is_needed(const std::string& pattern) const;
  bool is_asked_for(std::string_view address) const;
  void show(const std::string& device_address, const Value& value, LinkDelivery delivery);
  void note_faults(const Now& now);
  void note_shown(std::string_view device_address, const LinkDelivery& delivery, const Now& now);
  std::optional<std::string_view> device_address(std::string_view address) const;
  void log(std::string_view kind, std::string text, const Now& now) { log_.line(kind, std::move(text), now.steady, outside_.log); }

  // RouterLinkListener
  void link_up() override;
  void link_down(std::string_view reason) override;
  void delivered(const LinkDelivery& delivery) override;
  void refused(const Error& error) override;
  void answered(LinkTicket ticket, const LinkAnswer& answer) override;
  void caught_up(const std::string& pattern) override;

  RouterLink& inner_;
  NamespaceMap ns_;
  mapping::MappingTable table_;
  Outside outside_;
  MappedCounters counters_;
  std::uint64_t faults_seen_ = 0;  // of this table
  PacedLog log_;
  mapping::HopCounter shown_;    // device addresses
  mapping::HopCounter written_;  // addresses of the router

  RouterLinkListener* listener_ = nullptr;  // nullptr: closed
  BridgeIdentity identity_;
  std::vector<std::string> patterns_;  // of the bridge
  std::vector<Pattern> asked_for_;     // subscribe(), of what its peers want
  bool snapshot_ = false;
};

}  // namespace clasp::bridge
