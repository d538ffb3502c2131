// lowpass: y = alpha · y₋₁ + (1 − alpha) · x; the first sample comes out as it is. Parameter alpha (0.5), from 0 to 1: larger is smoother.
#include "lens_kit.hpp"

namespace {
double alpha = 0.5;
double last = 0;
bool begun = false;
}  // namespace

LENS_EXPORT(set_param) const uint8_t* set_param(const uint8_t* item) {
  lens::Text text;
  if (!lens::parameters(item, text)) return lens::bare(lens::Kind::nil);
  const decimal::Read given = lens::member(text, "alpha");
  if (given.bytes != 0) alpha = given.value < 0 ? 0 : given.value > 1 ? 1 : given.value;
  return lens::bare(lens::Kind::nil);
}

LENS_EXPORT(transform) const uint8_t* transform() {
  lens::Text text;
  if (!lens::next_input(text)) return lens::bare(lens::Kind::end);
  const decimal::Read x = lens::input_number(text);
  if (x.bytes == 0) return lens::bare(lens::Kind::end);
  last = begun ? alpha * last + (1 - alpha) * x.value : x.value;
  begun = true;
  return lens::value(last);
}
