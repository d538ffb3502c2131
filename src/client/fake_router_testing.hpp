// A small router on a real loopback socket, for tests of what needs sockets: it stores params, echoes SETs to its one kind of subscriber
// (everybody), answers everything and writes down what it got. Runs on a thread of its own.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "client/session_testing.hpp"
#include "client/url.hpp"
#include "net/length_framer.hpp"
#include "net/splitter.hpp"
#include "net/websocket_frame.hpp"
#include "net/websocket_handshake.hpp"

namespace clasp::client::testing {

namespace asio = boost::asio;
using asio::ip::tcp;

class FakeRouter {
 public:
  explicit FakeRouter(Transport transport = Transport::websocket, std::uint16_t port = 0) : transport_(transport), acceptor_(loop_) {
    const tcp::endpoint place(asio::ip::address_v4::loopback(), port);
    acceptor_.open(place.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    acceptor_.bind(place);
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
    accept();
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~FakeRouter() {
    loop_.stop();
    thread_.join();
  }
  FakeRouter(const FakeRouter&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url() const { return fmt::format("{}://127.0.0.1:{}", transport_ == Transport::websocket ? "ws" : "tcp", port_); }

  // Behaviour from the next message on.
  void refuse_hello(std::uint16_t code) {
    change([this, code] { refuse_hello_ = code; });
  }
  void be_silent(bool silent) {
    change([this, silent] { silent_ = silent; });
  }  // reads, answers nothing
  void refuse_sets(std::uint16_t code) {
    change([this, code] { refuse_sets_ = code; });
  }
  void stop_reading(bool stopped) {
    change([this, stopped] {
      read_stopped_ = stopped;
      if (!stopped) {
        for (const auto& peer : peers_) peer->read();
      }
    });
  }

  // Events.
  void drop_all() {
    change([this] {
      for (const auto& peer : std::exchange(peers_, {})) {
        boost::system::error_code ignored;
        peer->socket.close(ignored);
      }
    });
  }
  void say(const Message& message) {
    change([this, &message] {
      for (const auto& peer : peers_) peer->send(message);
    });
  }
  void say_set(std::string_view address, const Value& value, std::uint64_t revision) {
    const EncodedValue encoded(value);
    say({Set{.address = address, .value = encoded.view(), .revision = revision, .ttl = {}}});
  }
  void ping_websocket() {
    change([this] {
      for (const auto& peer : peers_) {
        net::append_websocket_frame(peer->out, net::Opcode::ping, as_bytes("hi"));
        peer->write();
      }
    });
  }

  // Waits until a line arrived that starts so, and returns it; "" if none came within ten seconds.
  std::string wait_for(std::string_view beginning) {
    std::unique_lock lock(mutex_);
    std::string found;
    changed_.wait_for(lock, std::chrono::seconds(10), [&] {
      for (const std::string& line : received_) {
        if (line.starts_with(beginning)) found = line;
      }
      return !found.empty();
    });
    return found;
  }
  std::vector<std::string> received() {
    std::lock_guard lock(mutex_);
    return received_;
  }
  std::size_t count(std::string_view beginning) {
    std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count_if(received_, [&](const std::string& line) { return line.starts_with(beginning); }));
  }
  void forget() {
    std::lock_guard lock(mutex_);
    received_.clear();
  }

 private:
  struct Peer : std::enable_shared_from_this<Peer> {
    explicit Peer(FakeRouter& router) : owner(router), socket(router.loop_) {}

    void read() {
      if (reading || owner.read_stopped_) return;
      reading = true;
      socket.async_read_some(asio::buffer(buffer), [self = shared_from_this()](const boost::system::error_code& error, std::size_t bytes) {
        self->reading = false;
        if (error) {
          self->owner.write_down("EOF");
          return self->end();
        }
        if (self->take(std::span(self->buffer).first(bytes))) self->read();
      });
    }
    bool take(std::span<std::byte> input) {
      if (owner.transport_ == Transport::tcp) {
        while (const auto piece = plain.next(input)) owner.handle(*this, piece->payload);
        return true;
      }
      if (!upgraded) {
        head.append(as_text(input));
        const std::size_t end_of_head = head.find("\r\n\r\n");
        if (end_of_head == std::string::npos) return true;
        owner.write_down(head.substr(0, head.find("\r\n")));
        const std::size_t key = head.find("Sec-WebSocket-Key: ") + 19;
        out.append(
            as_bytes(fmt::format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: "
                                 "clasp\r\nSec-WebSocket-Accept: {}\r\n\r\n",
                                 net::websocket_accept(head.substr(key, head.find("\r\n", key) - key)))));
        upgraded = true;
        write();
        return true;
      }
      while (const auto piece = websocket.next(input)) {
        if (piece->kind == net::PieceKind::frame) owner.handle(*this, piece->payload);
        if (piece->kind == net::PieceKind::pong) owner.write_down(fmt::format("websocket pong {}", as_text(piece->payload)));
        if (piece->kind == net::PieceKind::close) {
          owner.write_down(fmt::format("websocket close {}", piece->code));
          end();
          return false;
        }
      }
      return true;
    }
    void send(const Message& message, Qos qos) {
      ByteBuffer frame;
      if (!append_frame(frame, message, qos)) return;
      if (owner.transport_ == Transport::tcp) {
        out.u32(static_cast<std::uint32_t>(frame.size()));
        out.append(frame.view());
      } else {
        net::append_websocket_frame(out, net::Opcode::binary, frame.view());
      }
      write();
    }
    void send(const Message& message) { send(message, default_qos(message)); }
    void write() {
      if (writing || out.empty()) return;
      writing = true;
      std::swap(out, being_written);
      asio::async_write(socket, asio::buffer(being_written.data(), being_written.size()),
                        [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
                          self->writing = false;
                          self->being_written.clear();
                          if (!error) self->write();
                        });
    }
    void end() {
      boost::system::error_code ignored;
      socket.close(ignored);
      owner.peers_.erase(shared_from_this());
    }

    FakeRouter& owner;
    tcp::socket socket;
    std::array<std::byte, 16'384> buffer{};
    net::Splitter<net::WebSocketFramer> websocket{net::Role::server};
    net::Splitter<net::LengthFramer> plain;
    std::string head;
    bool upgraded = false;
    bool reading = false;
    bool writing = false;
    ByteBuffer out;
    ByteBuffer being_written;
  };

  void accept() {
    auto peer = std::make_shared<Peer>(*this);
    acceptor_.async_accept(peer->socket, [this, peer](const boost::system::error_code& error) {
      if (error) return;
      peer->socket.set_option(tcp::no_delay(true));
      peers_.insert(peer);
      peer->read();
      accept();
    });
  }

  // Runs on the router's thread, and has run when this returns.
  template <typename F>
  void change(F&& f) {
    std::promise<void> done;
    asio::post(loop_, [&] {
      f();
      done.set_value();
    });
    done.get_future().wait();
  }

  void write_down(std::string line) {
    std::lock_guard lock(mutex_);
    received_.push_back(std::move(line));
    changed_.notify_all();
  }

  void store(const Set& set) {
    auto& [value, revision] = params_[std::string(set.address)];
    value = to_value(set.value);
    ++revision;
    const Message echo{Set{.address = set.address, .value = set.value, .revision = revision, .ttl = {}}};
    for (const auto& peer : peers_) peer->send(echo);
  }

  void handle(Peer& peer, Bytes bytes) {
    const auto frame = decode_frame(bytes);
    Decoder decoder;
    const auto message = frame ? decoder.decode(frame->payload) : Decoded<Message>(std::unexpected(frame.error()));
    if (!message) return write_down("garbage");
    write_down(describe_message(*message, frame->header.qos));
    if (silent_) return;
    if (std::holds_alternative<Hello>(message->body)) {
      if (refuse_hello_ != 0) return peer.send({ErrorReply{.code = refuse_hello_, .message = "no entry", .address = {}, .correlation_id = {}}});
      const std::string session = fmt::format("session-{}", ++sessions_);
      peer.send({Welcome{.features = feature::all_signals, .time = {1}, .session = session, .name = "fake", .token = {}, .block = {}}});
      peer.send({Snapshot{}});
    } else if (const Set* set = std::get_if<Set>(&message->body)) {
      if (refuse_sets_ != 0) return peer.send({ErrorReply{.code = refuse_sets_, .message = "no", .address = set->address, .correlation_id = {}}});
      store(*set);
      if (frame->header.qos != Qos::fire) acknowledge(peer, set->address, params_[std::string(set->address)].second);
    } else if (const Bundle* bundle = std::get_if<Bundle>(&message->body)) {
      std::uint64_t last = 0;
      for (const Message& member : bundle->messages) {
        if (const Set* inner = std::get_if<Set>(&member.body)) {
          store(*inner);
          last = params_[std::string(inner->address)].second;
        }
      }
      acknowledge(peer, std::nullopt, last);
    } else if (const Get* get = std::get_if<Get>(&message->body)) {
      if (!show(peer, get->address)) peer.send({ErrorReply{.code = 404, .message = "no such param", .address = get->address, .correlation_id = {}}});
    } else if (const Subscribe* subscribe = std::get_if<Subscribe>(&message->body)) {
      const auto pattern = Pattern::parse(subscribe->pattern);
      for (const auto& [address, param] : params_) {
        if (pattern && pattern->matches(address)) show(peer, address);
      }
    } else if (const Query* query = std::get_if<Query>(&message->body)) {
      peer.send({QueryResult{{{.address = query->pattern, .type = SignalType::param, .datatype = "f32", .access = "rw", .meta = {}}}}});
    } else if (std::holds_alternative<Ping>(message->body)) {
      peer.send({Pong{}});
    } else if (const Sync* sync = std::get_if<Sync>(&message->body)) {
      peer.send({Sync{.t1 = sync->t1, .t2 = sync->t1 + 1'000'000, .t3 = sync->t1 + 1'000'000}});
    } else if (const Announce* announce = std::get_if<Announce>(&message->body)) {
      acknowledge(peer, announce->ns, std::nullopt);
    }
  }

  void acknowledge(Peer& peer, std::optional<std::string_view> address, std::optional<std::uint64_t> revision) {
    peer.send({Ack{.address = address, .revision = revision, .locked = {}, .holder = {}, .correlation_id = {}}});
  }
  bool show(Peer& peer, std::string_view address) {
    const auto found = params_.find(std::string(address));
    if (found == params_.end()) return false;
    const EncodedValue value(found->second.first);
    peer.send({Snapshot{{{.address = address, .value = value.view(), .revision = found->second.second, .writer = "w", .timestamp = {}}}}});
    return true;
  }

  Transport transport_;
  asio::io_context loop_{1};
  tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::set<std::shared_ptr<Peer>> peers_;
  std::map<std::string, std::pair<Value, std::uint64_t>> params_;
  int sessions_ = 0;
  std::uint16_t refuse_hello_ = 0;
  std::uint16_t refuse_sets_ = 0;
  bool silent_ = false;
  bool read_stopped_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> received_;
  std::thread thread_;
};

}  // namespace clasp::client::testing
