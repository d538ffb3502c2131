// Transport buffers (lens specification, section 2.2), byte for byte.
#include "lens/transport_buffer.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace clasp::lens {
namespace {

constexpr std::size_t most = 64 * 1024;

std::string written(ItemKind kind, std::string_view payload = {}) {
  std::string out(item_bytes(kind, payload.size()), '?');
  write_item(kind, payload, reinterpret_cast<std::uint8_t*>(out.data()));
  return out;
}

// As in a lens's memory, where address 0 is nobody's.
std::string told(std::string item, std::uint32_t pointer = 1, std::size_t payload_max = most) {
  item.insert(0, 1, '\0');
  const auto read = read_item(as_bytes(item), pointer, payload_max);
  if (!read) return read.error().text();
  switch (read->kind) {
    case ItemKind::error: return "error " + std::string(read->payload);
    case ItemKind::nil: return "nil";
    case ItemKind::end: return "end";
    case ItemKind::json: return std::string(read->payload);
  }
  return "?";
}

TEST(TransportBuffer, IsWrittenAsTheSpecificationShowsIt) {
  using std::string_literals::operator""s;
  EXPECT_EQ(written(ItemKind::json, R"({"value":0.5})"), "\x01\x0d\0\0\0"s + R"({"value":0.5})");
  EXPECT_EQ(written(ItemKind::nil), "\0"s);
  EXPECT_EQ(written(ItemKind::end), "\x7f");
  EXPECT_EQ(written(ItemKind::error, "bad"), "\xff\x03\0\0\0"s + "bad");
}

TEST(TransportBuffer, ComesBackAsItWas) {
  for (const std::string& json : {std::string(R"({"value":0.5})"), std::string(R"({"a":{"b":[1,2]}})"), std::string("7"), std::string("null"),
                                  std::string(R"("x")"), std::string("[]"), std::string("{}"), std::string(), std::string(10'000, 'x')})
    EXPECT_EQ(told(written(ItemKind::json, json)), json);
  EXPECT_EQ(told(written(ItemKind::error, "bad")), "error bad");
  EXPECT_EQ(told(written(ItemKind::error)), "error ");
  EXPECT_EQ(told(written(ItemKind::nil)), "nil");
  EXPECT_EQ(told(written(ItemKind::end)), "end");
}

TEST(TransportBuffer, EveryNegativeTypeIsAnErrorAndEveryOtherUnknown) {
  EXPECT_EQ(told(std::string("\xfe\x02\0\0\0no", 7)), "error no");
  EXPECT_EQ(told(std::string("\x80\x02\0\0\0no", 7)), "error no");
  EXPECT_EQ(told(std::string("\x2a\x02\0\0\0no", 7)), "transport buffer decode error: unknown type id 42");
  EXPECT_EQ(told(std::string("\x02", 1)), "transport buffer decode error: unknown type id 2");
}

TEST(TransportBuffer, PointersAndLengthsStayInside) {
  EXPECT_EQ(told("\x7f", 0), "WASM memory error: null pointer");
  EXPECT_EQ(told("\x7f", 2), "WASM memory error: pointer 0x2 is out of bounds, the memory has 2 bytes");
  EXPECT_EQ(told("\x7f", 0xffffffff), "WASM memory error: pointer 0xffffffff is out of bounds, the memory has 2 bytes");
  EXPECT_EQ(told(std::string("\x01\xff\xff\xff\xff{}", 7)),
            "WASM memory error: the item at 0x1 has 4294967295 bytes and ends behind the memory, which has 8");
  EXPECT_EQ(told(std::string("\x01\x06\0\0\0 hello", 11), 1, 5), "transport buffer decode error: the item has 6 bytes, the maximum is 5");
}

TEST(TransportBuffer, CutOffAnywhereItIsRefused) {
  const std::string whole = written(ItemKind::json, R"({"value":0.5})");
  for (std::size_t n = 0; n < whole.size(); ++n)
    EXPECT_TRUE(told(whole.substr(0, n)).starts_with("WASM memory error: ")) << "accepted when cut after " << n << " bytes";
}

}  // namespace
}  // namespace clasp::lens
