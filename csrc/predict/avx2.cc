// AVX2: 32 comparisons, four trees of depth 8, in a byte shuffle for every 16 columns, and a compare.
#if defined(__x86_64__)
#include "cpu_x86.h"
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,popcnt,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC target("avx2,popcnt,bmi,bmi2")
#endif
#include <immintrin.h>

#include "forest.h"
#include "planes.h"

namespace augur {
namespace {

struct Avx2 {
  struct Row {
    __m256i part[4];  // 16 columns each, twice
  };
  static constexpr bool kOneWidth = false;
  static constexpr uint32_t kInt16Width = 16;

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
  // Up to 127 borders there are at most seven pivots, and half a compare finds the block.
  template <bool FEW>
  static uint8_t bin(const float *pivots, float x) {
    const __m256 value = _mm256_set1_ps(x);
    uint32_t block;
    if (FEW) {
      const __m256 low = _mm256_cmp_ps(value, _mm256_load_ps(pivots), _CMP_GT_OQ);
      block = static_cast<uint32_t>(_mm_popcnt_u32(static_cast<uint32_t>(_mm256_movemask_ps(low))));
    } else {
      block = below(pivots, value);
    }
    return static_cast<uint8_t>(kBlock * block + below(pivots + kBlock * (1 + block), value) - 128);
  }
  static uint8_t bin(const Column &column, const float *x) {
    const float value = x[column.feature];
    return column.blocks <= 8 ? bin<true>(column.pivots, value) : bin<false>(column.pivots, value);
  }
  static bool bin_row(const augur_model &m, const float *x, uint8_t *bins) {
    if (!all_finite(x, m.n_features)) return false;
    for (uint32_t c = 0; c < m.n_columns; ++c) bins[c] = bin(m.columns[c], x);
    return true;
  }
  template <bool FEW>
  static void bin_column(const float *pivots, const float *x, uint32_t n_features, uint32_t n_rows, uint8_t *bins) {
    for (uint32_t r = 0; r < n_rows; ++r, x += n_features) bins[r] = bin<FEW>(pivots, *x);
  }
  static bool bin_tile(const augur_model &m, const float *x, uint32_t n_rows, uint8_t *bins) {
    if (!all_finite(x, n_rows * m.n_features)) return false;
    for (uint32_t c = 0; c < m.n_columns; ++c, bins += kTileRows) {
      const Column &column = m.columns[c];
      if (column.blocks <= 8)
        bin_column<true>(column.pivots, x + column.feature, m.n_features, n_rows, bins);
      else
        bin_column<false>(column.pivots, x + column.feature, m.n_features, n_rows, bins);
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
  template <uint32_t WIDTH>
  static uint64_t compare(const Row &row, const uint8_t *columns, const int8_t *cuts, uint32_t depth, uint32_t trees) {
    const uint64_t low = compare32<WIDTH>(row, columns, cuts);
    if (depth * trees <= 32) return low;
    return low | uint64_t{compare32<WIDTH>(row, columns + 32, cuts + 32)} << 32;
  }
};

// A tree's tables are made once for 128 rows, then looked up 32 rows at a time: a shuffle for each 16 leaves, and blends by
// the comparisons themselves for the levels above the fourth.
struct Avx2Planes {
  static constexpr uint32_t kRows = kTileRows, kDepth = 8;
  struct Sums16 {
    __m256i part[kRows / 16];
  };
  struct Tables {
    alignas(32) uint8_t low[256], high[256];
  };
  static __m128i load(const int16_t *leaves) { return _mm_loadu_si128(reinterpret_cast<const __m128i *>(leaves)); }
  static void store(uint8_t *to, __m128i bytes) { _mm_store_si128(reinterpret_cast<__m128i *>(to), bytes); }
  template <uint32_t DEPTH>
  static void split(const int16_t *leaves, Tables *t) {
    const __m128i byte = _mm_set1_epi16(255);
    AUGUR_UNROLL
    for (uint32_t i = 0; i < 1u << DEPTH; i += 16) {
      const __m128i a = load(leaves + i), b = load(leaves + i + 8);
      store(t->low + i, _mm_packus_epi16(_mm_and_si128(a, byte), _mm_and_si128(b, byte)));
      store(t->high + i, _mm_packus_epi16(_mm_srli_epi16(a, 8), _mm_srli_epi16(b, 8)));
    }
  }
  template <uint32_t DEPTH>
  static __m256i look_up(const uint8_t *table, __m256i index, const __m256i *above) {
    if constexpr (DEPTH <= 4) {
      const __m128i bytes = _mm_load_si128(reinterpret_cast<const __m128i *>(table));
      return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), index);
    } else {
      const __m256i low = look_up<DEPTH - 1>(table, index, above);
      return _mm256_blendv_epi8(low, look_up<DEPTH - 1>(table + (1u << (DEPTH - 1)), index, above), above[DEPTH - 1]);
    }
  }
  template <uint32_t DEPTH>
  static void add(Sums16 &s, const uint8_t *bins, const uint8_t *columns, const int8_t *cuts, const int16_t *leaves) {
    Tables t;
    split<DEPTH>(leaves, &t);
    const uint8_t *bin[DEPTH];
    __m256i cut[DEPTH];
    AUGUR_UNROLL
    for (uint32_t i = 0; i < DEPTH; ++i) bin[i] = bins + kTileRows * columns[i], cut[i] = _mm256_set1_epi8(cuts[i]);
    for (uint32_t r = 0; r < kRows; r += 32) {
      __m256i above[8], index = _mm256_setzero_si256();
      AUGUR_UNROLL
      for (uint32_t i = 0; i < DEPTH; ++i) {
        above[i] = _mm256_cmpgt_epi8(_mm256_load_si256(reinterpret_cast<const __m256i *>(bin[i] + r)), cut[i]);
        if (i < 4) index = _mm256_or_si256(index, _mm256_and_si256(above[i], _mm256_set1_epi8(static_cast<char>(1u << i))));
      }
      const uint8_t *lows = t.low, *highs = t.high;
      __asm__("" : "+r"(lows), "+r"(highs));  // else GCC keeps the broadcast tables for the next rows, in memory
      const __m256i low = look_up<DEPTH>(lows, index, above), high = look_up<DEPTH>(highs, index, above);
      s.part[r / 16] = _mm256_add_epi16(s.part[r / 16], _mm256_unpacklo_epi8(low, high));
      s.part[r / 16 + 1] = _mm256_add_epi16(s.part[r / 16 + 1], _mm256_unpackhi_epi8(low, high));
    }
  }
  static void flush(const Sums16 &s, int32_t *to) {
    for (uint32_t i = 0; i < kRows / 16; ++i, to += 16) {
      __m256i *low = reinterpret_cast<__m256i *>(to), *high = low + 1;
      *low = _mm256_add_epi32(*low, _mm256_cvtepi16_epi32(_mm256_castsi256_si128(s.part[i])));
      *high = _mm256_add_epi32(*high, _mm256_cvtepi16_epi32(_mm256_extracti128_si256(s.part[i], 1)));
    }
  }
  // unpack takes eight of every sixteen rows to the first register, the others to the second
  static uint32_t place(uint32_t row) { return row / 32 * 32 + row / 8 % 2 * 16 + row / 16 % 2 * 8 + row % 8; }
};

bool usable() { return CpuX86().avx2(); }

}  // namespace

const Kernel kAvx2 = {"avx2", usable, forest_one<Avx2>, forest_or_planes<Avx2, Avx2Planes>};

}  // namespace augur
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
