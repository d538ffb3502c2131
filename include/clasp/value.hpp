// The value model of CLASP: eight kinds, nothing else (wire format, section 4).
//
// A Value is plain data: copied, moved, compared, printed. Numbers have two kinds that stay distinct on the wire: integer (i64) and
// floating (f64); peers must accept either for "a number", so use as_number() unless the difference matters. Maps keep the order in which
// keys were inserted; of duplicate keys in received bytes the last one wins.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace clasp {
inline namespace v0 {

class Value;
using Array = std::vector<Value>;
using MapEntry = std::pair<std::string, Value>;
using Map = std::vector<MapEntry>;  // insertion order; keys are unique in values that came through the decoder
using Blob = std::vector<std::byte>;

enum class ValueKind : std::uint8_t { null, boolean, integer, floating, string, bytes, array, map };

class Value {
 public:
  Value() noexcept = default;  // null
  Value(std::nullptr_t) noexcept {}
  Value(bool value) noexcept : data_(value) {}
  Value(int value) noexcept : data_(std::int64_t{value}) {}
  Value(std::int64_t value) noexcept : data_(value) {}
  Value(double value) noexcept : data_(value) {}
  Value(const char* text) : data_(std::string(text)) {}
  Value(std::string_view text) : data_(std::string(text)) {}
  Value(std::string text) noexcept : data_(std::move(text)) {}
  Value(Blob bytes) noexcept : data_(std::move(bytes)) {}
  Value(Array items) noexcept : data_(std::move(items)) {}
  Value(Map entries) noexcept : data_(std::move(entries)) {}

  ValueKind kind() const noexcept { return static_cast<ValueKind>(data_.index()); }
  bool is_null() const noexcept { return kind() == ValueKind::null; }

  // The content if it has that kind, else nullptr.
  const bool* boolean() const noexcept { return std::get_if<bool>(&data_); }
  const std::int64_t* integer() const noexcept { return std::get_if<std::int64_t>(&data_); }
  const double* floating() const noexcept { return std::get_if<double>(&data_); }
  const std::string* string() const noexcept { return std::get_if<std::string>(&data_); }
  const Blob* bytes() const noexcept { return std::get_if<Blob>(&data_); }
  const Array* array() const noexcept { return std::get_if<Array>(&data_); }
  const Map* map() const noexcept { return std::get_if<Map>(&data_); }

  // Integer or floating as a double; nothing for the other kinds.
  std::optional<double> as_number() const noexcept {
    if (const auto* i = integer()) return static_cast<double>(*i);
    if (const auto* f = floating()) return *f;
    return std::nullopt;
  }

  // The entry of a map, nullptr if this is no map or has no such key.
  const Value* find(std::string_view key) const noexcept {
    if (const Map* entries = map()) {
      for (const auto& [name, value] : *entries) {
        if (name == key) return &value;
      }
    }
    return nullptr;
  }

  // Same kind and same content. NaN differs from everything, itself included; map entries compare in order.
  bool operator==(const Value&) const = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Blob, Array, Map> data_;
};

// Compact JSON text, for people and logs: bytes as {"$bytes":"<base64>"}, non-finite numbers as null, floating 1.0 as "1.0".
std::string to_json(const Value& value);

}  // namespace v0
}  // namespace clasp
