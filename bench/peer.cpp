#include "bench/peer.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "bench/relay.hpp"
#include "client/url.hpp"
#include "net/websocket_handshake.hpp"

namespace clasp::bench {

namespace {

constexpr std::size_t read_bytes_max = 262'144;

// One generator thread, so all peers read into the same memory.
std::span<std::byte> read_buffer() {
  thread_local std::vector<std::byte> buffer(read_bytes_max);
  return buffer;
}

Error system_error(std::string_view what) { return bench_error(fmt::format("{}: {}", what, std::strerror(errno))); }

}  // namespace

Error bench_error(std::string text) { return {ErrorCode::connection_failed, std::move(text), {}}; }

Result<Target> parse_target(std::string_view url) {
  const auto endpoint = client::parse_url(url);
  if (!endpoint) return endpoint.error();
  in_addr address{};
  const std::string host = endpoint->host == "localhost" ? "127.0.0.1" : endpoint->host;
  if (::inet_pton(AF_INET, host.c_str(), &address) != 1 || (ntohl(address.s_addr) >> 24) != IN_LOOPBACKNET)
    return Error{ErrorCode::invalid_argument, fmt::format("{}: only 127.0.0.0/8 and localhost are measured", endpoint->host), {}};
  const bool tcp = endpoint->transport == client::Transport::tcp;
  return Target{.name = std::string(tcp ? "router tcp" : "router ws"),
                .protocol = tcp ? Protocol::tcp : Protocol::websocket,
                .host = host,
                .port = endpoint->port};
}

Result<std::unique_ptr<Peer>> Peer::connect(const Target& target, Interest interest) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(target.port);
  if (::inet_pton(AF_INET, target.host.c_str(), &address.sin_addr) != 1) return bench_error(fmt::format("no IPv4 address: {}", target.host));
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return system_error("socket");
  std::unique_ptr<Peer> peer(new Peer(socket, target.protocol));
  const int on = 1;
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return system_error(fmt::format("connecting to {}:{}", target.host, target.port));
  if (::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) return system_error("TCP_NODELAY");
  peer->acknowledge_quickly();
  Result<void> ready;
  if (target.protocol == Protocol::websocket) ready = peer->upgrade(target);
  if (target.protocol == Protocol::relay) ready = peer->register_with_relay(interest);
  if (!ready) return ready.error();
  return peer;
}

Peer::Peer(int socket, Protocol protocol) : socket_(socket), protocol_(protocol) {
  switch (protocol) {
    case Protocol::websocket: splitter_.emplace<net::Splitter<net::WebSocketFramer>>(net::Role::client); break;
    case Protocol::nats: splitter_.emplace<net::Splitter<NatsFramer>>(); break;
    case Protocol::redis: splitter_.emplace<net::Splitter<RedisFramer>>(); break;
    case Protocol::mqtt:
    case Protocol::mqtt_qos1: splitter_.emplace<net::Splitter<MqttFramer>>(); break;
    case Protocol::tcp:
    case Protocol::relay: break;
  }
}

Peer::~Peer() { ::close(socket_); }

Result<void> Peer::upgrade(const Target& target) {
  const net::WebSocketUrl url{.tls = false, .host = target.host, .port = target.port, .target = "/"};
  net::WebSocketNonce nonce;
  for (std::size_t i = 0; i < nonce.size(); ++i) nonce[i] = static_cast<std::byte>(i * 17 + 3);
  net::ClientHandshake handshake(url, nonce);
  out_.append(as_bytes(handshake.request()));
  if (auto sent = flush(); !sent) return sent;
  for (const auto until = Clock::now() + answer_max;;) {
    if (auto readable = wait_readable(until); !readable) return readable;
    const std::span<std::byte> buffer = read_buffer();
    const ssize_t n = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) continue;
    if (n <= 0) return bench_error("the peer hung up during the WebSocket handshake");
    std::span<std::byte> input = buffer.first(static_cast<std::size_t>(n));
    const auto result = handshake.next(input);
    if (!result) continue;
    if (!*result) return result->error();
    if (!input.empty()) return bench_error("frames before our HELLO");
    return {};
  }
}

Result<void> Peer::register_with_relay(Interest interest) {
  constexpr std::array roles{relay_subscriber, relay_publisher, relay_paired_subscriber, relay_paired_publisher};
  const char role = roles[static_cast<std::size_t>(interest)];
  out_.append(as_bytes({&role, 1}));
  if (auto sent = flush(); !sent) return sent;
  if (auto readable = wait_readable(Clock::now() + answer_max); !readable) return readable;
  char answer = 0;
  if (::recv(socket_, &answer, 1, 0) != 1 || answer != role) return bench_error("this is not our relay");
  return {};
}

void Peer::put(Bytes message) {
  switch (protocol_) {
    case Protocol::tcp:
    case Protocol::relay: out_.u32(static_cast<std::uint32_t>(message.size())); return out_.append(message);
    case Protocol::nats:
    case Protocol::redis:
    case Protocol::mqtt:
    case Protocol::mqtt_qos1: return out_.append(message);
    case Protocol::websocket: break;
  }
  mask_state_ = mask_state_ * 1'664'525 + 1'013'904'223;  // not unpredictable, but nobody attacks a loopback
  net::Mask mask;
  std::memcpy(mask.data(), &mask_state_, mask.size());
  net::append_websocket_frame(out_, net::Opcode::binary, message, &mask);
}

Result<bool> Peer::flush_some() {
  while (out_sent_ < out_.size()) {
    const ssize_t n = ::send(socket_, out_.data() + out_sent_, out_.size() - out_sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0) {
      out_sent_ += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      return false;
    } else if (errno != EINTR) {
      return system_error("sending");
    }
  }
  discard_output();
  if (protocol_ == Protocol::mqtt_qos1 && publishes_) discard_acknowledgements();
  return true;
}

// Somebody who publishes at QoS 1 and never reads the PUBACKs is not read for ever.
void Peer::discard_acknowledgements() const {
  const std::span<std::byte> buffer = read_buffer();
  ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
}

void Peer::acknowledge(Bytes payload) {
  out_.u8(0x40), out_.u8(2);
  out_.append({payload.data() - 2, 2});  // the packet identifier stands before the payload
}

Result<void> Peer::flush() {
  for (;;) {
    const auto all = flush_some();
    if (!all) return all.error();
    if (*all) return {};
    pollfd room{.fd = socket_, .events = POLLOUT, .revents = 0};
    if (::poll(&room, 1, 10'000) == 0) return bench_error("the peer takes nothing for 10 s");
  }
}

Result<void> Peer::wait_readable(Clock::time_point until) const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  pollfd input{.fd = socket_, .events = POLLIN, .revents = 0};
  if (left <= 0 || ::poll(&input, 1, static_cast<int>(left)) == 0) return bench_error("no answer within 10 s");
  return {};
}

Result<void> Peer::answer_ping(Bytes payload) {
  ByteBuffer pong;
  if (protocol_ == Protocol::nats) {
    pong.append(as_bytes("PONG\r\n"));
  } else {
    constexpr net::Mask mask{};
    net::append_websocket_frame(pong, net::Opcode::pong, payload, &mask);
  }
  if (::send(socket_, pong.data(), pong.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(pong.size())) return system_error("answering a ping");
  return {};
}

Result<std::size_t> Peer::read(const OnFrame& on_frame) {
  const std::span<std::byte> buffer = read_buffer();
  const ssize_t n = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return std::size_t{0};
  if (n == 0) return bench_error("the peer hung up");
  if (n < 0) return system_error("reading");
  std::span<std::byte> input = buffer.first(static_cast<std::size_t>(n));
  std::size_t frames = 0;
  const auto cut = [&](auto& splitter) -> Result<void> {
    while (const auto piece = splitter.next(input)) {
      switch (piece->kind) {
        case net::PieceKind::frame:
          on_frame(piece->payload), ++frames;
          if (protocol_ == Protocol::mqtt_qos1) acknowledge(piece->payload);
          break;
        case net::PieceKind::text:
        case net::PieceKind::pong: ++replies_; break;
        case net::PieceKind::ping:
          if (auto answered = answer_ping(piece->payload); !answered) return answered;
          break;
        case net::PieceKind::close: return bench_error(fmt::format("closed by the peer: {} {}", piece->code, as_text(piece->payload)));
      }
    }
    if (const auto fault = splitter.fault()) return bench_error(std::string(fault->text));
    return {};
  };
  if (auto done = std::visit(cut, splitter_); !done) return done.error();
  if (protocol_ == Protocol::mqtt_qos1 && frames > 0) {
    if (auto sent = flush(); !sent) return sent.error();
  }
  return frames;
}

Result<void> Peer::read_until(const OnFrame& on_frame, const std::function<bool()>& done) {
  for (const auto until = Clock::now() + answer_max; !done();) {
    if (auto readable = wait_readable(until); !readable) return readable;
    if (const auto frames = read(on_frame); !frames) return frames.error();
  }
  return {};
}

void Peer::acknowledge_quickly() const {
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);  // a wish: without it the figures are worse, not wrong
}

}  // namespace clasp::bench
