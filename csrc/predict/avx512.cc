// AVX-512 with VBMI: 64 comparisons, eight trees of depth 8, in one permute and one compare. Any 64 columns fit a register.
#if defined(__x86_64__)
#include "cpu_x86.h"
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,popcnt,bmi,bmi2"))), apply_to = function)
#else
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 warns of its own _mm512_undefined_epi32
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,popcnt,bmi,bmi2,prefer-vector-width=512")
#pragma GCC optimize("O3")  // a tenth faster for one row; the other kernels are not
#endif
#include <immintrin.h>

#include "forest.h"
#include "planes.h"

namespace augur {
namespace {

struct Avx512 {
  typedef __m512i Row;
  static constexpr bool kOneWidth = true;
  static constexpr uint32_t kInt16Width = 64;

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
    // Collected in a register: a load of 64 bytes would wait until bytes stored one by one have reached the cache.
    __m512i row = _mm512_setzero_si512();
    uint64_t place = 1;
    for (uint32_t c = 0; c < m.n_columns; ++c, place <<= 1) {
      __asm__("" : "+r"(place));  // else shifted as a mask, four cycles a column
      const uint8_t found = bin(m.columns[c], _mm512_set1_ps(x[m.columns[c].feature]));
      row = _mm512_mask_set1_epi8(row, _cvtu64_mask64(place), static_cast<char>(found));
    }
    _mm512_store_si512(bins, row);
    return true;
  }
  static bool bin_tile(const augur_model &m, const float *x, uint32_t n_rows, uint8_t *bins) {
    if (!all_finite(x, n_rows * m.n_features)) return false;
    for (uint32_t c = 0; c < m.n_columns; ++c, bins += kTileRows) {
      const Column column = m.columns[c];
      const float *value = x + column.feature;
      for (uint32_t r = 0; r < n_rows; ++r, value += m.n_features) bins[r] = bin(column, _mm512_set1_ps(*value));
    }
    return true;
  }
  template <uint32_t>
  static Row load(const uint8_t *bins) {
    return _mm512_load_si512(bins);
  }
  template <uint32_t>
  static uint64_t compare(Row row, const uint8_t *columns, const int8_t *cuts, uint32_t, uint32_t) {
    const __m512i values = _mm512_permutexvar_epi8(_mm512_loadu_si512(columns), row);
    return _cvtmask64_u64(_mm512_cmpgt_epi8_mask(values, _mm512_loadu_si512(cuts)));
  }
};

struct Even {
  alignas(64) uint8_t at[64];
  constexpr Even() : at() {
    for (int i = 0; i < 64; ++i) at[i] = static_cast<uint8_t>(2 * i);
  }
};
constexpr Even kEven;

// 128 rows in two registers. A table of 64 bytes is one vpermb, of 128 one vpermi2b, of 256 two and a blend.
struct Avx512Planes {
  static constexpr uint32_t kRows = 128, kDepth = 8;
  struct Sums16 {
    __m512i part[4];
  };
  struct Tables {
    __m512i low[4], high[4];
  };
  // Leaves, 16 bits each, to their low and high bytes.
  template <uint32_t DEPTH>
  static Tables split(const int16_t *leaves) {
    const __m512i even = _mm512_load_si512(kEven.at), odd = _mm512_add_epi8(even, _mm512_set1_epi8(1));
    const __mmask32 first = DEPTH >= 5 ? ~0u : 0xffffu;
    Tables t;
    AUGUR_UNROLL
    for (uint32_t i = 0; i < (DEPTH <= 6 ? 1 : 1u << (DEPTH - 6)); ++i) {
      const __m512i a = _mm512_maskz_loadu_epi16(first, leaves + 64 * i);
      const __m512i b = DEPTH >= 6 ? _mm512_loadu_si512(leaves + 64 * i + 32) : a;
      t.low[i] = _mm512_permutex2var_epi8(a, even, b), t.high[i] = _mm512_permutex2var_epi8(a, odd, b);
    }
    return t;
  }
  template <uint32_t DEPTH>
  static __m512i look_up(const __m512i *table, __m512i index) {
    if (DEPTH <= 6) return _mm512_permutexvar_epi8(index, table[0]);
    const __m512i low = _mm512_permutex2var_epi8(table[0], index, table[1]);
    if (DEPTH == 7) return low;
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(index), low, _mm512_permutex2var_epi8(table[2], index, table[3]));
  }
  // Broadcast from memory: through a general register it costs a port that the compares want.
  static __m512i broadcast(const int8_t *cut) {
    __m512i all;
    __asm__("vpbroadcastb %1, %0" : "=v"(all) : "m"(*cut));
    return all;
  }
  static Sums16 sum(Sums16 s, __m512i low0, __m512i high0, __m512i low1, __m512i high1) {
    s.part[0] = _mm512_add_epi16(s.part[0], _mm512_unpacklo_epi8(low0, high0));
    s.part[1] = _mm512_add_epi16(s.part[1], _mm512_unpackhi_epi8(low0, high0));
    s.part[2] = _mm512_add_epi16(s.part[2], _mm512_unpacklo_epi8(low1, high1));
    s.part[3] = _mm512_add_epi16(s.part[3], _mm512_unpackhi_epi8(low1, high1));
    return s;
  }
  template <uint32_t DEPTH>
  static void add(Sums16 &s, const uint8_t *bins, const uint8_t *columns, const int8_t *cuts, const int16_t *leaves) {
    __m512i index0 = _mm512_setzero_si512(), index1 = index0;
    AUGUR_UNROLL
    for (uint32_t i = 0; i < DEPTH; ++i) {
      const uint8_t *bin = bins + kTileRows * columns[i];
      const __m512i cut = broadcast(cuts + i), bit = _mm512_set1_epi8(static_cast<char>(1u << i));
      index0 = _mm512_mask_add_epi8(index0, _mm512_cmpgt_epi8_mask(_mm512_load_si512(bin), cut), index0, bit);
      index1 = _mm512_mask_add_epi8(index1, _mm512_cmpgt_epi8_mask(_mm512_load_si512(bin + 64), cut), index1, bit);
    }
    const Tables t = split<DEPTH>(leaves);
    s = sum(s, look_up<DEPTH>(t.low, index0), look_up<DEPTH>(t.high, index0), look_up<DEPTH>(t.low, index1),
            look_up<DEPTH>(t.high, index1));
  }
  static void flush(const Sums16 &s, int32_t *to) {
    AUGUR_UNROLL
    for (uint32_t i = 0; i < 4; ++i, to += 32) {
      const __m512i low = _mm512_cvtepi16_epi32(_mm512_castsi512_si256(s.part[i]));
      const __m512i high = _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64(s.part[i], 1));
      _mm512_store_si512(to, _mm512_add_epi32(_mm512_load_si512(to), low));
      _mm512_store_si512(to + 16, _mm512_add_epi32(_mm512_load_si512(to + 16), high));
    }
  }
  // unpack takes eight of every sixteen rows to the first register, the others to the second
  static uint32_t place(uint32_t row) { return row / 64 * 64 + row / 8 % 2 * 32 + row / 16 % 4 * 8 + row % 8; }
};

bool usable() { return CpuX86().avx512(); }

}  // namespace

const Kernel kAvx512 = {"avx512", usable, forest_one<Avx512>, forest_or_planes<Avx512, Avx512Planes>};

}  // namespace augur
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
