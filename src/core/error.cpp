#include "clasp/error.hpp"

#include <algorithm>
#include <array>

namespace clasp {
inline namespace v0 {
namespace {

struct Row {
  ErrorCode code;
  std::string_view name;
};
constexpr std::array rows{
    Row{ErrorCode::none, "None"},
    Row{ErrorCode::invalid_frame, "InvalidFrame"},
    Row{ErrorCode::invalid_message, "InvalidMessage"},
    Row{ErrorCode::unsupported_version, "UnsupportedVersion"},
    Row{ErrorCode::handshake_timeout, "HandshakeTimeout"},
    Row{ErrorCode::invalid_address, "InvalidAddress"},
    Row{ErrorCode::address_not_found, "AddressNotFound"},
    Row{ErrorCode::pattern_error, "PatternError"},
    Row{ErrorCode::unauthorized, "Unauthorized"},
    Row{ErrorCode::forbidden, "Forbidden"},
    Row{ErrorCode::token_expired, "TokenExpired"},
    Row{ErrorCode::revision_conflict, "RevisionConflict"},
    Row{ErrorCode::lock_held, "LockHeld"},
    Row{ErrorCode::invalid_value, "InvalidValue"},
    Row{ErrorCode::refused, "Refused"},
    Row{ErrorCode::not_found, "NotFound"},
    Row{ErrorCode::too_many, "TooMany"},
    Row{ErrorCode::internal_error, "InternalError"},
    Row{ErrorCode::unavailable, "ServiceUnavailable"},
    Row{ErrorCode::timeout, "Timeout"},
    Row{ErrorCode::overloaded, "Overloaded"},
    Row{ErrorCode::connection_failed, "ConnectionFailed"},
    Row{ErrorCode::not_connected, "NotConnected"},
    Row{ErrorCode::already_connected, "AlreadyConnected"},
    Row{ErrorCode::invalid_argument, "InvalidArgument"},
    Row{ErrorCode::no_answer, "NoAnswer"},
};
static_assert(std::ranges::is_sorted(rows, {}, &Row::code));

}  // namespace

std::string_view error_name(ErrorCode code) {
  const auto row = std::ranges::lower_bound(rows, code, {}, &Row::code);
  return row != rows.end() && row->code == code ? row->name : "Unknown";
}

}  // namespace v0
}  // namespace clasp
