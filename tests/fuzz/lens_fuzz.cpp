// What comes from files and out of modules of strangers: files of lenses, and the memory of a lens with a pointer to a result in it.
//
// The first byte chooses: a --lenses file (what loads must be readable again, entry by entry); or four bytes of pointer and a memory. A value that
// comes out must come out as the same when it is handed to a lens that gives it back.
#include <cstdlib>
#include <string>

#include "core/check.hpp"
#include "core/json.hpp"
#include "lens/lens_file.hpp"
#include "lens/payload.hpp"
#include "lens/transport_buffer.hpp"

namespace {

using namespace clasp;

void try_file(std::string_view text) {
  std::vector<lens::LensTable> tables;
  if (!lens::read_lenses(text, "fuzz.json", tables)) return;
  for (const lens::LensTable& table : tables) {
    const auto plan = lens::read_lens(table);
    if (plan) CLASP_CHECK(!plan->stages.empty() && !plan->name.empty() && plan->signals.bits != 0);
  }
}

void try_value(const Value& value, lens::Payload payload) {
  if (!lens::fits_json(value, lens::BytesAs::base64)) return;
  std::string input;
  lens::write_input(value, payload, input);
  const auto back = lens::value_of({.kind = lens::ItemKind::json, .payload = input, .bytes = 0}, payload);
  CLASP_CHECK(back && to_json(*back) == to_json(value));
}

void try_memory(Bytes input) {
  if (input.size() < 4) return;
  std::uint32_t pointer = 0;
  for (std::size_t i = 0; i < 4; ++i) pointer |= std::to_integer<std::uint32_t>(input[i]) << (8 * i);
  const Bytes memory = input.subspan(4);
  const auto item = lens::read_item(memory, pointer, 4'096);
  if (!item) {
    CLASP_CHECK(!item.error().text().empty());
    return;
  }
  CLASP_CHECK(pointer != 0 && item->bytes <= memory.size() - pointer);
  if (item->kind != lens::ItemKind::json && item->kind != lens::ItemKind::nil) return;
  for (const lens::Payload payload : {lens::Payload::wrapped, lens::Payload::bare}) {
    if (const auto value = lens::value_of(*item, payload)) try_value(*value, payload);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const Bytes rest{reinterpret_cast<const std::byte*>(data + 1), size - 1};
  if (data[0] % 2 == 0)
    try_file(as_text(rest));
  else
    try_memory(rest);
  return 0;
}
