// Numbers of JSON to doubles and back, exact both ways, without any library: for lenses, which have none. decimal_test.cpp compares it with the
// standard library's.
//
// Powers of five to 128 bits are computed by the compiler. Reading follows Lemire's method (a product with the power decides, which is proven to be
// enough for up to 19 digits; those beyond count as zeros). Writing makes 17 digits by the same product and takes the first of 15, 16 and
// all 17 that reads back, without the zeros at its end.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace decimal {

struct U128 {
  uint64_t high, low;
};

constexpr U128 product(uint64_t a, uint64_t b) {
  const uint64_t a0 = a & 0xffffffff, a1 = a >> 32, b0 = b & 0xffffffff, b1 = b >> 32;
  const uint64_t low = a0 * b0;
  uint64_t carry = low >> 32;
  if !consteval {
    asm("" : "+r"(carry));  // or the compiler knows this for a product of 128 bits, and calls a library that is not there
  }
  const uint64_t first = a1 * b0 + carry, second = a0 * b1 + (first & 0xffffffff);
  return {a1 * b1 + (first >> 32) + (second >> 32), (second << 32) | (low & 0xffffffff)};
}

inline constexpr int power_min = -342, power_max = 341;  // reading needs them up to 308

// 5^q as its first 128 bits, q from power_min to power_max.
struct Powers {
  U128 of[power_max - power_min + 1];
};

namespace detail {

inline constexpr int words = 32;
struct Big {
  uint32_t word[words] = {};  // the lowest first
};

constexpr U128 first_bits(const Big& big) {
  int top = words - 1;
  while (top > 0 && big.word[top] == 0) --top;
  const int shift = __builtin_clz(big.word[top]);
  uint32_t out[4] = {};
  for (int i = 0; i < 4; ++i) {
    const int at = top - i;
    const uint32_t here = at >= 0 ? big.word[at] : 0, below = at >= 1 ? big.word[at - 1] : 0;
    out[i] = shift == 0 ? here : (here << shift) | (below >> (32 - shift));
  }
  return {(uint64_t{out[0]} << 32) | out[1], (uint64_t{out[2]} << 32) | out[3]};
}

constexpr Powers make_powers() {
  Powers powers{};
  Big big;
  big.word[0] = 1;
  for (int q = 0; q <= power_max; ++q) {
    powers.of[q - power_min] = first_bits(big);
    uint64_t carry = 0;
    for (uint32_t& word : big.word) {
      carry += uint64_t{word} * 5;
      word = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
  }
  big = Big{};
  big.word[words - 1] = 0x80000000;
  for (int q = -1; q >= power_min; --q) {
    uint64_t rest = 0;
    for (int i = words - 1; i >= 0; --i) {
      rest = (rest << 32) | big.word[i];
      big.word[i] = static_cast<uint32_t>(rest / 5);
      rest %= 5;
    }
    U128 bits = first_bits(big);
    if (q >= -27 && ++bits.low == 0) ++bits.high;  // rounded up where that is what decides
    powers.of[q - power_min] = bits;
  }
  return powers;
}

}  // namespace detail

inline constexpr Powers powers = detail::make_powers();

// digits · 10^q, rounded to the nearest double.
constexpr double to_double(uint64_t digits, int q) {
  if (digits == 0 || q < power_min) return 0;
  if (q > 308) return __builtin_huge_val();
  const int zeros = __builtin_clzll(digits);
  digits <<= zeros;
  const U128 power = powers.of[q - power_min];
  U128 bits = product(digits, power.high);
  if ((bits.high & 0x1ff) == 0x1ff) {
    const U128 more = product(digits, power.low);
    bits.low += more.high;
    if (more.high > bits.low) ++bits.high;
  }
  const int upper = static_cast<int>(bits.high >> 63);
  uint64_t mantissa = bits.high >> (upper + 9);
  int exponent = (((152170 + 65536) * q) >> 16) + 63 + upper - zeros + 1023;
  if (exponent <= 0) {
    if (1 - exponent >= 64) return 0;
    mantissa >>= 1 - exponent;
    mantissa += mantissa & 1;
    mantissa >>= 1;
    exponent = mantissa < (uint64_t{1} << 52) ? 0 : 1;
  } else {
    if (bits.low <= 1 && q >= -4 && q <= 23 && (mantissa & 3) == 1 && mantissa << (upper + 9) == bits.high)
      mantissa &= ~uint64_t{1};  // half way: to even
    mantissa += mantissa & 1;
    mantissa >>= 1;
    if (mantissa >= uint64_t{2} << 52) {
      mantissa = uint64_t{1} << 52;
      ++exponent;
    }
  }
  if (exponent >= 0x7ff) return __builtin_huge_val();
  mantissa &= ~(uint64_t{1} << 52);
  return __builtin_bit_cast(double, (static_cast<uint64_t>(exponent) << 52) | mantissa);
}

// A number of JSON at the beginning of [p, end): how many bytes it has, 0 if there is none. `integer`: without point and exponent.
struct Read {
  size_t bytes = 0;
  double value = 0;
  bool integer = false;
  bool negative = false;
};
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr Read read(const char* begin, const char* end) {
  const char* p = begin;
  Read out;
  out.negative = p < end && *p == '-';
  if (out.negative) ++p;
  if (p == end || !is_digit(*p) || (*p == '0' && p + 1 < end && is_digit(p[1]))) return {};
  uint64_t digits = 0;
  int taken = 0, exponent = 0;
  const auto take = [&](char c, bool fraction) {
    if (taken < 19) {
      digits = digits * 10 + static_cast<uint64_t>(c - '0');
      if (digits != 0) ++taken;
      if (fraction) --exponent;
    } else if (!fraction) {
      ++exponent;
    }
  };
  for (; p < end && is_digit(*p); ++p) take(*p, false);
  out.integer = true;
  if (p + 1 < end && *p == '.' && is_digit(p[1])) {
    out.integer = false;
    for (++p; p < end && is_digit(*p); ++p) take(*p, true);
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    const char* e = p + 1;
    const bool down = e < end && *e == '-';
    if (e < end && (*e == '-' || *e == '+')) ++e;
    if (e < end && is_digit(*e)) {
      int given = 0;
      for (; e < end && is_digit(*e); ++e) given = given < 10'000 ? given * 10 + (*e - '0') : given;
      exponent += down ? -given : given;
      out.integer = false;
      p = e;
    }
  }
  out.value = to_double(digits, exponent);
  if (out.negative) out.value = -out.value;
  out.bytes = static_cast<size_t>(p - begin);
  return out;
}

inline constexpr size_t text_bytes_max = 26;
struct Pair {
  uint64_t each[2];
};

// A short text that reads back as `value`, with a point or an exponent, so that it is no integer. Returns its end. `value` is finite.
constexpr char* write(double value, char* out) {
  const uint64_t bits = __builtin_bit_cast(uint64_t, value);
  if (bits >> 63) *out++ = '-';
  const uint64_t magnitude = bits & ~(uint64_t{1} << 63);
  if (magnitude == 0) {
    *out++ = '0';
    *out++ = '.';
    *out++ = '0';
    return out;
  }
  const double positive = __builtin_bit_cast(double, magnitude);
  uint64_t mantissa = magnitude & ((uint64_t{1} << 52) - 1);
  int two = static_cast<int>(magnitude >> 52);
  if (two != 0) mantissa |= uint64_t{1} << 52;
  two = (two == 0 ? 1 : two) - 1075;  // value = mantissa · 2^two
  const int zeros = __builtin_clzll(mantissa);
  const int top = 63 - zeros + two;  // of the highest bit
  // 17 digits in front of the point: the estimate of the exponent is at most one too small.
  int ten = static_cast<int>((top * 78913LL) >> 18);
  uint64_t digits = 0;
  for (;; ++ten) {
    const int q = 16 - ten;
    const U128 power = powers.of[q - power_min];
    U128 wide = product(mantissa << zeros, power.high);
    const U128 more = product(mantissa << zeros, power.low);
    wide.low += more.high;
    if (wide.low < more.high) ++wide.high;
    const int shift = -(two - zeros + (((152170 + 65536) * q) >> 16) + 1);  // value · 10^q = wide.high / 2^shift
    digits = shift < 64 ? wide.high >> shift : 0;
    if (shift > 0 && shift < 64 && ((wide.high >> (shift - 1)) & 1)) ++digits;
    if (digits < 100'000'000'000'000'000U) break;
  }
  int exponent = ten - 16;  // of the last digit
  int count = 17;
  const uint64_t all = digits;
  for (int places = 2; places > 0 && digits == all; --places) {
    const uint64_t drop = places == 2 ? 100 : 10, below = all / drop, near = all % drop >= drop / 2 ? below + 1 : below;
    const Pair candidates{{near, near == below ? below + 1 : below}};
    for (const uint64_t shorter : candidates.each) {  // the nearest, then the one on the other side
      if (digits != all || to_double(shorter, exponent + places) != positive) continue;
      digits = shorter;
      exponent += places;
    }
  }
  if (to_double(digits, exponent) != positive) digits += to_double(digits + 1, exponent) == positive ? 1 : static_cast<uint64_t>(-1);
  while (digits % 10 == 0) {
    digits /= 10;
    ++exponent;
  }
  char text[20]{};
  count = 0;
  for (uint64_t d = digits; d != 0; d /= 10) text[count++] = static_cast<char>('0' + d % 10);  // the last first
  const int point = count + exponent;                                                          // digits in front of it
  if (point > 16 || point < -4) {
    *out++ = text[count - 1];
    if (count > 1) *out++ = '.';
    for (int i = count - 2; i >= 0; --i) *out++ = text[i];
    *out++ = 'e';
    int shown = point - 1;
    if (shown < 0) *out++ = '-';
    if (shown < 0) shown = -shown;
    if (shown >= 100) *out++ = static_cast<char>('0' + shown / 100);
    if (shown >= 10) *out++ = static_cast<char>('0' + shown / 10 % 10);
    *out++ = static_cast<char>('0' + shown % 10);
    return out;
  }
  if (point <= 0) {
    *out++ = '0';
    *out++ = '.';
    for (int i = point; i < 0; ++i) *out++ = '0';
  }
  for (int i = count - 1; i >= 0; --i) {
    *out++ = text[i];
    if (count - i == point && i > 0) *out++ = '.';
  }
  if (exponent >= 0) {
    for (int i = 0; i < exponent; ++i) *out++ = '0';
    *out++ = '.';
    *out++ = '0';
  }
  return out;
}

}  // namespace decimal
