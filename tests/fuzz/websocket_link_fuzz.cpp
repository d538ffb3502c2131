// A whole WebSocket connection of the server (upgrade, links, loop) behind a socket that splits and coalesces at will, and an engine that pauses the
// reading now and then: what the engine hears and what the peer is told must not depend on any of it.
//
// Input: flags, how many bytes with the sizes of writes follow, these, then the peer's stream behind its upgrade: raw, or (flag 2) as pairs of first
// byte and length, each followed by that much payload, which become well-formed frames. With flag 64 the upgrade is cut as well.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cut_stream.hpp"
#include "net/event_loop.hpp"
#include "net/http_session.hpp"
#include "net/stream.hpp"
#include "net/stream_link.hpp"

namespace {

using namespace clasp;

constexpr std::string_view upgrade_head =
    "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
constexpr int turns_max = 100'000;

struct Outcome {
  std::vector<std::string> heard;  // by the engine
  std::string told;                // to the peer
  bool operator==(const Outcome&) const = default;
};

// Echoes everything and notes it; pauses the link behind every n-th message until the next turn.
class NotingEcho final : public net::LinkEngine {
 public:
  NotingEcho(net::EventLoop& loop, unsigned pause_every) : loop_(loop), pause_every_(pause_every) {}

  void advance(const Now&) override {}
  bool end_turn(const Now&) override { return false; }
  std::optional<SteadyTime> next_deadline() const override { return std::nullopt; }
  router::LinkId open_link(router::Sink& sink, const Now&) override {
    sink_ = &sink;
    return router::LinkId{1};
  }
  void receive(router::LinkId, Bytes frame, const Now&) override {
    note("binary ", as_text(frame));
    waiting_ += sink_->reply({.message = nullptr, .frame = frame});
  }
  bool receive_text(router::LinkId, std::string_view text, const Now&) override {
    note("text ", text);
    waiting_ += dynamic_cast<net::WebSocketLink&>(*sink_).send_text(text);
    return true;
  }
  void activity(router::LinkId, const Now&) override { fuzz::require(!closed_, "nothing is heard behind the end"); }
  void sent(router::LinkId, std::size_t bytes, const Now&) override {
    fuzz::require(bytes <= waiting_, "no more is credited than was promised");
    waiting_ -= bytes;
  }
  void closed(router::LinkId, const Now&) override {
    fuzz::require(!std::exchange(closed_, true), "a link ends once");
    sink_ = nullptr;
  }

  std::vector<std::string> heard;

 private:
  void note(std::string_view kind, std::string_view message) {
    fuzz::require(!closed_, "nothing is heard behind the end");
    heard.push_back(std::string{kind} + std::string{message});
    if (pause_every_ == 0 || heard.size() % pause_every_ != 0) return;
    sink_->read(false);
    loop_.defer([this] {
      if (sink_ != nullptr) sink_->read(true);
    });
  }

  net::EventLoop& loop_;
  unsigned pause_every_;
  router::Sink* sink_ = nullptr;
  std::size_t waiting_ = 0;
  bool closed_ = false;
};

class Peer {
 public:
  explicit Peer(int socket) : socket_(socket) {}
  ~Peer() { ::close(socket_); }

  bool send(std::span<const std::byte> bytes) {
    return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  void end() { ::shutdown(socket_, SHUT_WR); }
  void read() {
    std::array<char, 65'536> buffer;
    for (ssize_t n = 0; (n = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0;)
      told.append(buffer.data(), static_cast<std::size_t>(n));
  }

  std::string told;

 private:
  int socket_;
};

// Nothing: pongs were withheld, which depends on how quickly the peer reads.
std::optional<Outcome> connection(std::span<const std::uint8_t> stream, const fuzz::Cuts& cuts, bool deflate, unsigned pause_every, bool coalesce,
                                  bool cut_upgrade) {
  net::EventLoop loop{{.read_bytes_max = 4'096, .yield_before_flush = false}};
  NotingEcho engine{loop, pause_every};
  net::ProbeHandler http;
  std::array<int, 2> sockets;
  fuzz::require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets.data()) == 0, "a pair of sockets");
  loop.adopt(sockets[0], [&](net::Stream& made) {
    return std::make_unique<net::HttpSession>(made, http, &engine, net::WebSocketOptions{.message_bytes_max = 2'000, .deflate = deflate});
  });
  Peer peer{sockets[1]};
  bool turn = true;
  if (!cut_upgrade) fuzz::require(peer.send(std::as_bytes(std::span{upgrade_head})), "the socket takes the upgrade");
  fuzz::in_reads(stream, cuts, [&](std::span<std::byte> bytes) {
    const bool taken = peer.send(bytes);
    turn = !coalesce || !turn;
    if (turn) loop.turn(Micros{0});
    peer.read();
    return taken;
  });
  peer.end();
  for (int turns = 0; loop.streams() > 0; ++turns) {
    fuzz::require(turns < turns_max, "a connection ends when its peer does");
    loop.turn(Micros{0});
    peer.read();
  }
  if (loop.stats().pongs_withheld > 0) return std::nullopt;
  return Outcome{.heard = std::move(engine.heard), .told = std::move(peer.told)};
}

std::vector<std::uint8_t> frames_of(std::span<const std::uint8_t> script) {
  std::vector<std::uint8_t> stream;
  while (script.size() >= 2) {
    const std::size_t bytes = std::min<std::size_t>(script[1] % 126, script.size() - 2);
    stream.push_back(script[0]);
    stream.push_back(static_cast<std::uint8_t>(0x80 | bytes));
    stream.insert(stream.end(), 4, 0);  // a mask that changes nothing
    stream.insert(stream.end(), script.begin() + 2, script.begin() + 2 + static_cast<std::ptrdiff_t>(bytes));
    script = script.subspan(2 + bytes);
  }
  return stream;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t sizes = std::min<std::size_t>(data[1], size - 2);
  const std::span<const std::uint8_t> rest{data + 2 + sizes, size - 2 - sizes};
  const bool cut_upgrade = (data[0] & 64) != 0;
  std::vector<std::uint8_t> stream;
  if (cut_upgrade) stream.assign(upgrade_head.begin(), upgrade_head.end());
  const std::vector<std::uint8_t> frames = (data[0] & 2) != 0 ? frames_of(rest) : std::vector<std::uint8_t>(rest.begin(), rest.end());
  stream.insert(stream.end(), frames.begin(), frames.end());

  const bool deflate = (data[0] & 1) != 0;
  const fuzz::Cuts cuts = sizes > 0 ? fuzz::Cuts{std::span{data + 2, sizes}} : fuzz::Cuts{1};
  const std::optional<Outcome> whole = connection(stream, stream.size() + 1, deflate, 0, false, cut_upgrade);
  const std::optional<Outcome> cut = connection(stream, cuts, deflate, (data[0] >> 2) & 7, (data[0] & 32) != 0, cut_upgrade);
  fuzz::require(!whole || !cut || *whole == *cut, "cuts and pauses don't matter");
  return 0;
}
