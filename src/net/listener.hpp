// A listening TCP socket. Accepts without ever blocking, and hands each connection to the loop with a Recogniser on it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "clasp/error.hpp"
#include "net/event_loop.hpp"
#include "net/recogniser.hpp"

namespace clasp::net {

struct ListenAddress {
  std::string host;        // empty: all addresses, IPv6 and IPv4 alike; brackets removed
  std::uint16_t port = 0;  // 0: the system chooses
  bool operator==(const ListenAddress&) const = default;
};
// "host:port", ":port", "[::]:port", "port". Hosts are numeric or names that the system resolves. Error invalid_argument says what is wrong.
Result<ListenAddress> parse_listen_address(std::string_view text);
std::string to_text(const ListenAddress& address);

// When descriptors run out it closes the connection that has been silent longest without having said HELLO, or waits 100 ms, and goes on; the log
// says so once a second at most.
class Listener {
 public:
  // Error connection_failed names address, port and reason, and who has the port if the system shows it.
  static Result<std::unique_ptr<Listener>> open(EventLoop& loop, const ListenAddress& address, Protocols known);
  Listener(const Listener&) = delete;
  ~Listener();

  std::uint16_t port() const { return port_; }
  void close();  // stops accepting; its connections go on

 private:
  struct Acceptor;
  Listener(EventLoop& loop, int socket, std::uint16_t port, Protocols known);

  std::uint16_t port_;
  std::shared_ptr<Acceptor> acceptor_;  // shared with what it deferred
};

}  // namespace clasp::net
