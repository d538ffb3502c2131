// What is behind a Connection.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/byte_buffer.hpp"
#include "dial/connection.hpp"
#include "dial/tls_session.hpp"
#include "io/io_loop.hpp"
#include "io/name_lookup.hpp"
#include "io/timer.hpp"
#include "io/watch.hpp"

namespace clasp::dial {

// Watches only note what happened; everything is done in work(), a task.
struct Connection::State final : io::WatchHandler, std::enable_shared_from_this<State> {
  enum class Phase : std::uint8_t { idle, looking_up, connecting, securing, upgrading, open, finishing, closed };

  State(io::IoLoop& in, Target to, ConnectionEvents& told);

  // ---- coming up (connection_start.cpp) ----
  void start();
  void look_up();
  void try_next_address();
  void look_at_connect();
  void connected();
  void secured();
  void opened();
  void due();  // the deadline of the phase
  void watch_silence();

  // ---- bytes (connection.cpp) ----
  void on_readable() override;
  void on_writable() override;
  void schedule();
  void work();
  void take_input();
  void take_wire(std::span<std::byte> wire);
  void take_tls();
  void take_plain(std::span<std::byte> plain);
  void take_messages(std::span<std::byte> plain);
  void discard_input();
  bool has_room();
  bool send(Bytes bytes, Form form);
  void seal();  // what is staged becomes bytes for the network
  void flush();
  std::size_t waiting() const { return staged.size() + wire.size() - wire_sent; }

  // ---- the end (connection.cpp) ----
  void set_reading(bool on);
  void say_goodbye();
  void finish(Micros linger);
  void peer_ended();
  void fail(std::string_view why);  // tells
  void tear_down();                 // doesn't

  bool is_alive() const { return phase != Phase::closed; }
  bool may_read() const { return reading || phase != Phase::open; }  // handshakes and goodbyes are read in any case

  io::IoLoop& loop;
  const Target target;
  ConnectionEvents* events;
  Phase phase = Phase::idle;
  io::NameLookup lookup;
  io::Timer timer;
  std::optional<io::Watch> watch;
  std::vector<sockaddr_storage> addresses;
  std::size_t address_at = 0;  // the next to try
  std::string connect_errors;
  SteadyTime give_up_at;  // coming up
  std::optional<TlsSession> tls;
  std::optional<WebSocketChannel> channel;

  ByteBuffer staged;  // plain bytes of this turn
  ByteBuffer wire;    // for the network
  std::size_t wire_sent = 0;
  ByteBuffer backlog;  // plain bytes that came before reading was switched off: at most one read
  SteadyTime heard_at;
  bool pinged = false;
  bool reading = true;
  bool readable = false;
  bool writable = false;
  bool scheduled = false;
  bool refused_send = false;  // connection_writable() is owed
  bool goodbye_said = false;
  bool end_sent = false;  // nothing follows, as far as TCP is concerned
};

}  // namespace clasp::dial
