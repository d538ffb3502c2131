#include "bridge/process/bridge_process.hpp"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include "bridge/frame/bridge_host.hpp"
#include "bridge/process/nested_loop.hpp"
#include "bridge/process/watched_link.hpp"

namespace clasp::bridge {

Result<void> run(const BridgeProcess& process) {
  boost::asio::io_context loop;
  NestedLoop nested(loop);
  Result<void> outcome;
  std::function<void()> stop;

  std::unique_ptr<RouterLink> link;
  if (process.router) {
    link = std::make_unique<WatchedLink>(loop, *process.router, WatchedLink::Eye{.is_final = process.is_final, .reconnect = process.reconnect,
                                                                                 .ended = [&](const Error& error) {
                                                                                   outcome = error;
                                                                                   boost::asio::post(loop, [&] { stop(); });
                                                                                 },
                                                                                 .log = [&](std::string_view line) {
                                                                                   process.log(fmt::format("{}: {}", process.plan.protocol(), line));
                                                                                 }});
  } else {
    link = std::make_unique<MonitorLink>(process.heard);
  }
  mapping::MappingSource before;
  before.lenses = process.lenses;
  auto host = BridgeHost::make(process.plan, before, {.loop = nested.inner, .router = *link, .log = process.log});
  if (!host) return host.error();
  for (const std::string& note : (*host)->notes()) process.log(note);

  boost::asio::signal_set signals(loop, SIGINT, SIGTERM);
  boost::asio::signal_set hang_up(loop, SIGHUP);
  std::function<void()> await_hang_up = [&] {
    hang_up.async_wait([&](const boost::system::error_code& error, int) {
      if (error) return;
      auto table = process.reread();
      process.log(table ? "mappings read again" : fmt::format("the old mappings stay in force: {}", table.error().message));
      if (table) (*host)->replace(std::move(*table));
      await_hang_up();
    });
  };
  stop = [&] {
    (*host)->stop();
    nested.stop();
    hang_up.clear();
    hang_up.cancel();  // else its wait would keep the loop
    signals.cancel();
    signals.clear();  // nothing is left then but the link's goodbye, and a second Ctrl-C ends that at once
  };
  if (auto started = (*host)->start(); !started) return started;
  await_hang_up();
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (!error) stop();
  });
  process.ready((*host)->report());
  loop.run();
  return outcome;
}

}  // namespace clasp::bridge
