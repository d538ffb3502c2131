// Client: its life, its state and what it is told. One file for each other part: client_params.cpp, client_messages.cpp, client_bundles.cpp,
// client_subscriptions.cpp, client_signals.cpp, client_time.cpp.
#include "clasp/client.hpp"

#include <utility>

#include "client/client_impl.hpp"

namespace clasp {
inline namespace v0 {

using client::ClientImpl;
using client::ClientSession;

Client::Client(std::shared_ptr<ClientImpl> impl) : impl_(std::move(impl)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&& other) noexcept {
  if (this == &other) return *this;
  if (impl_) impl_->close();
  impl_ = std::move(other.impl_);
  return *this;
}
Client::~Client() {
  if (impl_) impl_->close();
}
void Client::close() { impl_->close(); }

bool Client::is_connected() const {
  return impl_->call([](ClientSession& session, Now) { return session.is_active(); });
}
std::string Client::session_id() const {
  return impl_->call([](ClientSession& session, Now) { return session.session_text(); });
}
std::string Client::server_name() const {
  return impl_->call([](ClientSession& session, Now) { return session.server_name(); });
}
std::vector<std::string> Client::server_features() const {
  const std::uint8_t bits = impl_->call([](ClientSession& session, Now) { return session.server_features(); });
  std::vector<std::string> names;
  for (const auto& [name, bit] : client::feature_bits) {
    if ((bits & bit) != 0) names.emplace_back(name);
  }
  return names;
}
std::optional<Error> Client::last_error() const {
  return impl_->call([](ClientSession& session, Now) { return session.last_error(); });
}
void Client::clear_error() {
  impl_->call([](ClientSession& session, Now) { session.clear_error(); });
}
ClientStats Client::stats() const { return impl_->stats(); }

void Client::on_connect(std::function<void()> callback) { impl_->add_callback(&client::ClientConfig::on_connect, std::move(callback)); }
void Client::on_disconnect(std::function<void(std::string_view)> callback) {
  impl_->add_callback(&client::ClientConfig::on_disconnect, std::move(callback));
}
void Client::on_error(std::function<void(const Error&)> callback) { impl_->add_callback(&client::ClientConfig::on_error, std::move(callback)); }
void Client::on_reconnect(std::function<void(std::uint32_t)> callback) {
  impl_->add_callback(&client::ClientConfig::on_reconnect, std::move(callback));
}
void Client::on_resume(std::function<void(bool, std::string_view)> callback) {
  impl_->add_callback(&client::ClientConfig::on_resume, std::move(callback));
}

}  // namespace v0
}  // namespace clasp
