#include "client/client_link.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <utility>
#include <variant>

#include "core/check.hpp"
#include "core/codec.hpp"
#include "net/length_framer.hpp"
#include "net/splitter.hpp"
#include "net/websocket_frame.hpp"
#include "net/websocket_handshake.hpp"
#include "net/websocket_random.hpp"

namespace clasp::client {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t read_buffer_bytes = 65'536;
constexpr std::size_t control_bytes_max = 65'536;  // of pongs that wait behind a write; more pings than that stay unanswered
constexpr std::uint16_t close_normal = 1000;
constexpr std::uint16_t no_close_code = 1005;
constexpr Micros farewell_max{2'000'000};  // for the rest of a connection that the peer ends or has broken

net::WebSocketUrl websocket_url(const Endpoint& endpoint) {
  return {.tls = false, .host = endpoint.host, .port = endpoint.port, .target = endpoint.target};
}

class AsioLink final : public ClientLink, public FrameSource, public std::enable_shared_from_this<AsioLink> {
 public:
  AsioLink(asio::io_context& loop, const Endpoint& endpoint, LinkEvents& events)
      : endpoint_(endpoint), events_(&events), resolver_(loop), socket_(loop), linger_(loop) {
    if (is_websocket()) {
      splitter_.emplace<net::Splitter<net::WebSocketFramer>>(net::Role::client);
    } else {
      splitter_.emplace<net::Splitter<net::LengthFramer>>();
    }
  }

  void open() override;
  void write(const ByteBuffer& frames) override;
  bool can_write() const override { return phase_ == Phase::open && !writing_; }
  void read(bool on) override;
  void shut_down(Micros linger, std::function<void()> done) override;
  std::optional<Bytes> next() override;

 private:
  enum class Phase : std::uint8_t { idle, connecting, upgrading, open, closing, closed };

  bool is_websocket() const { return endpoint_.transport == Transport::websocket; }
  std::string place() const { return fmt::format("{}:{}", endpoint_.host, endpoint_.port); }
  void connect(const std::vector<tcp::endpoint>& candidates);
  void connected();
  void start_read();
  void on_read(std::size_t bytes);
  bool continue_handshake(std::span<std::byte>& input);
  void start_write();
  void part(std::uint16_t code, std::string reason);
  void send_goodbye();
  void lose(std::string reason);
  void finish();

  Endpoint endpoint_;
  LinkEvents* events_;  // null after shut_down()
  tcp::resolver resolver_;
  tcp::socket socket_;
  asio::steady_timer linger_;
  Phase phase_ = Phase::idle;
  bool read_on_ = true;
  bool reading_ = false;
  bool writing_ = false;
  bool goodbye_sent_ = false;
  bool peer_closed_ = false;
  std::string peer_reason_;
  std::uint16_t goodbye_code_ = close_normal;
  std::optional<net::ClientHandshake> handshake_;
  std::variant<std::monostate, net::Splitter<net::WebSocketFramer>, net::Splitter<net::LengthFramer>> splitter_;
  std::span<std::byte> input_;  // what next() has not looked at yet
  ByteBuffer wire_;             // being written
  ByteBuffer control_;          // pongs and the goodbye, for the next write
  net::MaskSource masks_;
  std::function<void()> done_;
  std::array<std::byte, read_buffer_bytes> read_buffer_;
};

void AsioLink::open() {
  phase_ = Phase::connecting;
  error_code not_literal;
  if (const asio::ip::address literal = asio::ip::make_address(endpoint_.host, not_literal); !not_literal) {
    return connect({tcp::endpoint{literal, endpoint_.port}});
  }
  resolver_.async_resolve(endpoint_.host, std::to_string(endpoint_.port), tcp::resolver::numeric_service,
                          [self = shared_from_this()](const error_code& error, const tcp::resolver::results_type& results) {
                            if (self->phase_ != Phase::connecting) return;
                            if (error) return self->lose(fmt::format("cannot find {}: {}", self->endpoint_.host, error.message()));
                            std::vector<tcp::endpoint> candidates;
                            for (const auto& result : results) candidates.push_back(result.endpoint());
                            self->connect(candidates);
                          });
}

void AsioLink::connect(const std::vector<tcp::endpoint>& candidates) {
  asio::async_connect(socket_, candidates, [self = shared_from_this()](const error_code& error, const tcp::endpoint&) {
    if (self->phase_ != Phase::connecting) return;
    if (error) return self->lose(fmt::format("cannot reach {}: {}", self->place(), error.message()));
    self->connected();
  });
}

void AsioLink::connected() {
  error_code ignored;  // without it, small frames may wait for an ACK: slower, but working
  socket_.set_option(tcp::no_delay(true), ignored);
  if (is_websocket()) {
    phase_ = Phase::upgrading;
    handshake_.emplace(websocket_url(endpoint_), net::random_nonce());
    control_.append(as_bytes(handshake_->request()));
    start_write();
  } else {
    phase_ = Phase::open;
    events_->link_opened();
  }
  start_read();
}

// ---- in ----

void AsioLink::read(bool on) {
  read_on_ = on;
  if (on && (phase_ == Phase::open || phase_ == Phase::upgrading)) start_read();
}

void AsioLink::start_read() {
  if (reading_ || !(read_on_ || phase_ == Phase::closing) || phase_ == Phase::closed) return;
  reading_ = true;
  socket_.async_read_some(asio::buffer(read_buffer_), [self = shared_from_this()](const error_code& error, std::size_t bytes) {
    self->reading_ = false;
    if (self->phase_ == Phase::closed) return;
    if (error) return self->lose(error == asio::error::eof ? "the router closed the connection" : error.message());
    self->on_read(bytes);
    self->start_read();
  });
}

void AsioLink::on_read(std::size_t bytes) {
  input_ = std::span(read_buffer_).first(bytes);
  if (phase_ == Phase::upgrading && !continue_handshake(input_)) return;
  if (phase_ == Phase::closing) {
    while (next()) continue;  // nobody is interested any more, but the goodbye may be among it
  } else {
    events_->link_input(*this);
  }
  if (phase_ == Phase::closed) return;
  const std::optional<net::FramingFault> fault = std::visit(
      [](const auto& splitter) -> std::optional<net::FramingFault> {
        if constexpr (!std::is_same_v<std::decay_t<decltype(splitter)>, std::monostate>) return splitter.fault();
        return std::nullopt;
      },
      splitter_);
  if (fault) return part(fault->close_code, fmt::format("the router broke the framing: {}", fault->text));
  if (peer_closed_) return part(goodbye_code_, peer_reason_.empty() ? "the router closed the connection" : peer_reason_);
  if (!control_.empty()) start_write();
}

bool AsioLink::continue_handshake(std::span<std::byte>& input) {
  const std::optional<Result<void>> outcome = handshake_->next(input);
  if (!outcome) return false;
  if (!*outcome) {
    lose(fmt::format("cannot connect to {}: {}; is that a CLASP router?", place(), outcome->error().message));
    return false;
  }
  handshake_.reset();
  phase_ = Phase::open;
  events_->link_opened();
  return phase_ == Phase::open;
}

std::optional<Bytes> AsioLink::next() {
  if (peer_closed_) return std::nullopt;
  if (auto* plain = std::get_if<net::Splitter<net::LengthFramer>>(&splitter_)) {
    const std::optional<net::Piece> piece = plain->next(input_);
    return piece ? std::optional(piece->payload) : std::nullopt;
  }
  auto& splitter = std::get<net::Splitter<net::WebSocketFramer>>(splitter_);
  while (const std::optional<net::Piece> piece = splitter.next(input_)) {
    switch (piece->kind) {
      case net::PieceKind::frame: return piece->payload;
      case net::PieceKind::ping:
        if (control_.size() < control_bytes_max) {
          const net::Mask mask = masks_.next();
          net::append_websocket_frame(control_, net::Opcode::pong, piece->payload, &mask);
        }
        break;
      case net::PieceKind::close:
        peer_closed_ = true;
        if (piece->code != no_close_code) goodbye_code_ = piece->code;
        peer_reason_ = as_text(piece->payload);
        return std::nullopt;
      case net::PieceKind::text:  // a router never sends text; ignored, like any message that makes no sense
      case net::PieceKind::pong: break;
    }
  }
  return std::nullopt;
}

// ---- out ----

void AsioLink::write(const ByteBuffer& frames) {
  CLASP_CHECK(can_write());
  wire_.clear();
  for (Bytes rest = frames.view(); !rest.empty();) {
    const auto expected = frame_bytes_expected(rest);
    CLASP_CHECK(expected && *expected && **expected <= rest.size());
    const Bytes frame = rest.first(**expected);
    if (is_websocket()) {
      const net::Mask mask = masks_.next();
      net::append_websocket_frame(wire_, net::Opcode::binary, frame, &mask);
    } else {
      wire_.u32(static_cast<std::uint32_t>(frame.size()));
      wire_.append(frame);
    }
    rest = rest.subspan(frame.size());
  }
  start_write();
}

void AsioLink::start_write() {
  if (writing_ || phase_ == Phase::closed) return;
  if (!control_.empty()) {
    wire_.append(control_.view());
    control_.clear();
  }
  if (wire_.empty()) return;
  writing_ = true;
  asio::async_write(socket_, asio::buffer(wire_.data(), wire_.size()), [self = shared_from_this()](const error_code& error, std::size_t) {
    self->writing_ = false;
    self->wire_.clear();
    if (self->phase_ == Phase::closed) return;
    if (error) return self->lose(error.message());
    if (self->phase_ == Phase::closing && !self->goodbye_sent_) self->send_goodbye();
    if (!self->control_.empty()) return self->start_write();
    if (self->phase_ == Phase::closing) return self->finish();
    if (self->phase_ == Phase::open) self->events_->link_writable();
  });
}

// ---- the end ----

void AsioLink::lose(std::string reason) {
  if (phase_ == Phase::closed) return;
  const bool told = phase_ != Phase::closing;
  phase_ = Phase::closed;
  error_code ignored;
  resolver_.cancel();
  socket_.close(ignored);
  linger_.cancel();
  if (told) return std::exchange(events_, nullptr)->link_lost(reason);
  if (done_) std::exchange(done_, nullptr)();
}

// The peer said its last, by a close frame or by bytes that make no sense: it is owed a close frame of ours (RFC 6455, sections 5.5.1 and 7.1.7).
// Whoever uses the link need not wait for that.
void AsioLink::part(std::uint16_t code, std::string reason) {
  if (phase_ != Phase::open || !is_websocket()) return lose(std::move(reason));
  goodbye_code_ = code;
  LinkEvents* events = events_;
  shut_down(farewell_max, nullptr);
  events->link_lost(reason);
}

void AsioLink::send_goodbye() {
  goodbye_sent_ = true;
  if (!is_websocket()) return;
  const net::Mask mask = masks_.next();
  net::append_websocket_frame(control_, net::Opcode::close, net::close_payload(goodbye_code_, {}).view(), &mask);
}

// Everything is written: end our direction and wait for the peer to end its own.
void AsioLink::finish() {
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  start_read();
}

void AsioLink::shut_down(Micros linger, std::function<void()> done) {
  events_ = nullptr;
  done_ = std::move(done);
  const bool open = phase_ == Phase::open;
  if (phase_ == Phase::closed) {
    if (done_) std::exchange(done_, nullptr)();
    return;
  }
  phase_ = Phase::closing;
  if (!open) return lose({});
  linger_.expires_after(linger);
  linger_.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error) self->lose({});
  });
  start_read();
  if (writing_) return;
  send_goodbye();
  if (control_.empty()) return finish();
  start_write();
}

}  // namespace

std::shared_ptr<ClientLink> make_link(asio::io_context& loop, const Endpoint& endpoint, LinkEvents& events) {
  return std::make_shared<AsioLink>(loop, endpoint, events);
}

}  // namespace clasp::client
