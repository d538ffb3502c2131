// A CLASP link on a stream: frames in to the engine, deliveries out as bytes, in one of the three framings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "net/bare_framer.hpp"
#include "net/length_framer.hpp"
#include "net/link_engine.hpp"
#include "net/splitter.hpp"
#include "net/stream.hpp"
#include "net/websocket_deflate.hpp"
#include "net/websocket_frame.hpp"
#include "net/websocket_options.hpp"
#include "router/sink.hpp"

namespace clasp::net {

// The engine's link is opened with the time at which the connection was accepted, so that its handshake limit counts from there; independently of
// the engine the stream's own deadline stays until the first frame. So from accept to HELLO nobody gets more than LoopOptions::setup_max (10 s).
//
// What waits for the peer is bounded by the engine's window (router::Config::window_bytes) plus `control_bytes_max`.
class StreamLink : public StreamHandler, public router::Sink {
 public:
  static constexpr std::size_t control_bytes_max = 4'096;  // pongs for a peer that pings and does not read

  StreamLink(Stream& stream, LinkEngine& engine) : stream_(stream), engine_(engine) {}
  void open();  // makes it known to the engine; once, see open_stream_link()

  // router::Sink
  std::size_t deliver(const router::Delivery& delivery) override { return send_frame(delivery.frame(), Verbatim::no); }
  std::size_t reply(const router::Reply& reply) override;
  void read(bool on) override { stream_.set_reading(on); }

  // StreamHandler
  void on_end() override;
  void on_sent(std::size_t bytes) override;
  void before_send() override;
  void on_closed() override { report_closed(); }

 protected:
  enum class Verbatim : bool { no, yes };  // yes: the frame's bytes must lie in the stream as they are
  // Puts one frame and what frames it into the stream; returns how many bytes that were.
  virtual std::size_t write(Bytes frame, Verbatim verbatim) = 0;

  void receive(Bytes frame);
  void setup_done();  // the first message came
  std::size_t count_waiting(std::size_t bytes);
  void report_closed();  // to the engine, once; after it the engine hears nothing more of this link
  NetStats& stats() { return stream_.loop().stats(); }

  Stream& stream_;
  LinkEngine& engine_;
  router::LinkId link_{};
  std::size_t frame_bytes_waiting_ = 0;  // of what the engine was told that it waits
  bool reported_closed_ = false;

 private:
  std::size_t send_frame(Bytes frame, Verbatim verbatim);

  std::vector<std::uint64_t> stamps_;  // stream positions where the time of sending goes (SYNC)
  bool first_frame_came_ = false;
};

// The engine may call a link as soon as it knows it, so the link has to be complete before.
template <typename Link, typename... Args>
std::unique_ptr<StreamHandler> open_stream_link(Stream& stream, LinkEngine& engine, const Args&... args) {
  auto link = std::make_unique<Link>(stream, engine, args...);
  link->open();
  return link;
}

class WebSocketLink final : public StreamLink {
 public:
  WebSocketLink(Stream& stream, LinkEngine& engine, const WebSocketOptions& options, const std::optional<DeflateAgreement>& deflate);

  // As reply(), of a text message; for engines that understand text.
  std::size_t send_text(std::string_view text);

  void on_bytes(std::span<std::byte>& input) override;
  void on_setup_deadline() override;
  bool ping() override;
  void close(const router::CloseReason& reason) override;

 private:
  std::size_t write(Bytes frame, Verbatim verbatim) override { return write_message(Opcode::binary, frame, verbatim); }
  std::size_t write_message(Opcode opcode, Bytes message, Verbatim verbatim);
  void handle(const Piece& piece);
  void handle_compressed(const Piece& piece);
  void fail(const FramingFault& fault);
  bool send_control(Opcode opcode, Bytes payload);
  void end(std::uint16_t code, std::string_view reason);

  Splitter<WebSocketFramer> splitter_;
  std::uint8_t deflate_window_bits_;  // 0: nothing is compressed
};

// The two framings of plain TCP. They have no way to say why they end; what the engine sent before (ERROR) has to do.
template <Framer F>
class FrameLink final : public StreamLink {
 public:
  using StreamLink::StreamLink;

  void on_bytes(std::span<std::byte>& input) override;
  void on_setup_deadline() override;
  bool ping() override;
  void close(const router::CloseReason& reason) override;

 private:
  std::size_t write(Bytes frame, Verbatim verbatim) override;

  Splitter<F> splitter_;
};
using LengthPrefixedLink = FrameLink<LengthFramer>;
using BareLink = FrameLink<BareFramer>;

}  // namespace clasp::net
