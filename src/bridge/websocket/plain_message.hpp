// Messages without a "type": what the reference implementation sends and understands (bridges specification, 9.2 and 9.3). No state.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bridge/router_link.hpp"
#include "bridge/web/out_queue.hpp"
#include "bridge/websocket/hub_config.hpp"
#include "clasp/value.hpp"
#include "core/message.hpp"

namespace clasp::bridge::websocket {

// A SET to be.
struct PlainWrite {
  std::string address;
  Value value;
};

// JSON: to its "address", else <ns>/message, the "value", else the "data", else the whole document.
PlainWrite plain_of_json(Value document, const std::string& prefix);
// A text that is no JSON, or that the format does not take for JSON.
PlainWrite plain_of_text(std::string_view text, const std::string& prefix);
PlainWrite plain_of_binary(Bytes message, const std::string& prefix);

// Empty: the format has no form for it.
web::SharedMessage plain_message(const LinkDelivery& delivery, Format format);

// The value of a delivery; samples are an array of numbers.
std::optional<Value> value_of(const LinkDelivery& delivery);

}  // namespace clasp::bridge::websocket
