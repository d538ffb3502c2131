// Client: params, written and read.
#include "clasp/client.hpp"

#include <chrono>
#include <optional>
#include <utility>

#include "client/arguments.hpp"
#include "client/client_impl.hpp"

namespace clasp {
inline namespace v0 {

using client::Answer;
using client::ClientImpl;
using client::ClientSession;
using client::Ticket;
using client::find_fault;
using client::to_confirmation;
using client::to_ttl;

namespace {

Set to_set(std::string_view address, const EncodedValue& value, const SetOptions& options) {
  return {.address = address,
          .value = value.view(),
          .revision = options.expected_revision,
          .ttl = to_ttl(options.lifetime),
          .lock = options.lock,
          .unlock = options.unlock};
}

Param to_param(const Answer& answer) {
  Param param;
  if (answer.value) param.value = to_value(*answer.value);
  param.revision = answer.revision;
  param.writer = answer.writer;
  if (answer.timestamp) param.timestamp_us = answer.timestamp->us;
  param.stale = answer.stale;
  return param;
}

}  // namespace

Result<void> Client::set(std::string_view address, const Value& value, const SetOptions& options) {
  const EncodedValue encoded(value);
  if (auto fault = find_fault(address, &encoded)) return *fault;
  if (auto fault = find_fault(address, options)) return *fault;
  return impl_->call([&](ClientSession& session, Now now) { return session.set(to_set(address, encoded, options), now); });
}

Result<void> Client::set_locked(std::string_view address, const Value& value) {
  return set(address, value, {.lock = true, .lifetime = {}, .expected_revision = {}});
}
Result<void> Client::set_unlocked(std::string_view address, const Value& value) {
  return set(address, value, {.unlock = true, .lifetime = {}, .expected_revision = {}});
}
Result<void> Client::set_with_ttl(std::string_view address, const Value& value, Lifetime lifetime) {
  return set(address, value, {.lifetime = lifetime, .expected_revision = {}});
}

Result<Confirmation> Client::set_confirmed(std::string_view address, const Value& value, const SetOptions& options,
                                           std::chrono::milliseconds timeout) {
  const EncodedValue encoded(value);
  if (auto fault = find_fault(address, &encoded)) return *fault;
  if (auto fault = find_fault(address, options)) return *fault;
  return impl_->wait<Confirmation>(
      timeout,
      [&](ClientSession& session, Ticket ticket, SteadyTime deadline, Now now) {
        return session.set_confirmed(to_set(address, encoded, options), ticket, deadline, now);
      },
      to_confirmation);
}

void Client::set_confirmed(std::string_view address, const Value& value, const SetOptions& options, std::chrono::milliseconds timeout,
                           Then<Confirmation> then) {
  const EncodedValue encoded(value);
  auto fault = find_fault(address, &encoded);
  if (!fault) fault = find_fault(address, options);
  impl_->later<Confirmation>(
      timeout, std::move(then),
      [&](ClientSession& session, Ticket ticket, SteadyTime deadline, Now now) -> Result<void> {
        if (fault) return *fault;
        return session.set_confirmed(to_set(address, encoded, options), ticket, deadline, now);
      },
      to_confirmation);
}

namespace {

Result<Param> get_and_wait(ClientImpl& impl, std::string_view address, std::chrono::milliseconds timeout, std::chrono::milliseconds age_max,
                           bool fresh) {
  if (auto fault = find_fault(address)) return *fault;
  return impl.wait<Param>(
      timeout,
      [&](ClientSession& session, Ticket ticket, SteadyTime deadline, Now now) {
        return session.get(address, std::chrono::duration_cast<Micros>(age_max), fresh, ticket, deadline, now);
      },
      to_param);
}

}  // namespace

Result<Value> Client::get(std::string_view address, const GetOptions& options) {
  auto param = get_param(address, options);
  if (!param) return param.error();
  return std::move(param->value);
}
Result<Param> Client::get_param(std::string_view address, const GetOptions& options) {
  return get_and_wait(*impl_, address, options.timeout, options.age_max, false);
}
Result<Param> Client::get_fresh(std::string_view address, std::chrono::milliseconds timeout) {
  return get_and_wait(*impl_, address, timeout, std::chrono::milliseconds(0), true);
}

void Client::get_async(std::string_view address, const GetOptions& options, Then<Param> then) {
  const auto fault = find_fault(address);
  impl_->later<Param>(
      options.timeout, std::move(then),
      [&](ClientSession& session, Ticket ticket, SteadyTime deadline, Now now) -> Result<void> {
        if (fault) return *fault;
        return session.get(address, std::chrono::duration_cast<Micros>(options.age_max), false, ticket, deadline, now);
      },
      to_param);
}

std::optional<Value> Client::cached(std::string_view address) const {
  auto param = cached_param(address);
  if (!param) return std::nullopt;
  return std::move(param->value);
}

std::optional<Param> Client::cached_param(std::string_view address) const {
  return impl_->call([&](ClientSession& session, Now) -> std::optional<Param> {
    const client::CachedParam* known = session.cache().find(address);
    if (known == nullptr) return std::nullopt;
    Param param{.value = to_value(known->view()), .revision = known->revision, .writer = known->writer, .timestamp_us = {}};
    if (known->timestamp) param.timestamp_us = known->timestamp->us;
    param.stale = !session.is_active() || session.cache().is_stale(*known);
    return param;
  });
}

}  // namespace v0
}  // namespace clasp
