#include "net/out_buffer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace clasp::net {
namespace {

std::string content(const OutBuffer& buffer) {
  std::array<iovec, 64> pieces;
  const std::size_t used = buffer.gather(pieces);
  std::string text;
  for (std::size_t i = 0; i < used; ++i) text.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
  return text;
}

class OutBufferTest : public testing::Test {
 protected:
  ~OutBufferTest() override { buffer.clear(pool); }
  BlockPool pool;
  OutBuffer buffer;
};

TEST_F(OutBufferTest, GivesBytesBackInOrderWhateverTheirSizes) {
  std::string expected;
  for (std::size_t i = 0; i < 300; ++i) {
    const std::string piece(i * 7 % 1'500, static_cast<char>('a' + i % 26));
    buffer.append(pool, as_bytes(piece));
    expected += piece;
    const std::size_t gone = std::min<std::size_t>(buffer.size(), i * 13 % 1'400);
    buffer.consume(pool, gone);
    expected.erase(0, gone);
    ASSERT_EQ(buffer.size(), expected.size());
    const std::string seen = content(buffer);  // at most 64 blocks of it
    ASSERT_EQ(seen, expected.substr(0, seen.size()));
    ASSERT_TRUE(!seen.empty() || expected.empty());
  }
}

TEST_F(OutBufferTest, HoldsNothingWhenEmpty) {
  buffer.append(pool, as_bytes(std::string(100'000, 'x')));
  EXPECT_GE(pool.bytes_in_use(), 100'000U);
  buffer.consume(pool, 100'000);
  EXPECT_EQ(pool.bytes_in_use(), 0U);
  EXPECT_TRUE(buffer.empty());
}

TEST_F(OutBufferTest, AShortFrameTakesASmallBlock) {
  buffer.append(pool, as_bytes(std::string(60, 'x')));
  EXPECT_EQ(pool.bytes_in_use(), BlockPool::small_bytes);
}

TEST_F(OutBufferTest, SpareBlocksAreBounded) {
  std::array<OutBuffer, 4> many;
  const std::string megabytes(BlockPool::spare_bytes_max / 2, 'x');
  for (OutBuffer& one : many) one.append(pool, as_bytes(megabytes));
  for (OutBuffer& one : many) one.clear(pool);
  EXPECT_EQ(pool.bytes_in_use(), 0U);
  EXPECT_LE(pool.bytes_spare(), BlockPool::spare_bytes_max);
  EXPECT_GT(pool.bytes_spare(), BlockPool::spare_bytes_max - BlockPool::large_bytes);
}

TEST_F(OutBufferTest, BytesCanBeReplacedAcrossBlocks) {
  std::string expected(10'000, 'x');
  buffer.append(pool, as_bytes(expected.substr(0, 300)));
  buffer.append(pool, as_bytes(expected.substr(300)));
  buffer.consume(pool, 5);
  expected.erase(0, 5);
  for (std::size_t at = 0; at + 8 <= expected.size(); at += 97) {
    buffer.overwrite(at, as_bytes("12345678"));
    expected.replace(at, 8, "12345678");
  }
  EXPECT_EQ(content(buffer), expected);
}

}  // namespace
}  // namespace clasp::net
