// A router inside a program, and a client of it in the same program.
#include <clasp/client.hpp>
#include <clasp/embed.hpp>

#include <iostream>

int main() {
  auto router = clasp::EmbeddedRouter::start({"--listen", "127.0.0.1:0"});
  if (!router) {
    std::cerr << router.error().message << '\n';
    return 1;
  }
  if (!router->set("/lights/1/dim", 0.5)) return 1;
  const auto watching = router->on("/lights/**", [](const clasp::Value& value, std::string_view address) { std::cout << address << " is now " << to_json(value) << '\n'; });
  if (!watching) return 1;

  auto client = clasp::Client::builder("ws://127.0.0.1:" + std::to_string(router->port())).name("example").connect();
  if (!client) {
    std::cerr << client.error().message << '\n';
    return 1;
  }
  const auto dim = client->get("/lights/1/dim");
  if (!dim || *dim != clasp::Value(0.5)) return 1;
  const auto written = client->set_confirmed("/lights/1/dim", 0.8);
  if (!written || router->get("/lights/1/dim") != clasp::Value(0.8)) return 1;
  std::cout << "revision " << written->revision << '\n';
}
