// moving-average: the mean of the last `window` values (5; 0 counts as 1), of fewer while there are fewer.
#include "lens_kit.hpp"

namespace {

uint64_t window = 5;
double* ring = nullptr;  // the newest at (next - 1)
uint64_t room = 0;       // grows with what is in it, up to `window`
uint64_t next = 0;
uint64_t count = 0;

double& at(uint64_t back) { return ring[(next + room - 1 - back) % room]; }  // 0: the newest

// For one more at least; without memory for it the oldest makes way.
void make_room() {
  if (count < room || room >= window) return;
  uint64_t wanted = room == 0 ? 8'192 : room * 2;
  if (wanted > window) wanted = window;
  auto* const larger = static_cast<double*>(lens::more_memory(wanted * sizeof(double)));
  if (larger == nullptr) return;
  for (uint64_t i = 0; i < count; ++i) larger[i] = at(count - 1 - i);
  ring = larger;
  room = wanted;
  next = count % room;
}

}  // namespace

LENS_EXPORT(set_param) const uint8_t* set_param(const uint8_t* item) {
  lens::Text text;
  if (!lens::parameters(item, text)) return lens::bare(lens::Kind::nil);
  const decimal::Read given = lens::member(text, "window");
  if (given.bytes != 0 && given.integer && !given.negative && given.value < 4'294'967'296.0) {
    window = given.value < 1 ? 1 : static_cast<uint64_t>(given.value);
    if (count > window) count = window;
  }
  return lens::bare(lens::Kind::nil);
}

LENS_EXPORT(transform) const uint8_t* transform() {
  lens::Text text;
  if (!lens::next_input(text)) return lens::bare(lens::Kind::end);
  const decimal::Read x = lens::input_number(text);
  if (x.bytes == 0) return lens::bare(lens::Kind::end);
  make_room();
  if (room == 0) return lens::failure("no memory");
  ring[next] = x.value;
  next = (next + 1) % room;
  const uint64_t most = room < window ? room : window;
  if (count < most) ++count;
  double sum = 0;
  for (uint64_t i = count; i > 0; --i) sum += at(i - 1);  // the oldest first
  return lens::value(sum / static_cast<double>(count));
}
