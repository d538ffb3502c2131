// An OSC datagram through the whole bridge: whatever it says, nothing is read past its end, every value is valid CLASP, what fits a CLASP frame
// comes back out of the encoder as the decoder reads it, and no bundle is larger than a frame.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "bridge/osc/osc_bridge.hpp"
#include "core/address.hpp"
#include "core/check.hpp"
#include "core/codec.hpp"
#include "core/limits.hpp"

namespace {

using namespace clasp;
using namespace clasp::bridge;
using namespace clasp::bridge::osc;

// A router that checks what it is told and delivers every write to everybody at once, as a session in the same process does.
class CheckingLink final : public RouterLink {
 public:
  void open(const BridgeIdentity&, std::span<const std::string>, bool, RouterLinkListener& listener) override { listener_ = &listener; }
  void close() override {}
  void set(std::string_view address, const ValueView& value, PeerTag peer) override {
    Set set;
    set.address = address;
    set.value = value;
    check({set});
    deliver(address, value, peer);
  }
  void publish(const Publish& publish, PeerTag peer) override {
    check({publish});
    deliver(publish.address, *publish.value, peer);
  }
  void bundle(std::span<const Message> messages, std::optional<UnixTime> at, PeerTag peer) override {
    Bundle bundle;
    bundle.timestamp = at;
    bundle.messages.assign(messages.begin(), messages.end());
    check({bundle});
    for (const Message& message : messages) {
      if (const Set* set = std::get_if<Set>(&message.body)) deliver(set->address, set->value, peer);
    }
  }

 private:
  void check(const Message& message) {
    frame_.clear();
    CLASP_CHECK(append_frame(frame_, message));  // fits
    const auto frame = decode_frame(frame_.view());
    CLASP_CHECK(frame.has_value());
    Decoder decoder;
    CLASP_CHECK(decoder.decode(frame->payload).has_value());  // and says what the protocol allows
  }
  void deliver(std::string_view address, const ValueView& value, PeerTag peer) {
    CLASP_CHECK(!check_address(address));
    LinkDelivery delivery;
    delivery.address = address;
    delivery.value = value;
    delivery.own = true;
    delivery.peer = peer;
    listener_->delivered(delivery);
  }
  RouterLinkListener* listener_ = nullptr;
  ByteBuffer frame_;
};

class CheckingSink final : public DatagramSink, public OscLog {
 public:
  bool send(Bytes packet, const Endpoint&) override {
    OscDecoder decoder;
    decoder.decode(packet);
    CLASP_CHECK(decoder.faults().malformed == 0 && decoder.faults().unknown_tag == 0);
    return true;
  }
  SteadyTime now() const override { return {1'000'000}; }
  void deadline_changed() override {}
  void line(std::string_view) override {}
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t choice = data[0];
  const auto exact = std::make_unique<std::byte[]>(size - 1);  // without a byte to spare: the sanitizer sees the first one read past the end
  std::copy_n(reinterpret_cast<const std::byte*>(data) + 1, size - 1, exact.get());

  OscConfig config;
  config.dispatch_patterns = (choice & 1) != 0;
  config.encoding.nested_arrays = (choice & 2) != 0;
  config.encoding.null_as_nil = (choice & 4) != 0;
  if ((choice & 8) != 0) config.kinds = {{*Pattern::parse("/osc/**"), MessageKind::stream}};
  if ((choice & 16) != 0) config.rate_hz_max = 10;
  CheckingLink link;
  CheckingSink sink;
  const auto bridge = std::make_unique<OscBridge>(link, std::move(config), sink, sink);
  bridge->start();
  const Now now{.steady = {1'000'000}, .unix_time = {1'767'225'600'000'000}, .received = {1'767'225'600'000'000}};
  const std::string hello("/hello\0\0,\0\0\0", 12);
  bridge->datagram(as_bytes(hello), Endpoint::ipv4({127, 0, 0, 1}, 1), now);  // somebody to send to
  bridge->datagram({exact.get(), size - 1}, Endpoint::ipv4({127, 0, 0, 1}, 2), now);
  bridge->advance({.steady = {2'000'000}, .unix_time = now.unix_time, .received = now.received});
  return 0;
}
