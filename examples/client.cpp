// A client: sets a value, hears it back, ends. Usage: example_client [URL]
#include <clasp/client.hpp>

#include <future>
#include <iostream>

int main(int argc, char** argv) {
  auto client = clasp::Client::builder(argc > 1 ? argv[1] : "ws://localhost:7330").name("example").connect();
  if (!client) {
    std::cerr << client.error().message << '\n';
    return 1;
  }
  std::promise<double> heard;
  auto subscription = client->subscribe("/example/*", [&](const clasp::Value& value, std::string_view address) {
    std::cout << address << " = " << to_json(value) << '\n';
    heard.set_value(value.as_number().value_or(0));
  });
  if (!subscription || !client->set("/example/level", 0.25)) return 1;
  const double level = heard.get_future().get();
  client->close();
  return level == 0.25 ? 0 : 1;
}
