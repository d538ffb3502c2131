// Subscription, and how Client makes one.
#include "clasp/client.hpp"

#include <utility>

#include "client/client_impl.hpp"

namespace clasp {
inline namespace v0 {

Subscription& Subscription::operator=(Subscription&& other) noexcept {
  if (this == &other) return *this;
  unsubscribe();
  client_ = std::move(other.client_);
  id_ = std::exchange(other.id_, 0);
  return *this;
}

void Subscription::unsubscribe() {
  const std::uint32_t id = release();
  if (id == 0) return;
  if (const auto impl = std::exchange(client_, {}).lock()) impl->unsubscribe(id);
}

std::uint32_t Subscription::release() { return std::exchange(id_, 0); }

Result<Subscription> Client::subscribe(std::string_view pattern, ValueCallback callback, const SubscriptionOptions& options) {
  if (!callback) return Error{ErrorCode::invalid_argument, "a subscription needs a callback", std::string(pattern)};
  return subscribe(
      pattern, DeliveryCallback([callback = std::move(callback)](const Delivery& delivery) { callback(delivery.value, delivery.address); }), options);
}

Result<Subscription> Client::subscribe(std::string_view pattern, DeliveryCallback callback, const SubscriptionOptions& options) {
  auto id = impl_->subscribe(pattern, std::move(callback), options);
  if (!id) return id.error();
  Subscription subscription;
  subscription.client_ = impl_;
  subscription.id_ = *id;
  return subscription;
}

void Client::unsubscribe(std::uint32_t id) { impl_->unsubscribe(id); }

}  // namespace v0
}  // namespace clasp
