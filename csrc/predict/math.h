// exp and ln of our own: the same bits on every machine and in every kernel, to within 2 ulp of float64.
#pragma once
#include <stdint.h>
#include <string.h>

namespace augur {

// The C library has one copy of what is not asked for every row.
#ifdef AUGUR_SPEED_OVER_SIZE
#define AUGUR_ONCE inline
#else
#define AUGUR_ONCE __attribute__((noinline)) inline
#endif

inline double from_bits(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
inline uint64_t to_bits(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

// factor * e^x; x beyond +-700 is taken as +-700, so that e^x is finite. x must not be NaN. The factor meets the power of two
// first, which is exact and done beside the polynomial.
// x = k ln2 + r, |r| <= ln2/2; Taylor series of e^r to r^11 (rest below 2e-14 relative), in Estrin's order.
inline double scaled_exp(double x, double factor) {
  x = x > 700.0 ? 700.0 : x < -700.0 ? -700.0 : x;
  const double shift = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer
  const double kd = x * 1.4426950408889634 + shift, k = kd - shift;
  const double r = (x - k * 0x1.62e42fefa0000p-1) - k * 0x1.cf79abc9e3b39p-40;
  const double r2 = r * r, r4 = r2 * r2;
  const double a = (1.0 + r) + r2 * (1.0 / 2 + r * (1.0 / 6));
  const double b = (1.0 / 24 + r * (1.0 / 120)) + r2 * (1.0 / 720 + r * (1.0 / 5040));
  const double c = (1.0 / 40320 + r * (1.0 / 362880)) + r2 * (1.0 / 3628800 + r * (1.0 / 39916800));
  const double e = a + r4 * (b + r4 * c);
  return e * (factor * from_bits((to_bits(kd) + 1023) << 52));
}

// Natural logarithm of a finite x >= 1e-300.
// x = 2^k m, m in [sqrt(1/2), sqrt(2)); s = (m-1)/(m+1), ln m = 2 (s + s^3/3 + s^5/5 + ...), |s| < 0.172.
AUGUR_ONCE double ln(double x) {
  const uint64_t bits = to_bits(x), top = bits + 0x00095f619980c433u;  // m >= sqrt(2) carries into the exponent
  const double k = static_cast<double>(static_cast<int64_t>(top >> 52) - 1023);
  const double m = from_bits(bits - ((top & 0xfff0000000000000u) - 0x3ff0000000000000u));
  const double s = (m - 1.0) / (m + 1.0), z = s * s;
  double p = 1.0 / 19;
  p = 1.0 / 17 + z * p, p = 1.0 / 15 + z * p, p = 1.0 / 13 + z * p, p = 1.0 / 11 + z * p;
  p = 1.0 / 9 + z * p, p = 1.0 / 7 + z * p, p = 1.0 / 5 + z * p, p = 1.0 / 3 + z * p;
  return k * 0.6931471805599453 + 2.0 * (s + s * z * p);
}

}  // namespace augur
