#include "bridge/websocket/plain_message.hpp"

#include <bit>
#include <utility>

#include "core/codec.hpp"
#include "core/json.hpp"

namespace clasp::bridge::websocket {

namespace {

web::SharedMessage text_message(std::string text) {
  return std::make_shared<web::OutMessage>(web::OutMessage{.text = std::move(text), .attachments = {}});
}

web::SharedMessage binary_message(Bytes bytes) {
  return std::make_shared<web::OutMessage>(web::OutMessage{.text = {}, .attachments = {std::string(as_text(bytes))}, .binary_only = true});
}

web::SharedMessage json_message(const LinkDelivery& delivery) {
  std::string text = R"({"address":)";
  append_json_string(delivery.address, text);
  text += R"(,"value":)";
  append_json(value_of(delivery).value_or(Value()), JsonBytes::numbers, text);
  return text_message(text += '}');
}

web::SharedMessage native_message(const LinkDelivery& delivery) {
  ByteBuffer frame;
  bool fits = false;
  if (delivery.is_set) {
    fits = append_frame(frame,
                        Set{.address = delivery.address, .value = delivery.value.value_or(ValueView{}), .revision = delivery.revision, .ttl = {}});
  } else {
    const Publish publish{.address = delivery.address,
                          .signal = delivery.signal,
                          .phase = delivery.phase,
                          .value = delivery.value,
                          .samples = delivery.samples,
                          .timestamp = {},
                          .id = delivery.id,
                          .rate = {}};
    fits = append_frame(frame, publish, default_qos(delivery.signal));
  }
  return fits ? binary_message(frame.view()) : nullptr;
}

web::SharedMessage raw_message(const LinkDelivery& delivery) {
  const std::optional<Value> value = value_of(delivery);
  if (!value) return nullptr;
  if (const std::string* text = value->string()) return text_message(*text);
  if (const Blob* blob = value->bytes()) return binary_message(*blob);
  std::string text;
  append_json(*value, JsonBytes::numbers, text);
  return text_message(std::move(text));
}

}  // namespace

PlainWrite plain_of_json(Value document, const std::string& prefix) {
  const Value* address = document.find("address");
  const Value* value = document.find("value");
  if (value == nullptr) value = document.find("data");
  PlainWrite write{.address = address != nullptr && address->string() != nullptr ? *address->string() : prefix + "/message", .value = {}};
  write.value = value != nullptr ? Value(*value) : std::move(document);
  return write;
}

PlainWrite plain_of_text(std::string_view text, const std::string& prefix) { return {.address = prefix + "/text", .value = std::string(text)}; }

PlainWrite plain_of_binary(Bytes message, const std::string& prefix) {
  return {.address = prefix + "/binary", .value = Blob(message.begin(), message.end())};
}

web::SharedMessage plain_message(const LinkDelivery& delivery, Format format) {
  switch (format) {
    case Format::json: return json_message(delivery);
    case Format::msgpack: return native_message(delivery);
    case Format::raw: return raw_message(delivery);
  }
  return nullptr;
}

std::optional<Value> value_of(const LinkDelivery& delivery) {
  if (delivery.value) return to_value(*delivery.value);
  if (!delivery.samples) return std::nullopt;
  Array numbers;
  for (std::size_t at = 0; at + 8 <= delivery.samples->size(); at += 8)
    numbers.emplace_back(std::bit_cast<double>(load_be<std::uint64_t>(delivery.samples->data() + at)));
  return numbers;
}

}  // namespace clasp::bridge::websocket
