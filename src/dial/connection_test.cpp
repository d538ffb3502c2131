// With real sockets on the loopback, against servers that follow a script. Nothing waits for a time to pass unless it is about a time limit.
#include "dial/connection.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>

#include "dial/connection_testing.hpp"
#include "net/http_request.hpp"
#include "net/splitter.hpp"
#include "net/websocket_frame.hpp"
#include "net/websocket_handshake.hpp"

namespace clasp::dial {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr Micros linger{30'000'000};

// A port of the loopback on which nobody listens, as long as this lives.
struct DeafPort {
  DeafPort() : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof local;
    EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&local), length), 0);
    ::getsockname(socket, reinterpret_cast<sockaddr*>(&local), &length);
    number = ntohs(local.sin_port);
  }
  ~DeafPort() { ::close(socket); }
  int socket;
  std::uint16_t number = 0;
};

// ---- TCP ----

TEST_F(ConnectionTest, CarriesBytesBothWays) {
  std::string heard;
  {
    ScriptServer server([&heard](ServerEnd& end) {
      heard = end.read_exactly(5);
      end.write("answer");
      end.read_some();
    });
    on_open = [this] { EXPECT_TRUE(connection->send(as_bytes("hel"))) << "inside the event"; };
    dial(plain(server.port()));
    ASSERT_TRUE(until([this] { return opened; }));
    EXPECT_TRUE(connection->send(as_bytes("lo")));
    EXPECT_TRUE(until([this] { return input == "answer"; })) << input;
    connection.reset();
  }
  EXPECT_EQ(heard, "hello");
  EXPECT_FALSE(is_lost()) << "who closes need not be told";
}

TEST_F(ConnectionTest, TriesAllAddressesOfAName) {
  ScriptServer server([](ServerEnd& end) { end.read_some(); }, "127.0.0.1");
  dial(plain(server.port(), "localhost"));  // ::1 comes first where it is configured, and nobody listens there
  ASSERT_TRUE(until([this] { return opened || is_lost(); }));
  EXPECT_TRUE(opened) << lost.value_or("");
  connection.reset();
}

TEST_F(ConnectionTest, SaysWhyItDidNotOpen) {
  const DeafPort deaf;
  EXPECT_EQ(reason_of(plain(deaf.number)), "127.0.0.1:" + std::to_string(deaf.number) + ": cannot connect: Connection refused");
  EXPECT_THAT(reason_of(plain(7, "no-such-host.invalid")), StartsWith("no-such-host.invalid:7: cannot find the name: "));
}

TEST_F(ConnectionTest, GivesUpOnAPeerThatDoesNotAnswer) {
  const DeafPort full;  // its queue of connections is full: what else comes gets no answer
  ASSERT_EQ(::listen(full.socket, 0), 0);
  std::vector<int> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(full.number);
    ::connect(waiting.back(), reinterpret_cast<sockaddr*>(&to), sizeof to);
  }
  Target target = plain(full.number);
  target.connect_max = 200ms;
  EXPECT_THAT(reason_of(target), HasSubstr("cannot connect: 127.0.0.1: no answer"));
  for (const int socket : waiting) ::close(socket);
}

TEST_F(ConnectionTest, TellsThatThePeerClosed) {
  ScriptServer server([](ServerEnd& end) { end.write("last words"); });
  dial(plain(server.port()));
  ASSERT_TRUE(until([this] { return is_lost(); }));
  EXPECT_EQ(input, "last words");
  EXPECT_THAT(*lost, HasSubstr(": closed the connection"));
  EXPECT_FALSE(connection->send(as_bytes("x")));
}

TEST_F(ConnectionTest, TellsThatTheConnectionBroke) {
  ScriptServer server([](ServerEnd& end) {
    end.read_exactly(1);
    end.reset();
  });
  on_open = [this] { connection->send(as_bytes("x")); };
  dial(plain(server.port()));
  ASSERT_TRUE(until([this] { return is_lost(); }));
  EXPECT_THAT(*lost, HasSubstr("Connection reset by peer"));
}

TEST_F(ConnectionTest, TakesNoMoreThanItsBoundAndTellsWhenThereIsRoom) {
  std::atomic<bool> go = false;
  std::atomic<std::size_t> received = 0;
  ScriptServer server([&](ServerEnd& end) {
    go.wait(false);
    for (std::string more = end.read_some(); !more.empty(); more = end.read_some()) received += more.size();
  });
  Target target = plain(server.port());
  target.out_bytes_max = 100'000;
  dial(target);
  ASSERT_TRUE(until([this] { return opened; }));
  const std::string chunk(50'000, 'x');
  std::size_t sent = 0;
  int refused_in_a_row = 0;
  const auto push = [&] {
    const bool taken = connection->send(as_bytes(chunk));
    if (taken) sent += chunk.size();
    refused_in_a_row = taken ? 0 : refused_in_a_row + 1;
    return refused_in_a_row > 8;  // turns of the loop between: the system takes nothing more either
  };
  ASSERT_TRUE(until([&] {
    loop.turn(1ms);
    return push();
  }));
  EXPECT_LE(connection->waiting_bytes(), target.out_bytes_max + chunk.size());
  EXPECT_EQ(writable, 0);
  go = true;
  go.notify_all();
  EXPECT_TRUE(until([this] { return writable > 0; }));
  EXPECT_EQ(writable, 1);
  connection->finish(linger);
  EXPECT_TRUE(until([this] { return is_lost(); }));
  EXPECT_EQ(received, sent) << "what was accepted has arrived";
}

TEST_F(ConnectionTest, ReadsNothingWhileReadingIsOff) {
  ScriptServer server([](ServerEnd& end) {
    end.write("one");
    end.read_exactly(1);
    end.write("two");
    end.read_some();
  });
  on_input = [this] { connection->set_reading(false); };
  dial(plain(server.port()));
  ASSERT_TRUE(until([this] { return input == "one"; }));
  connection->send(as_bytes("x"));
  for (int i = 0; i < 20; ++i) loop.turn(5ms);
  EXPECT_EQ(input, "one");
  connection->set_reading(true);
  EXPECT_TRUE(until([this] { return input == "onetwo"; }));
}

TEST_F(ConnectionTest, FinishesOnlyWhenThePeerHasTakenEverything) {
  std::string heard;
  {
    ScriptServer server([&heard](ServerEnd& end) {
      for (std::string more = end.read_some(); !more.empty(); more = end.read_some()) heard += more;
      end.write("got it");
    });
    dial(plain(server.port()));
    ASSERT_TRUE(until([this] { return opened; }));
    connection->send(as_bytes(std::string(500'000, 'x')));
    connection->finish(linger);
    EXPECT_FALSE(connection->send(as_bytes("more")));
    EXPECT_TRUE(until([this] { return is_lost(); }));
  }
  EXPECT_EQ(heard.size(), 500'000U);
  EXPECT_EQ(input, "got it");
  EXPECT_EQ(*lost, "") << "it was asked for";
}

TEST_F(ConnectionTest, MayBeDestroyedInsideItsEvents) {
  ScriptServer server([](ServerEnd& end) {
    end.write("first");
    end.read_some();
  });
  on_input = [this] { connection.reset(); };
  dial(plain(server.port()));
  EXPECT_TRUE(until([this] { return connection == nullptr; }));
  on_input = nullptr;
  on_open = [this] { connection.reset(); };
  dial(plain(server.port()));
  EXPECT_TRUE(until([this] { return connection == nullptr; }));
}

// ---- WebSocket ----

Target websocket(std::uint16_t port, WebSocketTarget to = {.target = "/mqtt", .subprotocols = {"mqtt"}}) {
  Target target = plain(port);
  target.websocket = std::move(to);
  return target;
}

// The next piece of what the client sends.
std::string next_piece(ServerEnd& end, net::Splitter<net::WebSocketFramer>& frames, std::string& rest) {
  for (;;) {
    std::span<std::byte> input{reinterpret_cast<std::byte*>(rest.data()), rest.size()};
    if (const auto piece = frames.next(input)) {
      constexpr std::array names{"binary", "text", "ping", "pong", "close"};
      std::string text = fmt::format("{} {}", names[static_cast<std::size_t>(piece->kind)], as_text(piece->payload));
      if (piece->kind == net::PieceKind::close) text = fmt::format("close {}", piece->code);
      rest = std::string(as_text(input));
      return text;
    }
    rest = end.read_some();
    if (rest.empty()) return "end";
  }
}

TEST_F(ConnectionTest, CarriesMessagesInAWebSocket) {
  net::HttpRequest request;
  std::vector<std::string> heard;
  {
    ScriptServer server([&](ServerEnd& end) {
      request = accept_upgrade(end, "mqtt");
      net::Splitter<net::WebSocketFramer> frames{net::Role::server};
      std::string rest;
      heard.push_back(next_piece(end, frames, rest));
      heard.push_back(next_piece(end, frames, rest));
      end.write(frame(net::Opcode::binary, "b") + frame(net::Opcode::ping, "p") + frame(net::Opcode::text, "t"));
      heard.push_back(next_piece(end, frames, rest));
      heard.push_back(next_piece(end, frames, rest));
      end.write(frame(net::Opcode::close, {}));
    });
    dial(websocket(server.port(), {.target = "/mqtt?x", .subprotocols = {"mqtt"}, .subprotocol_required = true, .fields = {{"X-Key", "k"}}}));
    ASSERT_TRUE(until([this] { return opened; })) << lost.value_or("");
    EXPECT_EQ(connection->subprotocol(), "mqtt");
    EXPECT_TRUE(connection->send(as_bytes("one")));
    EXPECT_TRUE(connection->send(as_bytes("two"), Form::text));
    ASSERT_TRUE(until([this] { return messages.size() == 2; }));
    connection->finish(linger);
    EXPECT_TRUE(until([this] { return is_lost(); }));
  }
  EXPECT_EQ(request.target, "/mqtt?x");
  ASSERT_NE(net::find_field(request.fields, "X-Key"), nullptr);
  EXPECT_THAT(heard, ElementsAre("binary one", "text two", "pong p", "close 1000"));
  EXPECT_THAT(messages, ElementsAre("b", "t"));
  EXPECT_EQ(texts, 1);
  EXPECT_EQ(*lost, "");
}

TEST_F(ConnectionTest, HandsOutOneMessageAfterAnotherThoughTheyCameTogether) {
  ScriptServer server([](ServerEnd& end) {
    accept_upgrade(end, "mqtt");
    end.write(frame(net::Opcode::binary, "1") + frame(net::Opcode::binary, "2") + frame(net::Opcode::binary, "3"));
    end.read_some();
  });
  on_input = [this] { connection->set_reading(false); };
  dial(websocket(server.port()));
  for (std::size_t n = 1; n <= 3; ++n) {
    ASSERT_TRUE(until([&] { return messages.size() == n; }));
    loop.turn(5ms);
    EXPECT_EQ(messages.size(), n);
    connection->set_reading(true);
  }
  EXPECT_THAT(messages, ElementsAre("1", "2", "3"));
}

TEST_F(ConnectionTest, SaysWhyThereIsNoWebSocket) {
  ScriptServer web([](ServerEnd& end) {
    end.read_until("\r\n\r\n");
    end.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  });
  EXPECT_THAT(reason_of(websocket(web.port())), HasSubstr("server answered 404 Not Found, not 101"));
  ScriptServer chat([](ServerEnd& end) { accept_upgrade(end, "chat"); });
  EXPECT_THAT(reason_of(websocket(chat.port(), {.subprotocols = {"mqtt"}, .subprotocol_required = true})),
              HasSubstr("no sub-protocol that was offered"));
  ScriptServer hangs_up([](ServerEnd& end) { end.read_until("\r\n\r\n"); });
  EXPECT_THAT(reason_of(websocket(hangs_up.port())), HasSubstr("closed the connection during the WebSocket handshake"));
  ScriptServer silent([](ServerEnd& end) {
    while (!end.read_some().empty()) continue;
  });
  Target target = websocket(silent.port());
  target.connect_max = 200ms;
  EXPECT_THAT(reason_of(target), HasSubstr("no answer to the WebSocket request within 0.2 s"));
}

TEST_F(ConnectionTest, TellsWhyThePeerClosedTheWebSocketAndSaysGoodbye) {
  std::string heard;
  {
    ScriptServer server([&heard](ServerEnd& end) {
      accept_upgrade(end, "mqtt");
      ByteBuffer close;
      net::append_websocket_frame(close, net::Opcode::close, net::close_payload(1008, "go away").view());
      end.write(as_text(close.view()));
      net::Splitter<net::WebSocketFramer> frames{net::Role::server};
      std::string rest;
      heard = next_piece(end, frames, rest);
    });
    dial(websocket(server.port()));
    ASSERT_TRUE(until([this] { return is_lost(); }));
  }
  EXPECT_THAT(*lost, HasSubstr("closed the WebSocket (1008, go away)"));
  EXPECT_EQ(heard, "close 1008");
}

TEST_F(ConnectionTest, LeavesAPeerThatBreaksTheFraming) {
  std::string heard;
  {
    ScriptServer server([&heard](ServerEnd& end) {
      accept_upgrade(end, "mqtt");
      end.write("\xf2\x01x");
      net::Splitter<net::WebSocketFramer> frames{net::Role::server};
      std::string rest;
      heard = next_piece(end, frames, rest);
    });
    dial(websocket(server.port()));
    ASSERT_TRUE(until([this] { return is_lost(); }));
  }
  EXPECT_THAT(*lost, HasSubstr("broke the WebSocket framing"));
  EXPECT_EQ(heard, "close 1002");
}

TEST_F(ConnectionTest, PingsASilentPeerAndGivesItUp) {
  std::string heard;
  {
    ScriptServer server([&heard](ServerEnd& end) {
      accept_upgrade(end, "mqtt");
      net::Splitter<net::WebSocketFramer> frames{net::Role::server};
      std::string rest;
      heard = next_piece(end, frames, rest);
      end.write(frame(net::Opcode::pong, {}));
      next_piece(end, frames, rest);
      while (!end.read_some().empty()) continue;
    });
    dial(websocket(server.port(), {.subprotocols = {"mqtt"}, .ping_interval = 50ms}));
    ASSERT_TRUE(until([this] { return is_lost(); }));
  }
  EXPECT_EQ(heard, "ping ");
  EXPECT_THAT(*lost, HasSubstr("a ping was not answered"));
}

}  // namespace
}  // namespace clasp::dial
