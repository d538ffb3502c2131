// `clasp osc`: the OSC bridge in a process of its own.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include "bridge/mapped/mapped_link.hpp"
#include "bridge/mapped/mapping_timer.hpp"
#include "bridge/osc/osc_bridge.hpp"
#include "bridge/osc/osc_transport.hpp"
#include "bridge/remote/remote_link.hpp"
#include "cli/commands.hpp"
#include "cli/osc_flags.hpp"
#include "io/io_loop.hpp"

namespace clasp::cli {

namespace {

class ConsoleLog final : public bridge::osc::OscLog {
 public:
  explicit ConsoleLog(Console& console) : console_(console) {}
  void line(std::string_view text) override { console_.note(text); }

 private:
  Console& console_;
};

// The remote link, and an eye on it: a router that refuses our token does so for good, and the program should end instead of waiting for nothing.
class WatchedLink final : public bridge::RouterLink, private bridge::RouterLinkListener {
 public:
  WatchedLink(boost::asio::io_context& loop, bridge::RemoteLinkConfig config, std::function<void(const Error&)> shut_out)
      : link_(loop, std::move(config)), shut_out_(std::move(shut_out)) {}

  void open(const bridge::BridgeIdentity& identity, std::span<const std::string> patterns, bool snapshot,
            bridge::RouterLinkListener& listener) override {
    listener_ = &listener;
    link_.open(identity, patterns, snapshot, *this);
  }
  void close() override { link_.close(); }
  void set(std::string_view address, const ValueView& value, bridge::PeerTag peer) override { link_.set(address, value, peer); }
  void publish(const Publish& publish, bridge::PeerTag peer) override { link_.publish(publish, peer); }
  void bundle(std::span<const Message> messages, std::optional<UnixTime> at, bridge::PeerTag peer) override { link_.bundle(messages, at, peer); }

 private:
  void link_up() override {
    up_ = true;
    listener_->link_up();
  }
  void link_down(std::string_view reason) override {
    up_ = false;
    listener_->link_down(reason);
  }
  void delivered(const bridge::LinkDelivery& delivery) override { listener_->delivered(delivery); }
  void refused(const Error& error) override {
    if (!up_ && exit_code_of(error.code) == ExitCode::refused) return shut_out_(error);
    listener_->refused(error);
  }

  bridge::RemoteRouterLink link_;
  std::function<void(const Error&)> shut_out_;
  bridge::RouterLinkListener* listener_ = nullptr;
  bool up_ = false;
};

// The client's loop is Asio's; the OSC socket's is one descriptor in it.
class NestedLoop {
 public:
  explicit NestedLoop(boost::asio::io_context& outer) : descriptor_(outer, ::dup(inner.descriptor())) { wait(); }
  void stop() { descriptor_.close(); }

  io::IoLoop inner;

 private:
  void wait() {
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](const boost::system::error_code& error) {
      if (error) return;
      inner.turn(Micros{0});
      if (descriptor_.is_open()) wait();
    });
  }

  boost::asio::posix::stream_descriptor descriptor_;
};

Result<mapping::MappingTable> mappings_of(const OscFlags& flags) {
  return mapping::MappingTable::compile(flags.mappings, {.protocol = "osc", .ns = flags.bridge.ns.prefix(), .transforms = {}});
}

// The arguments once more, for the files among them. A mistake is told, and the old mappings stay in force.
void reload(const Invocation& call, bridge::MappedLink& mapped) {
  OscFlags again;
  const bool readable = !read_osc_arguments(call, again).exit;
  auto table =
      readable ? mappings_of(again) : Result<mapping::MappingTable>(Error{ErrorCode::invalid_argument, "the old mappings stay in force", {}});
  if (!table) return call.console.error(fmt::format("clasp osc: {}", table.error().message));
  mapped.replace(std::move(*table));
  call.console.note(fmt::format("osc: {} mappings read again", again.mappings.entries.size()));
}

}  // namespace

ExitCode run_osc_command(const Invocation& call) {
  OscFlags flags;
  const auto arguments = read_osc_arguments(call, flags);
  if (arguments.exit) return *arguments.exit;
  const auto endpoint = client::parse_url(flags.router);
  if (!endpoint) return usage_error(call, endpoint.error().message);
  auto mappings = mappings_of(flags);
  if (!mappings) return usage_error(call, mappings.error().message);

  boost::asio::io_context loop;
  ConsoleLog log(call.console);
  ExitCode outcome = ExitCode::ok;
  NestedLoop nested(loop);
  const auto transport = bridge::osc::make_transport(nested.inner, flags.socket, log);
  boost::asio::signal_set signals(loop, SIGINT, SIGTERM);
  std::function<void()> stop;
  WatchedLink link(loop, {.endpoint = *endpoint, .token = flags.token}, [&](const Error& error) {
    outcome = report(call, error);
    boost::asio::post(loop, [&] { stop(); });
  });
  bridge::MappedLink mapped(link, flags.bridge.ns, std::move(*mappings),
                            {.clock = [] { return io::read_clocks(); }, .log = [&log](std::string_view line) { log.line(line); }});
  bridge::MappingTimer timer(nested.inner, mapped);
  bridge::osc::OscBridge osc(mapped, bridge::osc::for_transport(flags.bridge, flags.socket.transport), *transport, log);
  boost::asio::signal_set hang_up(loop);
  std::function<void()> await_hang_up = [&] {
    hang_up.async_wait([&](const boost::system::error_code& error, int) {
      if (error) return;
      reload(call, mapped);
      await_hang_up();
    });
  };
  if (!flags.mappings.entries.empty()) {
    hang_up.add(SIGHUP);
    await_hang_up();
  }
  stop = [&] {
    osc.stop();
    transport->stop();
    nested.stop();
    hang_up.clear();
    hang_up.cancel();  // else its wait would keep the loop
    signals.clear();   // nothing is left then but the link's goodbye, and a second Ctrl-C ends that at once
  };
  if (const auto started = transport->start(osc); !started) {
    const bool usage = started.error().code == ErrorCode::invalid_argument;
    call.console.error(fmt::format("clasp {}", started.error().message));
    return usage ? ExitCode::usage : ExitCode::failed;
  }
  osc.start();
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (!error) stop();
  });
  call.console.error(fmt::format("clasp osc is ready: {} {} <-> {}/** at {}", bridge::osc::transport_name(flags.socket.transport),
                                 bridge::osc::to_text(transport->local_endpoint()), flags.bridge.ns.prefix(), flags.router));
  loop.run();
  return outcome;
}

}  // namespace clasp::cli
