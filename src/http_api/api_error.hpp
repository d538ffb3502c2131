// What went wrong, as an answer: HTTP status, the router's code, and which part of the request it is about.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "clasp/error.hpp"
#include "net/http_message.hpp"

namespace clasp::http_api {

struct ApiError {
  unsigned status = 400;
  ErrorCode code = ErrorCode::invalid_value;
  std::string text;     // one line, names what was wrong
  std::string field;    // "limit", "operations[3].set[0]", "body"; empty: the request as a whole
  std::string address;  // empty if none
};

unsigned status_of(ErrorCode code);  // of the router's ERROR codes (bridges specification, section 11.4)
ApiError of_router(const Error& error);
ApiError bad_field(std::string field, std::string_view why);  // 400, "limit: not a whole number …"

// {"error":"…","code":402,"field"?,"address"?}
net::HttpResponse to_response(const ApiError& error);

}  // namespace clasp::http_api
