#include "net/message_deflater.hpp"

#define ZLIB_CONST
#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "core/check.hpp"
#include "core/utf8.hpp"

namespace clasp::net {

namespace {

// Every message ends with an empty stored block, whose last bytes are not sent (RFC 7692, section 7.2.1).
constexpr std::array tail{std::byte{0x00}, std::byte{0x00}, std::byte{0xff}, std::byte{0xff}};
constexpr int level = Z_BEST_SPEED;
constexpr int memory_level = 8;
constexpr std::size_t inflate_step_bytes = 16'384;

constexpr FramingFault not_deflate{1007, "compressed message is no deflate stream"};
constexpr FramingFault message_too_long{1009, "message too long"};
constexpr FramingFault text_not_utf8{1007, "text is not UTF-8"};

const Bytef* zlib_bytes(Bytes bytes) { return reinterpret_cast<const Bytef*>(bytes.data()); }

}  // namespace

class MessageDeflater::Compressor {
 public:
  explicit Compressor(std::uint8_t window_bits) {
    const int status = deflateInit2(&stream_, level, Z_DEFLATED, -int{window_bits}, memory_level, Z_DEFAULT_STRATEGY);
    CLASP_CHECK(status == Z_OK);  // of the arguments none is foreign
  }
  Compressor(const Compressor&) = delete;
  ~Compressor() { deflateEnd(&stream_); }

  // False: the result would not be shorter.
  bool run(Bytes message, ByteBuffer& result) {
    deflateReset(&stream_);
    result.clear();
    const std::size_t room = message.size() + tail.size() - 1;
    stream_.next_in = zlib_bytes(message);
    stream_.avail_in = static_cast<uInt>(message.size());
    stream_.next_out = reinterpret_cast<Bytef*>(result.extend(room));
    stream_.avail_out = static_cast<uInt>(room);
    const int status = ::deflate(&stream_, Z_SYNC_FLUSH);
    if (status != Z_OK || stream_.avail_in > 0 || stream_.avail_out == 0) return false;
    const std::size_t bytes = room - stream_.avail_out - tail.size();
    CLASP_CHECK(same_bytes(result.view(bytes).first(tail.size()), tail));
    result.truncate(bytes);
    return true;
  }

 private:
  z_stream stream_{};
};

class MessageDeflater::Decompressor {
 public:
  Decompressor() {
    const int status = inflateInit2(&stream_, -int{DeflateAgreement::window_bits_max});  // reads streams of smaller windows as well
    CLASP_CHECK(status == Z_OK);
  }
  Decompressor(const Decompressor&) = delete;
  ~Decompressor() { inflateEnd(&stream_); }

  std::optional<FramingFault> run(Bytes payload, std::size_t bytes_max, ByteBuffer& result) {
    inflateReset(&stream_);
    result.clear();
    for (const Bytes part : {payload, Bytes{tail}}) {
      if (const std::optional<FramingFault> fault = add(part, bytes_max, result)) return fault;
    }
    // Between two blocks, without a bit left over: anything else was cut short.
    constexpr int between_blocks = 128;
    constexpr int bits_left = 63;
    if ((stream_.data_type & (between_blocks | bits_left)) != between_blocks) return not_deflate;
    return std::nullopt;
  }

 private:
  std::optional<FramingFault> add(Bytes part, std::size_t bytes_max, ByteBuffer& result) {
    stream_.next_in = zlib_bytes(part);
    stream_.avail_in = static_cast<uInt>(part.size());
    do {
      const std::size_t before = result.size();
      const std::size_t room = std::min(inflate_step_bytes, bytes_max + 1 - before);
      stream_.next_out = reinterpret_cast<Bytef*>(result.extend(room));
      stream_.avail_out = static_cast<uInt>(room);
      const int status = ::inflate(&stream_, Z_SYNC_FLUSH);
      result.truncate(before + room - stream_.avail_out);
      if (result.size() > bytes_max) return message_too_long;
      if (status == Z_STREAM_END) {
        inflateReset(&stream_);  // a block that called itself the last one; more may follow (section 7.2.3.4)
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        return not_deflate;
      }
    } while (stream_.avail_in > 0 || stream_.avail_out == 0);
    return std::nullopt;
  }

  z_stream stream_{};
};

MessageDeflater::MessageDeflater() = default;
MessageDeflater::~MessageDeflater() = default;

std::optional<Bytes> MessageDeflater::deflate(Bytes message, std::uint8_t window_bits) {
  if (message.size() < message_bytes_min) return std::nullopt;
  if (window_bits != last_window_bits_ || !same_bytes(message, last_message_.view())) {
    std::unique_ptr<Compressor>& compressor = compressors_.at(window_bits);
    if (!compressor) compressor = std::make_unique<Compressor>(window_bits);
    last_window_bits_ = window_bits;
    last_message_.clear();
    last_message_.append(message);
    last_paid_ = compressor->run(message, last_result_);
  }
  return last_paid_ ? std::optional(last_result_.view()) : std::nullopt;
}

std::expected<Piece, FramingFault> MessageDeflater::inflate(const Piece& piece, std::size_t message_bytes_max) {
  if (!decompressor_) decompressor_ = std::make_unique<Decompressor>();
  if (const std::optional<FramingFault> fault = decompressor_->run(piece.payload, message_bytes_max, inflated_)) return std::unexpected(*fault);
  if (piece.kind == PieceKind::text && !is_utf8(as_text(inflated_.view()))) return std::unexpected(text_not_utf8);
  return Piece{.kind = piece.kind, .payload = inflated_.view()};
}

}  // namespace clasp::net
