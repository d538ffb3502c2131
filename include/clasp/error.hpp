// Error codes of the protocol (wire format, section 11) and the Result every fallible public call returns.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace clasp {
inline namespace v0 {

// The numbers are on the wire. 1xx protocol, 2xx address, 3xx permission, 4xx state, 5xx server. The 9xx codes never leave the process: they
// say why a call of the client or the embedding API failed before the router could answer.
enum class ErrorCode : std::uint16_t {
  none = 0,
  invalid_frame = 100,
  invalid_message = 101,
  unsupported_version = 102,
  handshake_timeout = 103,
  invalid_address = 200,
  address_not_found = 201,
  pattern_error = 202,
  unauthorized = 300,
  forbidden = 301,
  token_expired = 302,
  revision_conflict = 400,  // and every other refusal of the state that has no code of its own
  lock_held = 401,
  invalid_value = 402,
  refused = 403,
  not_found = 404,
  too_many = 429,
  internal_error = 500,
  unavailable = 501,
  timeout = 502,
  overloaded = 503,
  connection_failed = 900,
  not_connected = 901,
  already_connected = 902,
  invalid_argument = 903,
  no_answer = 904,
};

struct Error {
  ErrorCode code = ErrorCode::none;
  std::string message;  // one line, names what was wrong and where
  std::string address;  // the address or pattern concerned, empty if none

  bool operator==(const Error&) const = default;
};

// Name as in the catalogue, e.g. "RevisionConflict"; "Unknown" for numbers that are not in it.
std::string_view error_name(ErrorCode code);

// A value or the Error that prevented it. Access to the absent side ends the process: check first.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : data_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : data_(std::in_place_index<1>, std::move(error)) {}

  bool has_value() const noexcept { return data_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }
  const T& value() const& { return has_value() ? std::get<0>(data_) : (std::abort(), std::get<0>(data_)); }
  T& value() & { return has_value() ? std::get<0>(data_) : (std::abort(), std::get<0>(data_)); }
  T&& value() && { return has_value() ? std::get<0>(std::move(data_)) : (std::abort(), std::get<0>(std::move(data_))); }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }
  const Error& error() const { return has_value() ? (std::abort(), std::get<1>(data_)) : std::get<1>(data_); }

 private:
  std::variant<T, Error> data_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}

  bool has_value() const noexcept { return ok_; }
  explicit operator bool() const noexcept { return ok_; }
  const Error& error() const { return ok_ ? (std::abort(), error_) : error_; }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace v0
}  // namespace clasp
