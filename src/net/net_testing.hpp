// For tests of this module: a fake engine, and clients on real loopback sockets that are driven together with the loop, without sleeping.
#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/event_loop.hpp"
#include "net/link_engine.hpp"
#include "net/listener.hpp"
#include "net/websocket_frame.hpp"
#include "net/websocket_handshake.hpp"

namespace clasp::net {

// Notes what happens to its links; answers as its hook says. Checks what every engine may rely on: closed() once, nothing afterwards.
class FakeEngine final : public LinkEngine {
 public:
  struct Link {
    router::Sink* sink = nullptr;
    SteadyTime opened;
    std::vector<std::string> frames;
    std::size_t sent = 0;
    std::size_t promised = 0;  // what deliver() and reply() said would wait
    unsigned activities = 0;
    bool closed = false;

    void reply(std::string_view frame, bool stamp_t3 = false) {
      promised += sink->reply({.message = nullptr, .frame = as_bytes(frame), .stamp_t3 = stamp_t3});
    }
  };

  std::function<void(Link&, std::string_view frame)> on_frame;
  std::function<void(Link&, std::string_view text)> on_text;  // without it text means nothing
  std::map<std::uint32_t, Link> links;
  std::optional<SteadyTime> deadline;
  std::vector<SteadyTime> advanced;

  Link& only() {
    EXPECT_EQ(links.size(), 1U);
    return links.begin()->second;
  }

  void advance(const Now& now) override {
    advanced.push_back(now.steady);
    if (deadline && *deadline <= now.steady) deadline.reset();
  }
  bool end_turn(const Now&) override { return false; }
  std::optional<SteadyTime> next_deadline() const override { return deadline; }
  router::LinkId open_link(router::Sink& sink, const Now& now) override {
    const auto id = static_cast<std::uint32_t>(links.size() + 1);
    links[id] = Link{.sink = &sink, .opened = now.steady, .frames = {}};
    return router::LinkId{id};
  }
  void receive(router::LinkId id, Bytes frame, const Now&) override {
    Link& link = alive(id);
    link.frames.emplace_back(as_text(frame));
    if (on_frame) on_frame(link, as_text(frame));
  }
  bool receive_text(router::LinkId id, std::string_view text, const Now&) override {
    if (on_text) on_text(alive(id), text);
    return on_text != nullptr;
  }
  void activity(router::LinkId id, const Now&) override { ++alive(id).activities; }
  void sent(router::LinkId id, std::size_t bytes, const Now&) override { alive(id).sent += bytes; }
  void closed(router::LinkId id, const Now&) override { alive(id).closed = true; }

 private:
  Link& alive(router::LinkId id) {
    Link& link = links.at(static_cast<std::uint32_t>(id));
    EXPECT_FALSE(link.closed) << "called after closed()";
    return link;
  }
};

// A non-blocking client socket.
class TestClient {
 public:
  explicit TestClient(std::uint16_t port, bool ipv6 = false, int receive_bytes = 0) {
    socket_ = ::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket_ < 0) return;
    if (receive_bytes > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    six.sin6_addr = in6addr_loopback;
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int result = ipv6 ? ::connect(socket_, reinterpret_cast<sockaddr*>(&six), sizeof six)
                            : ::connect(socket_, reinterpret_cast<sockaddr*>(&four), sizeof four);
    EXPECT_TRUE(result == 0 || errno == EINPROGRESS) << std::strerror(errno);
  }
  TestClient(TestClient&& other) noexcept : received(std::move(other.received)), ended(other.ended), socket_(std::exchange(other.socket_, -1)) {}
  TestClient(const TestClient&) = delete;
  ~TestClient() { close(); }

  bool valid() const { return socket_ >= 0; }
  int socket() const { return socket_; }
  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  void reset() {  // vanish with a RST
    const linger now{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void end() { ::shutdown(socket_, SHUT_WR); }

  // How many bytes the kernel took.
  std::size_t send(std::string_view bytes) {
    const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  void read() {
    char buffer[65'536];
    for (ssize_t n; !ended && (n = ::recv(socket_, buffer, sizeof buffer, 0)) != -1;) {
      received.append(buffer, static_cast<std::size_t>(n));
      ended = n == 0;
    }
    if (!ended && errno != EAGAIN) ended = reset_by_peer = true;
  }

  std::string received;
  bool ended = false;
  bool reset_by_peer = false;

 private:
  int socket_ = -1;
};

inline std::string upgrade_request(std::string_view more = "") {
  return fmt::format(
      "GET /clasp HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: clasp\r\n{}\r\n",
      more);
}
inline std::string masked(Opcode opcode, std::string_view payload) {
  const Mask mask{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  ByteBuffer out;
  append_websocket_frame(out, opcode, as_bytes(payload), &mask);
  return std::string{as_text(out.view())};
}
inline std::string unmasked(Opcode opcode, std::string_view payload) {
  ByteBuffer out;
  append_websocket_frame(out, opcode, as_bytes(payload));
  return std::string{as_text(out.view())};
}
inline std::string length_prefixed(std::string_view frame) {
  ByteBuffer out;
  out.u32(static_cast<std::uint32_t>(frame.size()));
  out.append(as_bytes(frame));
  return std::string{as_text(out.view())};
}
// What a WebSocket client has received behind its 101.
inline std::string behind_head(const std::string& received) {
  const std::size_t end = received.find("\r\n\r\n");
  return end == std::string::npos ? "" : received.substr(end + 4);
}

// A loop with a listener on a port the system chose.
class LoopTest : public testing::Test {
 protected:
  void start(LoopOptions options = {}, std::string_view address = ":0") {
    loop = std::make_unique<EventLoop>(options);
    loop->attach(engine);
    Protocols known = Protocols::clasp(engine, *handler, websocket);
    known.log = [this](std::string_view line) { log.emplace_back(line); };
    const Result<ListenAddress> at = parse_listen_address(address);
    ASSERT_TRUE(at);
    Result<std::unique_ptr<Listener>> opened = Listener::open(*loop, *at, std::move(known));
    ASSERT_TRUE(opened) << opened.error().message;
    listener = *std::move(opened);
  }
  TestClient connect(bool ipv6 = false) { return TestClient{listener->port(), ipv6}; }

  // Turns the loop until the condition holds; false after 10 s.
  bool until(const std::function<bool()>& condition, std::vector<TestClient*> clients = {}) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (true) {
      for (TestClient* client : clients) client->read();
      if (condition()) return true;
      if (std::chrono::steady_clock::now() > give_up) return false;
      loop->turn(Micros{1'000});
    }
  }
  bool until_received(TestClient& client, std::string_view bytes) {
    return until([&] { return client.received.find(bytes) != std::string::npos; }, {&client});
  }
  bool until_ended(TestClient& client) {
    return until([&] { return client.ended; }, {&client});
  }

  FakeEngine engine;
  ProbeHandler http;
  HttpHandler* handler = &http;  // for start()
  WebSocketOptions websocket;  // for start()
  std::vector<std::string> log;
  std::unique_ptr<EventLoop> loop;
  std::unique_ptr<Listener> listener;
};

}  // namespace clasp::net
