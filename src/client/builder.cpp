#include <algorithm>
#include <utility>

#include "clasp/client.hpp"
#include "client/client_impl.hpp"

namespace clasp {
inline namespace v0 {

using client::ClientImpl;

namespace {

Micros micros(std::chrono::milliseconds time) { return std::chrono::duration_cast<Micros>(time); }

}  // namespace

struct Client::Builder::Options {
  std::string url;
  client::ClientConfig config;
};

Client::Builder Client::builder(std::string url) { return Builder(std::move(url)); }
Client::Builder::Builder(std::string url) : options_(new Options{std::move(url), {}}) {}
Client::Builder::Builder(Builder&&) noexcept = default;
Client::Builder& Client::Builder::operator=(Builder&&) noexcept = default;
Client::Builder::~Builder() = default;

Client::Builder& Client::Builder::name(std::string name) {
  options_->config.session.name = std::move(name);
  return *this;
}
Client::Builder& Client::Builder::features(std::vector<std::string> names) {
  std::uint8_t bits = 0;
  for (const std::string& wanted : names) {
    for (const auto& [name, bit] : client::feature_bits) bits = static_cast<std::uint8_t>(bits | (wanted == name ? bit : 0));
  }
  options_->config.session.features = bits;
  return *this;
}
Client::Builder& Client::Builder::token(std::string token) {
  options_->config.session.token = std::move(token);
  return *this;
}
Client::Builder& Client::Builder::reconnect(bool enabled) {
  options_->config.session.reconnect = enabled;
  return *this;
}
Client::Builder& Client::Builder::reconnect_interval(std::chrono::milliseconds first) {
  options_->config.session.backoff.first = std::max(micros(first), Micros{1'000});
  return *this;
}
Client::Builder& Client::Builder::max_reconnect_attempts(std::uint32_t attempts) {
  options_->config.session.backoff.attempts_max = attempts;
  return *this;
}
Client::Builder& Client::Builder::connect_timeout(std::chrono::milliseconds time) {
  options_->config.session.connect_timeout = micros(time);
  return *this;
}
Client::Builder& Client::Builder::resume(bool wanted) {
  options_->config.session.resume = wanted;
  return *this;
}
Client::Builder& Client::Builder::snapshot(bool wanted) {
  options_->config.session.snapshot = wanted;
  return *this;
}
Client::Builder& Client::Builder::acknowledge(bool wanted) {
  options_->config.session.acknowledge = wanted;
  return *this;
}
Client::Builder& Client::Builder::clock_sync(bool enabled) {
  options_->config.session.clock_sync = enabled;
  return *this;
}
Client::Builder& Client::Builder::offline_params(std::size_t addresses_max) {
  options_->config.session.offline_params_max = addresses_max;
  return *this;
}
Client::Builder& Client::Builder::cache_max(std::size_t params) {
  options_->config.session.cache_entries_max = params;
  return *this;
}
Client::Builder& Client::Builder::outgoing_bytes_max(std::size_t bytes) {
  options_->config.session.output_bytes_max = bytes;
  return *this;
}
Client::Builder& Client::Builder::executor(Executor executor) {
  options_->config.executor = std::move(executor);
  return *this;
}
Client::Builder& Client::Builder::on_connect(std::function<void()> callback) {
  options_->config.on_connect.push_back(std::move(callback));
  return *this;
}
Client::Builder& Client::Builder::on_disconnect(std::function<void(std::string_view)> callback) {
  options_->config.on_disconnect.push_back(std::move(callback));
  return *this;
}
Client::Builder& Client::Builder::on_error(std::function<void(const Error&)> callback) {
  options_->config.on_error.push_back(std::move(callback));
  return *this;
}
Client::Builder& Client::Builder::on_reconnect(std::function<void(std::uint32_t)> callback) {
  options_->config.on_reconnect.push_back(std::move(callback));
  return *this;
}
Client::Builder& Client::Builder::on_resume(std::function<void(bool, std::string_view)> callback) {
  options_->config.on_resume.push_back(std::move(callback));
  return *this;
}

Result<Client> Client::Builder::connect() {
  auto endpoint = client::parse_url(options_->url);
  if (!endpoint) return endpoint.error();
  const auto impl = std::make_shared<ClientImpl>(options_->config);
  Client client(impl);  // closes on the way out if the connection fails
  if (auto started = impl->start(*endpoint); !started) return started.error();
  return client;
}

std::future<Result<Client>> Client::Builder::connect_async() {
  auto copy = std::make_shared<Builder>(options_->url);
  copy->options_->config = options_->config;
  return std::async(std::launch::async, [copy] { return copy->connect(); });
}

}  // namespace v0
}  // namespace clasp
