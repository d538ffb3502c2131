// Answers whoever asks over the router how the bridge is: an event at ask_address is answered with an event at report_address that holds a report.
// Who is asked remembers for half a minute which of its devices writes what, and says so in further answers.
// Nothing is sent unasked, nothing is stored; it works for a bridge in the router's process and for one in a process of its own.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/router_link.hpp"
#include "clasp/value.hpp"
#include "core/time.hpp"

namespace clasp::io {
class IoLoop;
}

namespace clasp::bridge {

inline constexpr std::string_view ask_address = "/clasp/bridges/ask";
inline constexpr std::string_view report_address = "/clasp/bridges/report";

class Reporter {
 public:
  virtual ~Reporter() = default;
  // Fits a frame. `last`: the newest writes of devices, address and tag.
  using LastWrites = std::vector<std::pair<std::string, PeerTag>>;
  virtual Value describe(const LastWrites& last) const = 0;
};

class ReportingLink final : public RouterLink, private RouterLinkListener {
 public:
  // All outlive this. Answers at most ten times a second; everybody who asked meanwhile hears the same answer.
  ReportingLink(io::IoLoop& loop, RouterLink& inner, const Reporter& reporter) : loop_(loop), inner_(inner), reporter_(reporter) {}

  void open(const BridgeIdentity& identity, std::span<const std::string> patterns, bool snapshot, RouterLinkListener& listener) override;
  void close() override;
  void set(std::string_view address, const ValueView& value, PeerTag peer) override {
    note(address, peer);
    inner_.set(address, value, peer);
  }
  void publish(const Publish& publish, PeerTag peer) override {
    note(publish.address, peer);
    inner_.publish(publish, peer);
  }
  void bundle(std::span<const Message> messages, std::optional<UnixTime> at, PeerTag peer) override {
    for (const Message& message : messages) note(message, peer);
    inner_.bundle(messages, at, peer);
  }
  void write(const Message& message, PeerTag peer, LinkTicket ticket) override {
    note(message, peer);
    inner_.write(message, peer, ticket);
  }
  void get(std::string_view address, LinkTicket ticket) override { inner_.get(address, ticket); }
  void subscribe(const std::string& pattern) override { inner_.subscribe(pattern); }
  void unsubscribe(const std::string& pattern) override { inner_.unsubscribe(pattern); }

  bool up() const { return up_; }  // the router is there

 private:
  void answer();
  void note(std::string_view address, PeerTag peer) {
    if (remembers_ && peer != PeerTag::none) remember(address, peer);
  }
  void note(const Message& message, PeerTag peer);
  void remember(std::string_view address, PeerTag peer);
  void link_up() override;
  void link_down(std::string_view reason) override;
  void delivered(const LinkDelivery& delivery) override;
  void refused(const Error& error) override { listener_->refused(error); }
  void answered(LinkTicket ticket, const LinkAnswer& answer) override { listener_->answered(ticket, answer); }
  void caught_up(const std::string& pattern) override { listener_->caught_up(pattern); }

  io::IoLoop& loop_;
  RouterLink& inner_;
  const Reporter& reporter_;
  RouterLinkListener* listener_ = nullptr;
  bool up_ = false;
  std::optional<SteadyTime> answered_at_;
  bool remembers_ = false;  // somebody has asked lately
  Reporter::LastWrites last_;  // the newest at the end
  std::shared_ptr<const bool> open_;  // null: closed; an answer that is still due is then left out
};

}  // namespace clasp::bridge
