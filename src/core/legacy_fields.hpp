// Names and numbers of the MessagePack form (wire format, section 7). Internal to the legacy decoder.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/message.hpp"

namespace clasp::legacy {

// Every key that means something in some message, sorted by name. `loop_`, with the underscore, is what the reference writes in timelines;
// `loop` and `startTime` are the spelling of JavaScript peers (section 22.4).
enum class Field : std::uint8_t {
  access,
  address,
  bezier,
  capabilities,
  code,
  compression,
  correlation_id,
  datatype,
  default_value,
  description,
  duration,
  easing,
  encryption,
  epsilon,
  features,
  from,
  history,
  holder,
  id,
  keyframes,
  limit,
  lock,
  locked,
  loop,
  loop_,
  max_rate,
  message,
  messages,
  meta,
  name,
  ns,
  op,
  options,
  origin,
  params,
  pattern,
  patterns,
  payload,
  phase,
  range,
  rate,
  revision,
  revisions,
  samples,
  session,
  signal,
  signals,
  since_revision,
  start_time_js,
  start_time,
  t1,
  t2,
  t3,
  time,
  timeline,
  timestamp,
  to,
  token,
  ttl,
  type,
  types,
  unit,
  unlock,
  value,
  version,
  window,
  writer,
};
inline constexpr std::array<std::string_view, static_cast<std::size_t>(Field::writer) + 1> field_names{
    "access",    "address",     "bezier",    "capabilities", "code",       "compression", "correlation_id", "datatype",
    "default",   "description", "duration",  "easing",       "encryption", "epsilon",     "features",       "from",
    "history",   "holder",      "id",        "keyframes",    "limit",      "lock",        "locked",         "loop",
    "loop_",     "max_rate",    "message",   "messages",     "meta",       "name",        "namespace",      "op",
    "options",   "origin",      "params",    "pattern",      "patterns",   "payload",     "phase",          "range",
    "rate",      "revision",    "revisions", "samples",      "session",    "signal",      "signals",        "since_revision",
    "startTime", "start_time",  "t1",        "t2",           "t3",         "time",        "timeline",       "timestamp",
    "to",        "token",       "ttl",       "type",         "types",      "unit",        "unlock",         "value",
    "version",   "window",      "writer"};
static_assert(std::ranges::is_sorted(field_names));

inline std::optional<Field> find_field(std::string_view name) {
  const auto found = std::ranges::lower_bound(field_names, name);
  if (found == field_names.end() || *found != name) return std::nullopt;
  return static_cast<Field>(found - field_names.begin());
}

// `type` as an integer below this list's size is a position in it; from `message_code_min` on it is a message code.
inline constexpr std::array type_positions{
    MessageType::hello, MessageType::welcome, MessageType::announce, MessageType::subscribe, MessageType::unsubscribe,     MessageType::publish,
    MessageType::set,   MessageType::get,     MessageType::snapshot, MessageType::replay,    MessageType::federation_sync, MessageType::bundle,
    MessageType::sync,  MessageType::ping,    MessageType::pong,     MessageType::ack,       MessageType::error,           MessageType::query,
    MessageType::result};
inline constexpr std::uint64_t message_code_min = 0x20;
static_assert(type_positions.size() == messages.size() && type_positions.size() <= message_code_min);

struct FeatureName {
  std::string_view name;
  std::uint8_t bit;
};
inline constexpr std::array feature_names{
    FeatureName{"param", feature::param},     FeatureName{"event", feature::event},       FeatureName{"stream", feature::stream},
    FeatureName{"gesture", feature::gesture}, FeatureName{"timeline", feature::timeline}, FeatureName{"federation", feature::federation},
};
inline std::uint8_t feature_bit(std::string_view name) {  // 0 for names we do not know
  const auto row = std::ranges::find(feature_names, name, &FeatureName::name);
  return row != feature_names.end() ? row->bit : std::uint8_t{0};
}

struct FederationOpName {
  std::string_view name;
  FederationOp op;
};
inline constexpr std::array federation_op_names{
    FederationOpName{"DeclareNamespaces", FederationOp::declare_namespaces},
    FederationOpName{"RequestSync", FederationOp::request_sync},
    FederationOpName{"RevisionVector", FederationOp::revision_vector},
    FederationOpName{"SyncComplete", FederationOp::sync_complete},
};

struct TtlModeName {
  std::string_view name;
  Ttl::Mode mode;
};
inline constexpr std::array ttl_mode_names{TtlModeName{"Sliding", Ttl::Mode::sliding}, TtlModeName{"Absolute", Ttl::Mode::absolute}};
inline constexpr std::string_view ttl_never_name = "Never";

}  // namespace clasp::legacy
