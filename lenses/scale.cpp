// scale: v · scale_factor + offset, and back with inverse. For tests: it answers mistakes with errors, where the others let the value pass.
#include "lens_kit.hpp"

namespace {
double factor = 1;
double offset = 0;
}  // namespace

LENS_EXPORT(set_param) const uint8_t* set_param(const uint8_t* item) {
  lens::Text text;
  if (!lens::parameters(item, text)) return lens::failure("failed to read params");
  const decimal::Read given_factor = lens::member(text, "scale_factor"), given_offset = lens::member(text, "offset");
  if (given_factor.bytes == 0 || given_offset.bytes == 0) return lens::failure("invalid params JSON");
  factor = given_factor.value;
  offset = given_offset.value;
  return lens::bare(lens::Kind::nil);
}

LENS_EXPORT(transform) const uint8_t* transform() {
  lens::Text text;
  if (!lens::next_input(text)) return lens::bare(lens::Kind::end);
  const decimal::Read v = lens::member(text, "value");
  if (v.bytes == 0) return lens::failure("invalid input JSON");
  return lens::value(v.value * factor + offset);
}

LENS_EXPORT(inverse) const uint8_t* inverse() {
  lens::Text text;
  if (!lens::next_input(text)) return lens::bare(lens::Kind::end);
  const decimal::Read v = lens::member(text, "value");
  if (v.bytes == 0) return lens::failure("invalid input JSON");
  if (factor == 0) return lens::failure("scale_factor is zero");
  return lens::value((v.value - offset) / factor);
}
