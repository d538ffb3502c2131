#include "core/message.hpp"

#include <algorithm>
#include <type_traits>

#include "core/check.hpp"
#include "core/limits.hpp"

namespace clasp {
namespace {

static_assert(std::ranges::is_sorted(messages, {}, &MessageInfo::type));

// In the order of MessageBody's alternatives.
constexpr std::array types{
    MessageType::set,       MessageType::publish,     MessageType::get,      MessageType::ping,     MessageType::pong,
    MessageType::ack,       MessageType::hello,       MessageType::welcome,  MessageType::announce, MessageType::federation_sync,
    MessageType::subscribe, MessageType::unsubscribe, MessageType::snapshot, MessageType::replay,   MessageType::sync,
    MessageType::error,     MessageType::query,       MessageType::result,   MessageType::bundle};
static_assert(types.size() == std::variant_size_v<MessageBody>);

constexpr std::array<std::string_view, signal_type_count> signal_names{"param", "event", "stream", "gesture", "timeline"};
constexpr std::array<std::string_view, 4> phase_names{"start", "move", "end", "cancel"};
constexpr std::array<Qos, signal_type_count> signal_qos{Qos::confirm, Qos::confirm, Qos::fire, Qos::fire, Qos::commit};

template <typename Enum, std::size_t n>
std::optional<Enum> find_name(const std::array<std::string_view, n>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

}  // namespace

MessageType type_of(const Message& message) {
  CLASP_CHECK(message.body.index() < types.size());
  return types[message.body.index()];
}

const MessageInfo* find_message_info(MessageType type) {
  const auto row = std::ranges::lower_bound(messages, type, {}, &MessageInfo::type);
  return row != messages.end() && row->type == type ? &*row : nullptr;
}

std::string_view signal_name(SignalType type) { return signal_names.at(static_cast<std::size_t>(type)); }
std::optional<SignalType> find_signal_type(std::string_view name) { return find_name<SignalType>(signal_names, name); }
std::string_view phase_name(GesturePhase phase) { return phase_names.at(static_cast<std::size_t>(phase)); }
std::optional<GesturePhase> find_phase(std::string_view name) { return find_name<GesturePhase>(phase_names, name); }

Qos default_qos(SignalType type) { return signal_qos.at(static_cast<std::size_t>(type)); }

Qos default_qos(const Message& message) {
  if (const auto* publish = std::get_if<Publish>(&message.body)) return publish->signal ? default_qos(*publish->signal) : Qos::fire;
  const MessageInfo* info = find_message_info(type_of(message));
  CLASP_CHECK(info != nullptr);
  return info->qos;
}

// Bit 31 tells absolute from sliding. "Absolute, 0 s" is what senders of "never" write, so both zeros are never (wire format, section 22.8).
// Seconds beyond 31 bits saturate: masking them would turn 68 years into seconds.
std::uint32_t Ttl::to_wire() const {
  if (mode == Mode::never || seconds == 0) return 0;
  const std::uint32_t bounded = std::min(seconds, wire::ttl_seconds_max);
  return mode == Mode::absolute ? bounded | 0x8000'0000U : bounded;
}

Ttl Ttl::from_wire(std::uint32_t word) {
  const std::uint32_t seconds = word & wire::ttl_seconds_max;
  if (seconds == 0) return {};
  return {.mode = (word >> 31) != 0 ? Mode::absolute : Mode::sliding, .seconds = seconds};
}

}  // namespace clasp
