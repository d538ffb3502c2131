// Client: messages without state: events, streams, gestures, timelines.
#include "clasp/client.hpp"

#include <bit>

#include "client/arguments.hpp"
#include "client/client_impl.hpp"

namespace clasp {
inline namespace v0 {

using client::ClientImpl;
using client::ClientSession;
using client::find_fault;

namespace {

// Sends one PUBLISH that carries the router's time.
Result<void> publish_now(ClientImpl& impl, Publish publish) {
  return impl.call([&](ClientSession& session, Now now) {
    publish.timestamp = session.clock().to_server(now.unix_time);
    return session.publish(publish, now);
  });
}

Publish empty_publish(std::string_view address, SignalType signal) {
  return {.address = address, .signal = signal, .value = {}, .samples = {}, .timestamp = {}, .id = {}, .rate = {}};
}

}  // namespace

Result<void> Client::emit(std::string_view address, const Value& payload) {
  const EncodedValue encoded(payload);
  if (auto fault = find_fault(address, &encoded)) return *fault;
  Publish publish = empty_publish(address, SignalType::event);
  publish.value = encoded.view();
  return publish_now(*impl_, publish);
}

Result<void> Client::stream(std::string_view address, const Value& value) {
  const EncodedValue encoded(value);
  if (auto fault = find_fault(address, &encoded)) return *fault;
  Publish publish = empty_publish(address, SignalType::stream);
  publish.value = encoded.view();
  return publish_now(*impl_, publish);
}

Result<void> Client::stream_samples(std::string_view address, const std::vector<double>& samples, std::optional<std::uint32_t> rate_hz) {
  if (auto fault = find_fault(address)) return *fault;
  ByteBuffer bytes;
  for (const double sample : samples) bytes.u64(std::bit_cast<std::uint64_t>(sample));
  Publish publish = empty_publish(address, SignalType::stream);
  publish.samples = bytes.view();
  publish.rate = rate_hz;
  return publish_now(*impl_, publish);
}

Result<void> Client::gesture(std::string_view address, std::uint32_t id, Phase phase, const Value& payload) {
  const EncodedValue encoded(payload);
  if (auto fault = find_fault(address, &encoded)) return *fault;
  if (phase > Phase::cancel) return Error{ErrorCode::invalid_argument, "no such gesture phase", std::string(address)};
  Publish publish = empty_publish(address, SignalType::gesture);
  publish.phase = static_cast<GesturePhase>(phase);
  publish.id = id;
  publish.value = encoded.view();
  return publish_now(*impl_, publish);
}

Result<void> Client::timeline(std::string_view address, const Timeline& timeline) {
  const EncodedValue encoded(to_value(timeline));
  if (auto fault = find_fault(address, &encoded)) return *fault;
  Publish publish = empty_publish(address, SignalType::timeline);
  publish.value = encoded.view();
  return publish_now(*impl_, publish);
}

}  // namespace v0
}  // namespace clasp
