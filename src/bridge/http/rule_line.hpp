// Polls, targets and webhooks as lines, as they stand on a command line and in a file:
//
//   poll     URL [every=5s] [NAME=PATH …]               http://plug.local/status every=2s power=$.meter.watts on=/relay/0
//   send     PATTERN URL [method= body= rate= …]        /http/lamp/** "http://lamp.local{address}" body=wrapped
//   webhook  PATTERN URL [secret= rate= …]              /alarm/** https://hooks.example/clasp secret=s3cret
//
// Words stand between blanks; a part in "quotes" may hold blanks, \" and \\. A NAME is a name in the bridge's namespace, or an address.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bridge/http/http_bridge_config.hpp"
#include "clasp/error.hpp"

namespace clasp::bridge::http {

Result<std::vector<std::string>> split_words(std::string_view line);

// A URL that begins with '/' is one below `base`. Errors say which word.
Result<PollConfig> parse_poll(std::string_view line, const NamespaceMap& ns, const std::string& base);
Result<TargetConfig> parse_send(std::string_view line, const std::string& base);
Result<TargetConfig> parse_webhook(std::string_view line);
Result<HttpField> parse_header(std::string_view line);  // "Name: value"

}  // namespace clasp::bridge::http
