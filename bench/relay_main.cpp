// clasp_relay_bench [PORT]: the relay on its own, for measuring with other load generators.
#include <fmt/format.h>
#include <sys/resource.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "bench/relay.hpp"

int main(int argc, char** argv) {
  std::uint16_t port = 0;
  if (argc > 1) {
    const std::string_view text = argv[1];
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (argc > 2 || error != std::errc{} || end != text.data() + text.size()) {
      fmt::print(stderr, "usage: clasp_relay_bench [PORT]\n");
      return 2;
    }
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  const int error = clasp::bench::run_relay(port, [](std::uint16_t bound) {
    fmt::print("relay is ready: 127.0.0.1:{}\n", bound);
    std::fflush(stdout);
  });
  fmt::print(stderr, "clasp_relay_bench: {}\n", std::strerror(error));
  return 1;
}
