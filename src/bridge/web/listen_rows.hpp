// Rows that these bridges share.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "clasp/error.hpp"
#include "core/message.hpp"
#include "core/pattern.hpp"
#include "net/http_message.hpp"
#include "options/option_set.hpp"

namespace clasp::bridge::web {

struct ListenPlace {
  std::string host = "0.0.0.0";
  std::uint16_t port = 0;
};

// "9000", "HOST", "HOST:9000", "[::1]:9000": a host alone keeps the port, a port alone the host.
Result<void> set_place(ListenPlace& place, std::string_view text);

// "/socketio/buttons/**=event": what values below a pattern of addresses become; the first match decides.
struct KindRule {
  Pattern pattern;
  SignalType kind = SignalType::param;
};
Result<void> add_kind(std::vector<KindRule>& rules, std::string_view text);

// "Authorization: Bearer x"
Result<void> add_header(std::vector<net::HttpField>& fields, std::string_view text);

options::Apply append_text(std::vector<std::string>& texts);

}  // namespace clasp::bridge::web
