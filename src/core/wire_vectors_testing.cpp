#include "core/wire_vectors_testing.hpp"

#include <fmt/format.h>

#include <bit>
#include <fstream>
#include <map>

namespace clasp::testing {
namespace {

constexpr std::array feature_bits{std::pair{feature::param, "param"},       std::pair{feature::event, "event"},
                                  std::pair{feature::stream, "stream"},     std::pair{feature::gesture, "gesture"},
                                  std::pair{feature::timeline, "timeline"}, std::pair{feature::federation, "federation"}};

std::string number_text(std::uint64_t number) { return std::to_string(number); }

Json float_json(double number) { return {{"bits", fmt::format("{:016x}", std::bit_cast<std::uint64_t>(number))}}; }

// Walks canonical bytes on its own account, so that a mistake of to_value() does not hide one of the decoder.
Json take_value(ValueTag tag, Bytes& in) {
  const auto take = [&](std::size_t bytes) {
    const Bytes taken = in.first(bytes);
    in = in.subspan(bytes);
    return taken;
  };
  const auto take_u16 = [&] { return std::size_t{load_be<std::uint16_t>(take(2).data())}; };
  switch (tag) {
    case ValueTag::null: return nullptr;
    case ValueTag::boolean: return take(1)[0] != std::byte{0};
    case ValueTag::i64: return {{"int", std::to_string(static_cast<std::int64_t>(load_be<std::uint64_t>(take(8).data())))}};
    case ValueTag::f64: return float_json(std::bit_cast<double>(load_be<std::uint64_t>(take(8).data())));
    case ValueTag::string: return std::string(as_text(take(take_u16())));
    case ValueTag::bytes: return {{"bytes", to_hex(take(take_u16()))}};
    case ValueTag::array: {
      Json items = Json::array();
      for (std::size_t left = take_u16(); left > 0; --left) items.push_back(take_value(static_cast<ValueTag>(take(1)[0]), in));
      return items;
    }
    case ValueTag::map: {
      std::map<std::string, Json> entries;  // sorted by key, the last of equal ones wins
      for (std::size_t left = take_u16(); left > 0; --left) {
        const std::string key(as_text(take(take_u16())));
        entries[key] = take_value(static_cast<ValueTag>(take(1)[0]), in);
      }
      Json pairs = Json::array();
      for (auto& [key, value] : entries) pairs.push_back(Json::array({key, value}));
      return {{"map", pairs}};
    }
    default: ADD_FAILURE() << "tag " << static_cast<int>(tag) << " is not canonical"; return nullptr;
  }
}

Json features_json(std::uint8_t features) {
  Json names = Json::array();
  for (const auto& [bit, name] : feature_bits) {
    if (features & bit) names.push_back(name);
  }
  return names;
}

Json types_json(TypeMask types) {
  Json names = Json::array();
  if (types == TypeMask::all()) return names;
  for (std::size_t i = 0; i < signal_type_count; ++i) {
    if (types.has(static_cast<SignalType>(i))) names.push_back(signal_name(static_cast<SignalType>(i)));
  }
  return names;
}

Json block_json(const std::vector<BlockEntry>& block) {
  Json entries = Json::array();
  for (const auto& [key, value] : block) entries.push_back(Json::array({key, to_json(value)}));
  return entries;
}

Json signals_json(const std::vector<SignalDefinition>& signals) {
  Json rows = Json::array();
  for (const SignalDefinition& signal : signals) {
    Json row{{"address", signal.address}, {"type", signal_name(signal.type)}};
    if (signal.datatype) row["datatype"] = *signal.datatype;
    if (signal.access) row["access"] = *signal.access;
    if (signal.meta) {
      Json meta = Json::object();
      if (signal.meta->unit) meta["unit"] = *signal.meta->unit;
      if (signal.meta->range) meta["range"] = Json::array({float_json(signal.meta->range->first), float_json(signal.meta->range->second)});
      if (signal.meta->default_value) meta["default"] = to_json(*signal.meta->default_value);
      if (signal.meta->description) meta["description"] = *signal.meta->description;
      row["meta"] = meta;
    }
    rows.push_back(row);
  }
  return rows;
}

void fill(Json& out, const Hello& hello) {
  out["version"] = hello.version;
  out["features"] = hello.legacy_features.empty() ? features_json(hello.features) : Json(hello.legacy_features);
  out["name"] = hello.name;
  if (!hello.token.empty()) out["token"] = hello.token;
  if (!hello.block.empty()) out["block"] = block_json(hello.block);
}
void fill(Json& out, const Welcome& welcome) {
  out["version"] = welcome.version;
  out["features"] = features_json(welcome.features);
  out["time"] = number_text(welcome.time.us);
  out["session"] = welcome.session;
  out["name"] = welcome.name;
  if (!welcome.token.empty()) out["token"] = welcome.token;
  if (!welcome.block.empty()) out["block"] = block_json(welcome.block);
}
void fill(Json& out, const Announce& announce) {
  out["namespace"] = announce.ns;
  out["signals"] = signals_json(announce.signals);
  if (announce.meta) out["meta"] = to_json(*announce.meta);
}
void fill(Json& out, const QueryResult& result) { out["signals"] = signals_json(result.signals); }
void fill(Json& out, const FederationSync& sync) {
  constexpr std::array names{"", "DeclareNamespaces", "RequestSync", "RevisionVector", "SyncComplete"};
  out["op"] = names.at(static_cast<std::size_t>(sync.op));
  out["patterns"] = sync.patterns;
  out["revisions"] = Json::array();
  for (const auto& [address, revision] : sync.revisions) out["revisions"].push_back(Json::array({address, number_text(revision)}));
  if (sync.since_revision) out["since_revision"] = number_text(*sync.since_revision);
  if (sync.origin) out["origin"] = *sync.origin;
}
void fill(Json& out, const Subscribe& subscribe) {
  out["id"] = subscribe.id;
  out["pattern"] = subscribe.pattern;
  out["types"] = types_json(subscribe.types);
  if (!subscribe.options) return;
  Json options = Json::object();
  if (subscribe.options->max_rate) options["max_rate"] = *subscribe.options->max_rate;
  if (subscribe.options->epsilon) options["epsilon"] = float_json(*subscribe.options->epsilon);
  if (subscribe.options->history) options["history"] = *subscribe.options->history;
  if (subscribe.options->window) options["window"] = *subscribe.options->window;
  out["options"] = options;
}
void fill(Json& out, const Unsubscribe& unsubscribe) { out["id"] = unsubscribe.id; }
void fill(Json& out, const Publish& publish) {
  out["address"] = publish.address;
  if (publish.signal) out["signal"] = signal_name(*publish.signal);
  if (publish.value) out["value"] = to_json(*publish.value);
  if (publish.samples) {
    out["samples"] = Json::array();
    for (std::size_t at = 0; at < publish.samples->size(); at += 8) {
      out["samples"].push_back(float_json(std::bit_cast<double>(load_be<std::uint64_t>(publish.samples->data() + at))));
    }
  }
  if (publish.timestamp) out["timestamp"] = number_text(publish.timestamp->us);
  if (publish.id) out["id"] = *publish.id;
  if (publish.rate) out["rate"] = *publish.rate;
  out["phase"] = phase_name(publish.phase);
}
void fill(Json& out, const Set& set) {
  constexpr std::array modes{"never", "sliding", "absolute"};
  out["address"] = set.address;
  out["value"] = to_json(set.value);
  if (set.revision) out["revision"] = number_text(*set.revision);
  out["lock"] = set.lock;
  out["unlock"] = set.unlock;
  if (!set.ttl) return;
  out["ttl"]["mode"] = modes.at(static_cast<std::size_t>(set.ttl->mode));
  if (set.ttl->mode != Ttl::Mode::never) out["ttl"]["secs"] = set.ttl->seconds;
}
void fill(Json& out, const Get& get) { out["address"] = get.address; }
void fill(Json& out, const Snapshot& snapshot) {
  out["params"] = Json::array();
  for (const SnapshotParam& param : snapshot.params) {
    Json row{{"address", param.address}, {"value", to_json(param.value)}, {"revision", number_text(param.revision)}};
    if (param.writer) row["writer"] = *param.writer;
    if (param.timestamp) row["timestamp"] = number_text(param.timestamp->us);
    out["params"].push_back(row);
  }
}
void fill(Json& out, const Replay& replay) {
  out["pattern"] = replay.pattern;
  if (replay.from) out["from"] = number_text(replay.from->us);
  if (replay.to) out["to"] = number_text(replay.to->us);
  if (replay.limit) out["limit"] = *replay.limit;
  out["types"] = types_json(replay.types);
}
void fill(Json& out, const Bundle& bundle) {
  if (bundle.timestamp) out["timestamp"] = number_text(bundle.timestamp->us);
  out["messages"] = Json::array();
  for (const Message& message : bundle.messages) out["messages"].push_back(to_json(message));
}
void fill(Json& out, const Sync& sync) {
  out["t1"] = number_text(sync.t1);
  if (sync.t2) out["t2"] = number_text(*sync.t2);
  if (sync.t3) out["t3"] = number_text(*sync.t3);
}
void fill(Json&, const Ping&) {}
void fill(Json&, const Pong&) {}
void fill(Json& out, const Ack& ack) {
  if (ack.address) out["address"] = *ack.address;
  if (ack.revision) out["revision"] = number_text(*ack.revision);
  if (ack.locked) out["locked"] = *ack.locked;
  if (ack.holder) out["holder"] = *ack.holder;
  if (ack.correlation_id) out["correlation_id"] = *ack.correlation_id;
}
void fill(Json& out, const ErrorReply& error) {
  out["code"] = error.code;
  out["message"] = error.message;
  if (error.address) out["address"] = *error.address;
  if (error.correlation_id) out["correlation_id"] = *error.correlation_id;
}
void fill(Json& out, const Query& query) { out["pattern"] = query.pattern; }

// Sorted keys, and no rendering of a float beside its bits.
nlohmann::json plain(const Json& json) {
  if (json.is_array()) {
    nlohmann::json items = nlohmann::json::array();
    for (const Json& item : json) items.push_back(plain(item));
    return items;
  }
  if (!json.is_object()) return nlohmann::json(json);
  nlohmann::json object = nlohmann::json::object();
  for (const auto& [key, item] : json.items()) {
    if (key != "float" || !json.contains("bits")) object[key] = plain(item);
  }
  return object;
}

void normalise(nlohmann::json& message) {
  const std::string type = message["type"];
  if (message.contains("types") && message["types"].size() == signal_type_count) message["types"] = nlohmann::json::array();
  if (message.contains("options") && message["options"].empty()) message.erase("options");
  if (type == "PUBLISH") {
    if (message.contains("payload") && !message.contains("value")) message["value"] = message["payload"];
    message.erase("payload");
    if (!message.contains("phase")) message["phase"] = "start";
    if (!message.contains("signal")) message["signal"] = "event";
  }
  if (message.contains("ttl") && message["ttl"].contains("secs") && message["ttl"]["secs"] == 0) message["ttl"] = {{"mode", "never"}};
  if (message.contains("messages")) {
    for (auto& inner : message["messages"]) normalise(inner);
  }
}

void reduce_to_compact(Message& message) {
  if (auto* hello = std::get_if<Hello>(&message.body)) hello->legacy_features.clear();
  if (auto* announce = std::get_if<Announce>(&message.body)) announce->meta.reset();
  if (auto* bundle = std::get_if<Bundle>(&message.body)) {
    for (Message& inner : bundle->messages) reduce_to_compact(inner);
  }
}

}  // namespace

std::vector<Vector> load_vectors(const std::string& section) {
  static const Json all = Json::parse(std::ifstream(CLASP_TEST_DATA "/wire.json"));
  std::vector<Vector> vectors;
  for (const Json& row : all.at(section)) vectors.push_back({row.at("name"), from_hex(row.value("hex", "")), row});
  return vectors;
}

std::string by_name(const ::testing::TestParamInfo<Vector>& info) {
  std::string name = info.param.name;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

std::vector<std::byte> from_hex(std::string_view hex) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

std::string to_hex(Bytes bytes) {
  std::string hex;
  for (const std::byte byte : bytes) hex += fmt::format("{:02x}", std::to_integer<int>(byte));
  return hex;
}

Json to_json(const ValueView& value) {
  Bytes left = value.data;
  Json json = take_value(value.tag, left);
  EXPECT_TRUE(left.empty()) << left.size() << " bytes behind the value";
  return json;
}

Json to_json(const Message& message) {
  Json out{{"type", find_message_info(type_of(message))->name}};
  std::visit([&](const auto& body) { fill(out, body); }, message.body);
  return out;
}

std::string normal(const Json& message) {
  nlohmann::json json = plain(message);
  normalise(json);
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string normal_compact(const Message& message) {
  Message reduced = message;
  reduce_to_compact(reduced);
  return normal(to_json(reduced));
}

Decoded<Message> decode_whole(Decoder& decoder, Bytes bytes) {
  const Decoded<Frame> frame = decode_frame(bytes);
  if (!frame) return std::unexpected(frame.error());
  return decoder.decode(frame->payload);
}

std::vector<std::byte> payload_of(const Message& message) {
  ByteBuffer out;
  if (!append_payload(out, message)) {
    ADD_FAILURE() << "does not fit a payload";
    return {};
  }
  return {out.data(), out.data() + out.size()};
}

std::string check_round_trip(const Message& message) {
  ByteBuffer encoded;
  if (!append_payload(encoded, message)) return "cannot be encoded";
  Decoder decoder;
  const Decoded<Message> again = decoder.decode(encoded.view());
  if (!again) return fmt::format("encoded form {} is refused: {}", to_hex(encoded.view()), describe(again.error()));
  const std::string before = normal_compact(message);
  const std::string after = normal_compact(*again);
  return before == after ? "" : fmt::format("{} became {}", before, after);
}

}  // namespace clasp::testing
