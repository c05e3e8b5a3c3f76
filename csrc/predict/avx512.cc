// AVX-512 with VBMI: 64 comparisons, eight trees of depth 8, in one permute and one compare. Any 64 columns fit a register.
#if defined(__x86_64__)
#include <stddef.h>
#include <stdint.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,popcnt,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12: its own _mm512_undefined_epi32
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,popcnt,bmi,bmi2,prefer-vector-width=512")
#endif
#include <immintrin.h>

#include "forest.h"

namespace augur {
namespace {

struct Avx512 {
  typedef __m512i Row;
  static constexpr bool kOneWidth = true;

  static bool all_finite(const float *x, uint32_t n) {
    const __m512i exponent = _mm512_set1_epi32(0x7f800000);
    uint32_t bad = 0;
    for (uint32_t i = 0; i < n; i += 16) {
      const __mmask16 lanes = n - i >= 16 ? 0xffff : static_cast<__mmask16>((1u << (n - i)) - 1);
      const __m512i bits = _mm512_and_si512(_mm512_maskz_loadu_epi32(lanes, x + i), exponent);
      bad |= _mm512_cmpeq_epi32_mask(bits, exponent);
    }
    return bad == 0;
  }
  static uint8_t bin(const Column &column, __m512 value) {
    const float *pivots = column.pivots;
    const uint32_t block = static_cast<uint32_t>(_mm_popcnt_u32(_mm512_cmp_ps_mask(value, _mm512_load_ps(pivots), _CMP_GT_OQ)));
    const __m512 borders = _mm512_load_ps(pivots + kBlock * (1 + block));
    const uint32_t rest = static_cast<uint32_t>(_mm_popcnt_u32(_mm512_cmp_ps_mask(value, borders, _CMP_GT_OQ)));
    return static_cast<uint8_t>(kBlock * block + rest - 128);
  }
  static bool bin_row(const augur_model &m, const float *x, uint8_t *bins) {
    if (!all_finite(x, m.n_features)) return false;
    for (uint32_t c = 0; c < m.n_columns; ++c) bins[c] = bin(m.columns[c], _mm512_set1_ps(x[m.columns[c].feature]));
    return true;
  }
  template <uint32_t>
  static Row load(const uint8_t *bins) {
    return _mm512_load_si512(bins);
  }
  template <uint32_t, uint32_t, uint32_t>
  static uint64_t compare(Row row, const uint8_t *columns, const int8_t *cuts) {
    const __m512i values = _mm512_permutexvar_epi8(_mm512_loadu_si512(columns), row);
    return _cvtmask64_u64(_mm512_cmpgt_epi8_mask(values, _mm512_loadu_si512(cuts)));
  }
};

bool usable() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("popcnt") &&
         __builtin_cpu_supports("bmi2");
}

}  // namespace

const Kernel kAvx512 = {"avx512", usable, forest_one<Avx512>, forest_many<Avx512>};

}  // namespace augur
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
