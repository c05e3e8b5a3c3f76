// AVX2: 32 comparisons, four trees of depth 8, in a byte shuffle for every 16 columns, and a compare.
#if defined(__x86_64__)
#include <stddef.h>
#include <stdint.h>
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,popcnt,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC target("avx2,popcnt,bmi,bmi2")
#endif
#include <immintrin.h>

#include "forest.h"

namespace augur {
namespace {

struct Avx2 {
  struct Row {
    __m256i part[4];  // 16 columns each, twice
  };
  static constexpr bool kOneWidth = false;

  static bool all_finite(const float *x, uint32_t n) {
    const __m256i exponent = _mm256_set1_epi32(0x7f800000), lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i bad = _mm256_setzero_si256();
    for (uint32_t i = 0; i < n; i += 8) {
      const __m256i lanes = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n - i)), lane);
      const __m256i bits = _mm256_maskload_epi32(reinterpret_cast<const int *>(x + i), lanes);
      bad = _mm256_or_si256(bad, _mm256_cmpeq_epi32(_mm256_and_si256(bits, exponent), exponent));
    }
    return _mm256_testz_si256(bad, bad);
  }
  static uint32_t below(const float *borders, __m256 value) {
    const __m256 low = _mm256_cmp_ps(value, _mm256_load_ps(borders), _CMP_GT_OQ);
    const __m256 high = _mm256_cmp_ps(value, _mm256_load_ps(borders + 8), _CMP_GT_OQ);
    const __m256i both = _mm256_packs_epi32(_mm256_castps_si256(low), _mm256_castps_si256(high));
    return static_cast<uint32_t>(_mm_popcnt_u32(static_cast<uint32_t>(_mm256_movemask_epi8(both)))) / 2;
  }
  static bool bin_row(const augur_model &m, const float *x, uint8_t *bins) {
    if (!all_finite(x, m.n_features)) return false;
    for (uint32_t c = 0; c < m.n_columns; ++c) {
      const float *pivots = m.columns[c].pivots;
      const __m256 value = _mm256_set1_ps(x[m.columns[c].feature]);
      const uint32_t block = below(pivots, value);
      bins[c] = static_cast<uint8_t>(kBlock * block + below(pivots + kBlock * (1 + block), value) - 128);
    }
    return true;
  }
  template <uint32_t WIDTH>
  static Row load(const uint8_t *bins) {
    Row row;
    for (uint32_t i = 0; i < WIDTH / 16; ++i)
      row.part[i] = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i *>(bins + 16 * i)));
    return row;
  }
  // blendv looks at a byte's highest bit: bit 4 or 5 of the column is moved there.
  template <uint32_t WIDTH>
  static __m256i look_up(const Row &row, __m256i columns) {
    const __m256i first = _mm256_shuffle_epi8(row.part[0], columns);
    if (WIDTH == 16) return first;
    const __m256i bit4 = _mm256_slli_epi16(columns, 3);
    const __m256i low = _mm256_blendv_epi8(first, _mm256_shuffle_epi8(row.part[1], columns), bit4);
    if (WIDTH == 32) return low;
    const __m256i third = _mm256_shuffle_epi8(row.part[2], columns), fourth = _mm256_shuffle_epi8(row.part[3], columns);
    return _mm256_blendv_epi8(low, _mm256_blendv_epi8(third, fourth, bit4), _mm256_slli_epi16(columns, 2));
  }
  template <uint32_t WIDTH>
  static uint32_t compare32(const Row &row, const uint8_t *columns, const int8_t *cuts) {
    const __m256i values = look_up<WIDTH>(row, _mm256_loadu_si256(reinterpret_cast<const __m256i *>(columns)));
    const __m256i greater = _mm256_cmpgt_epi8(values, _mm256_loadu_si256(reinterpret_cast<const __m256i *>(cuts)));
    return static_cast<uint32_t>(_mm256_movemask_epi8(greater));
  }
  template <uint32_t WIDTH, uint32_t DEPTH, uint32_t TREES>
  static uint64_t compare(const Row &row, const uint8_t *columns, const int8_t *cuts) {
    const uint64_t low = compare32<WIDTH>(row, columns, cuts);
    if (DEPTH * TREES <= 32) return low;
    return low | uint64_t{compare32<WIDTH>(row, columns + 32, cuts + 32)} << 32;
  }
};

bool usable() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi2");
}

}  // namespace

const Kernel kAvx2 = {"avx2", usable, forest_one<Avx2>, forest_many<Avx2>};

}  // namespace augur
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
