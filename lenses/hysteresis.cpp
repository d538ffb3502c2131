// hysteresis: 1 from `high` (0.7) on, 0 up to `low` (0.3), and between them what it was before, at first 0. Both parameters or none.
#include "lens_kit.hpp"

namespace {
double low = 0.3;
double high = 0.7;
double last = 0;
}  // namespace

LENS_EXPORT(set_param) const uint8_t* set_param(const uint8_t* item) {
  lens::Text text;
  if (!lens::parameters(item, text)) return lens::bare(lens::Kind::nil);
  const decimal::Read given_low = lens::member(text, "low"), given_high = lens::member(text, "high");
  if (given_low.bytes != 0 && given_high.bytes != 0) {
    low = given_low.value;
    high = given_high.value;
  }
  return lens::bare(lens::Kind::nil);
}

LENS_EXPORT(transform) const uint8_t* transform() {
  lens::Text text;
  if (!lens::next_input(text)) return lens::bare(lens::Kind::end);
  const decimal::Read x = lens::input_number(text);
  if (x.bytes == 0) return lens::bare(lens::Kind::end);
  if (x.value >= high)
    last = 1;
  else if (x.value <= low)
    last = 0;
  return lens::value(last);
}
