// `clasp monitor`: rates, who writes, slow sessions and bridges, as a screen that is refreshed or a line each time.
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <mutex>

#include "cli/client_flags.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/monitor_screen.hpp"
#include "cli/subscription_flags.hpp"

namespace clasp::cli {

namespace {

using std::chrono::milliseconds;
using Clock = Interrupts::Clock;

// In the order of RateTable::Order.
constexpr std::array<std::string_view, 4> order_names{"rate", "total", "address", "latest"};

// Nothing if stdout is no terminal.
std::optional<ScreenSize> find_screen() {
  if (isatty(STDOUT_FILENO) == 0) return std::nullopt;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 2 || size.ws_col < 2) return ScreenSize{};
  return ScreenSize{size.ws_row, size.ws_col};
}

// Single keys from a terminal, without waiting for the end of a line; as it was when this ends.
class Keys {
 public:
  explicit Keys(int descriptor) : descriptor_(descriptor) {
    if (isatty(descriptor) == 0 || tcgetattr(descriptor, &before_) != 0) return;
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    on_ = tcsetattr(descriptor, TCSANOW, &raw) == 0;
  }
  Keys(const Keys&) = delete;
  ~Keys() {
    if (on_) tcsetattr(descriptor_, TCSANOW, &before_);
  }
  int descriptor() const { return on_ ? descriptor_ : -1; }  // to wait for
  char read() {                                              // 0: its end
    char key = 0;
    if (::read(descriptor_, &key, 1) == 1) return key;
    on_ = false;
    return 0;
  }

 private:
  int descriptor_;
  termios before_{};
  bool on_ = false;
};

struct Board {
  std::mutex mutex;
  RateTable rates;  // guarded by mutex
  SessionBoard sessions;
  BridgeReports bridges;

  void heard(const Delivery& delivery) {
    if (is_about_monitors(delivery.address)) return;
    const std::lock_guard lock(mutex);
    if (delivery.snapshot) rates.known(delivery.address, delivery.value);
    else rates.heard(delivery.address, delivery.value);
  }
  RateTable::Summary summarize(Clock::duration elapsed, std::size_t rows, RateTable::Order order) {
    const std::lock_guard lock(mutex);
    return rates.summarize(elapsed, rows, order);
  }
  // Answers are shown with the next refresh. A router that does not allow the question, or knows no answer, shows nothing of it.
  void ask(Client& client, const RateTable::Summary& shown) {
    std::vector<std::string> addresses;
    for (const RateTable::Row& row : shown.busiest) addresses.push_back(row.address);
    static_cast<void>(sessions.ask(client, addresses));
    static_cast<void>(bridges.ask(client));
  }
};

}  // namespace

ExitCode run_monitor(const Invocation& call) {
  ClientFlags flags;
  SubscriptionFlags own;
  milliseconds interval{1'000};
  RateTable::Order order = RateTable::Order::rate;
  std::vector<options::Option> rows = subscription_rows(own);
  rows.push_back({.name = "interval",
                  .letter = 'i',
                  .value = "TIME",
                  .default_text = "1s",
                  .help = "How often it is shown.",
                  .apply = apply_duration(interval, milliseconds{100}, milliseconds{3'600'000})});
  rows.push_back({.name = "sort",
                  .value = "ORDER",
                  .default_text = "rate",
                  .help = "rate, total, address, or latest: the one heard last first.",
                  .apply = apply_choice(order, order_names)});
  const auto arguments = read_client_arguments(call, flags, std::move(rows));
  if (arguments.exit) return *arguments.exit;
  const std::string pattern = arguments.positional.empty() ? "/**" : arguments.positional[0];
  if (const auto valid = check_pattern(pattern); !valid) return usage_error(call, valid.error().message);

  Interrupts interrupts;
  interrupts.stop_when_closed(STDOUT_FILENO);
  Board board;
  Listening listening(call, interrupts);
  auto client = listening.connect(flags);
  if (!client) return report_connecting(call, client.error());
  const auto subscription = client->subscribe(pattern, [&board](const Delivery& delivery) { board.heard(delivery); }, own.options);
  if (!subscription) return report(call, subscription.error());
  for (const auto& listens : {board.sessions.listen(*client), board.bridges.listen(*client)}) {
    if (!listens) return report(call, listens.error());
  }

  Keys keys(find_screen() && !flags.json ? call.input : -1);
  const auto until = own.until();
  auto last = Clock::now();
  MonitorView view{.pattern = pattern};
  bool stopped = false;
  while (!stopped && !call.console.closed()) {
    const auto next = last + interval;
    const auto woken = interrupts.wait(until ? std::min(*until, next) : next, keys.descriptor());
    if (woken == Interrupts::Woken::readable) {
      const char key = keys.read();
      if (key == 's') order = static_cast<RateTable::Order>((static_cast<std::size_t>(order) + 1) % order_names.size());
      if (key != 'q') continue;
      break;
    }
    const auto now = Clock::now();
    stopped = woken == Interrupts::Woken::stopped || (until && now >= *until);
    const std::optional<ScreenSize> screen = flags.json ? std::nullopt : find_screen();
    view.sessions = board.sessions.view();
    board.bridges.forget_before(now - 5 * interval);
    view.bridges = board.bridges.rows();
    view.rates = board.summarize(now - last, screen ? address_rows(view, *screen) : 10, order);
    view.order = order_names[static_cast<std::size_t>(order)];
    view.now_us = unix_us_now();
    view.connected = listening.connected();
    last = now;
    if (flags.json) call.console.result(summary_json(view));
    else if (screen) call.console.text(screen_text(view, *screen));
    else call.console.result(summary_line(view));
    board.ask(*client, view.rates);
  }
  client->close();
  return listening.outcome();
}

}  // namespace clasp::cli
