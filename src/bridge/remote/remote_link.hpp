// A bridge in a process of its own: a RouterLink over a client connection (bridges specification, 2.6). Runs on the loop that owns the bridge.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bridge/router_link.hpp"
#include "client/backoff.hpp"
#include "client/url.hpp"

namespace boost::asio {
class io_context;
}

namespace clasp::bridge {

struct RemoteLinkConfig {
  client::Endpoint endpoint;
  std::string token;
  Micros connect_timeout{10'000'000};
  Micros answer_timeout{2'000'000};  // for the answer to an own write; its echo passes as foreign afterwards
  std::size_t offline_params_max = 4'096;
  client::BackoffConfig backoff{.first = Micros{1'000'000}, .factor = 2, .stable_after = Micros{30'000'000}};
};

struct RemoteLinkStats {
  std::uint64_t reconnects = 0;
  std::uint64_t publishes_dropped = 0;  // while there was no connection
  std::uint64_t sets_refused_here = 0;  // overloaded or malformed: never sent
  std::uint64_t frames_lost = 0;        // unsent when the connection broke
  std::uint64_t echoes_unchecked = 0;   // SETs that passed as foreign because too many were held or pending
  std::size_t offline_params = 0;
};

class RemoteRouterLink final : public RouterLink {
 public:
  // The loop outlives the link; after the link's end it may run on for two seconds to say goodbye.
  RemoteRouterLink(boost::asio::io_context& loop, RemoteLinkConfig config);
  ~RemoteRouterLink() override;  // on the loop's thread, like everything else

  void open(const BridgeIdentity& identity, std::span<const std::string> patterns, bool snapshot, RouterLinkListener& listener) override;
  void close() override;
  void set(std::string_view address, const ValueView& value, PeerTag peer) override;
  void publish(const Publish& publish, PeerTag peer) override;
  void bundle(std::span<const Message> messages, std::optional<UnixTime> at, PeerTag peer) override;
  // Answered with an error at once while there is no connection, and after RemoteLinkConfig::answer_timeout.
  void write(const Message& message, PeerTag peer, LinkTicket ticket) override;
  void get(std::string_view address, LinkTicket ticket) override;
  void subscribe(const std::string& pattern) override;
  void unsubscribe(const std::string& pattern) override;

  RemoteLinkStats stats() const;

 private:
  class Connection;
  boost::asio::io_context& loop_;
  RemoteLinkConfig config_;
  std::shared_ptr<Connection> connection_;
};

}  // namespace clasp::bridge
