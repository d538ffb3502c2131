// Values for tests of the store: a few kinds, made and shown without the codec.
#pragma once

#include <fmt/format.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/value_view.hpp"

namespace clasp::router {

struct TestValue {
  ValueTag tag = ValueTag::null;
  std::vector<std::byte> data;

  TestValue() = default;
  TestValue(int value) : TestValue(std::int64_t{value}) {}
  TestValue(std::int64_t value) : tag(ValueTag::i64) { set_word(std::bit_cast<std::uint64_t>(value)); }
  TestValue(double value) : tag(ValueTag::f64) { set_word(std::bit_cast<std::uint64_t>(value)); }
  TestValue(std::string_view text) : tag(ValueTag::string) {
    data.resize(sizeof(std::uint16_t) + text.size());
    store_be(data.data(), static_cast<std::uint16_t>(text.size()));
    std::memcpy(data.data() + sizeof(std::uint16_t), text.data(), text.size());
  }
  TestValue(const std::string& text) : TestValue(std::string_view(text)) {}
  TestValue(const char* text) : TestValue(std::string_view(text)) {}

  ValueView view() const { return {tag, data}; }

 private:
  void set_word(std::uint64_t word) {
    data.resize(sizeof word);
    store_be(data.data(), word);
  }
};

// "5", "0.5", "\"text\"", "null"; anything else as its size.
inline std::string show(const ValueView& value) {
  switch (value.tag) {
    case ValueTag::null: return "null";
    case ValueTag::i64: return fmt::format("{}", std::bit_cast<std::int64_t>(load_be<std::uint64_t>(value.data.data())));
    case ValueTag::f64: return fmt::format("{:#}", std::bit_cast<double>(load_be<std::uint64_t>(value.data.data())));
    case ValueTag::string: return fmt::format("\"{}\"", as_text(value.data.subspan(2)));
    default: return fmt::format("{} bytes", value.data.size());
  }
}

}  // namespace clasp::router
