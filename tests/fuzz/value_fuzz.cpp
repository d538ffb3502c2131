// One value, its tag first: what is accepted is canonical, and survives the way to a tree and back.
#include "core/check.hpp"
#include "core/value_view.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clasp;
  if (size == 0) return 0;
  const Bytes input(reinterpret_cast<const std::byte*>(data), size);
  std::size_t offset = 1;
  ByteBuffer scratch;
  const Decoded<ValueView> value = decode_value(static_cast<ValueTag>(input[0]), input, offset, scratch);
  if (!value) {
    CLASP_CHECK(offset == 1 && scratch.empty() && value.error().offset <= size);
    return 0;
  }
  CLASP_CHECK(offset <= size && scratch.size() <= 8 * (offset - 1));

  ByteBuffer unused;
  std::size_t end = 0;
  const Decoded<ValueView> again = decode_value(value->tag, value->data, end, unused);
  CLASP_CHECK(again.has_value() && unused.empty() && end == value->data.size() && same_value(*value, *again));

  const Value tree = to_value(*value);
  const EncodedValue encoded(tree);
  CLASP_CHECK(encoded.ok() && encoded.view().tag == value->tag && encoded.view().data.size() <= value->data.size());
  const EncodedValue twice(to_value(encoded.view()));
  CLASP_CHECK(same_value(encoded.view(), twice.view()));
  return 0;
}
