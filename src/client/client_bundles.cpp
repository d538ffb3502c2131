// Batch, and what Client does with one.
#include "clasp/client.hpp"

#include <utility>

#include "client/arguments.hpp"
#include "client/client_impl.hpp"

namespace clasp {
inline namespace v0 {

using client::BatchEntry;
using client::BatchImpl;
using client::ClientSession;
using client::Ticket;
using client::find_fault;
using client::to_confirmation;

Batch::Batch() : impl_(std::make_unique<BatchImpl>()) {}
Batch::Batch(Batch&&) noexcept = default;
Batch& Batch::operator=(Batch&&) noexcept = default;
Batch::~Batch() = default;

namespace {

void add_entry(BatchImpl& batch, BatchEntry entry) {
  auto fault = find_fault(entry.address, &entry.value);
  if (!fault) fault = find_fault(entry.address, entry.options);
  if (!fault && batch.entries.size() >= 65'535) fault = Error{ErrorCode::invalid_argument, "a bundle holds 65535 entries at most", {}};
  if (!fault) {
    batch.entries.push_back(std::move(entry));
  } else if (!batch.error) {
    batch.error = std::move(fault);
  }
}

}  // namespace

Batch& Batch::set(std::string_view address, const Value& value, const SetOptions& options) {
  add_entry(*impl_, {.is_set = true, .address = std::string(address), .value = EncodedValue(value), .options = options});
  return *this;
}
Batch& Batch::emit(std::string_view address, const Value& payload) {
  add_entry(*impl_, {.is_set = false, .address = std::string(address), .value = EncodedValue(payload), .options = {}, .signal = SignalType::event});
  return *this;
}
Batch& Batch::stream(std::string_view address, const Value& value) {
  add_entry(*impl_, {.is_set = false, .address = std::string(address), .value = EncodedValue(value), .options = {}, .signal = SignalType::stream});
  return *this;
}
std::size_t Batch::size() const { return impl_->entries.size(); }

Result<void> Client::bundle(const Batch& batch) {
  return impl_->call([&](ClientSession& session, Now now) { return impl_->send_batch(session, batch, {}, Ticket::none, {}, now); });
}
Result<void> Client::bundle_at(const Batch& batch, std::uint64_t time_us) {
  return impl_->call([&](ClientSession& session, Now now) { return impl_->send_batch(session, batch, time_us, Ticket::none, {}, now); });
}
Result<Confirmation> Client::bundle_confirmed(const Batch& batch, std::optional<std::uint64_t> time_us, std::chrono::milliseconds timeout) {
  return impl_->wait<Confirmation>(
      timeout,
      [&](ClientSession& session, Ticket ticket, SteadyTime deadline, Now now) {
        return impl_->send_batch(session, batch, time_us, ticket, deadline, now);
      },
      to_confirmation);
}

}  // namespace v0
}  // namespace clasp
