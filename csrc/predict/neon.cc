// NEON of 64-bit ARM: 64 comparisons, eight trees of depth 8, in four table look-ups and compares.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "forest.h"
#include "planes.h"

namespace augur {
namespace {

struct Neon {
  struct Row {
    int8x16x4_t part;  // 16 columns each
  };
  static constexpr bool kOneWidth = false;
  static constexpr uint32_t kInt16Width = 16;

  static bool all_finite(const float *x, uint32_t n) {
    uint32x4_t good = vdupq_n_u32(~0u);
    const float32x4_t largest = vdupq_n_f32(3.402823466e38f);
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4) good = vandq_u32(good, vcaleq_f32(vld1q_f32(x + i), largest));
    bool rest = true;
    for (; i < n; ++i) rest &= finite(x[i]);
    return rest && vminvq_u32(good) != 0;
  }
  static uint32_t below(const float *borders, float32x4_t value) {
    const uint32x4_t a = vaddq_u32(vcgtq_f32(value, vld1q_f32(borders)), vcgtq_f32(value, vld1q_f32(borders + 4)));
    const uint32x4_t b = vaddq_u32(vcgtq_f32(value, vld1q_f32(borders + 8)), vcgtq_f32(value, vld1q_f32(borders + 12)));
    return 0u - vaddvq_u32(vaddq_u32(a, b));
  }
  static uint8_t bin(const float *pivots, float x) {
    const float32x4_t value = vdupq_n_f32(x);
    const uint32_t block = below(pivots, value);
    return static_cast<uint8_t>(kBlock * block + below(pivots + kBlock * (1 + block), value) - 128);
  }
  static bool bin_row(const augur_model &m, const float *x, uint8_t *bins) {
    if (!all_finite(x, m.n_features)) return false;
    for (uint32_t c = 0; c < m.n_columns; ++c) bins[c] = bin(m.columns[c].pivots, x[m.columns[c].feature]);
    return true;
  }
  static bool bin_tile(const augur_model &m, const float *x, uint32_t n_rows, uint8_t *bins) {
    if (!all_finite(x, n_rows * m.n_features)) return false;
    for (uint32_t c = 0; c < m.n_columns; ++c, bins += kTileRows) {
      const float *value = x + m.columns[c].feature;
      for (uint32_t r = 0; r < n_rows; ++r, value += m.n_features) bins[r] = bin(m.columns[c].pivots, *value);
    }
    return true;
  }
  template <uint32_t WIDTH>
  static Row load(const uint8_t *bins) {
    Row row = {};
    for (uint32_t i = 0; i < WIDTH / 16; ++i) row.part.val[i] = vld1q_s8(reinterpret_cast<const int8_t *>(bins + 16 * i));
    return row;
  }
  template <uint32_t WIDTH>
  static int8x16_t look_up(const Row &row, uint8x16_t columns) {
    if (WIDTH == 16) return vqtbl1q_s8(row.part.val[0], columns);
    if (WIDTH == 32) return vqtbl2q_s8({{row.part.val[0], row.part.val[1]}}, columns);
    return vqtbl4q_s8(row.part, columns);
  }
  template <uint32_t WIDTH>
  static uint8x16_t above(const Row &row, const uint8_t *columns, const int8_t *cuts) {
    const uint8x16_t bits = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201u));
    return vandq_u8(vcgtq_s8(look_up<WIDTH>(row, vld1q_u8(columns)), vld1q_s8(cuts)), bits);
  }
  // NEON has no movemask: weighted bits are added in pairs, three times.
  template <uint32_t WIDTH>
  static uint64_t compare(const Row &row, const uint8_t *columns, const int8_t *cuts, uint32_t depth, uint32_t trees) {
    const uint8x16_t a = above<WIDTH>(row, columns, cuts), b = above<WIDTH>(row, columns + 16, cuts + 16);
    uint8x16_t c = vdupq_n_u8(0), d = c;
    if (depth * trees > 32) c = above<WIDTH>(row, columns + 32, cuts + 32);
    if (depth * trees > 48) d = above<WIDTH>(row, columns + 48, cuts + 48);
    const uint8x16_t fours = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(fours, fours)), 0);
  }
};

// A tree of depth 6 is one table look-up for its low bytes and one for its high bytes, 16 rows at a time.
struct NeonPlanes {
  static constexpr uint32_t kRows = kTileRows, kDepth = 6;
  struct Sums16 {
    int16x8_t part[kRows / 8];
  };
  template <uint32_t DEPTH>
  static uint8x16_t look_up(const uint8x16x4_t &table, uint8x16_t index) {
    return DEPTH == 4 ? vqtbl1q_u8(table.val[0], index) : vqtbl4q_u8(table, index);
  }
  template <uint32_t DEPTH>
  static void add(Sums16 &s, const uint8_t *bins, const uint8_t *columns, const int8_t *cuts, const int16_t *leaves) {
    uint8x16x4_t low = {}, high = {};
    for (uint32_t i = 0; i < 1u << (DEPTH - 4); ++i) {
      const uint8x16x2_t bytes = vld2q_u8(reinterpret_cast<const uint8_t *>(leaves + 16 * i));
      low.val[i] = bytes.val[0], high.val[i] = bytes.val[1];
    }
    for (uint32_t r = 0; r < kRows; r += 16) {
      uint8x16_t index = vdupq_n_u8(0);
      AUGUR_UNROLL
      for (uint32_t i = 0; i < DEPTH; ++i) {
        const int8x16_t bin = vld1q_s8(reinterpret_cast<const int8_t *>(bins + kTileRows * columns[i] + r));
        index = vorrq_u8(index, vandq_u8(vcgtq_s8(bin, vdupq_n_s8(cuts[i])), vdupq_n_u8(static_cast<uint8_t>(1u << i))));
      }
      const uint8x16_t lows = look_up<DEPTH>(low, index), highs = look_up<DEPTH>(high, index);
      s.part[r / 8] = vaddq_s16(s.part[r / 8], vreinterpretq_s16_u8(vzip1q_u8(lows, highs)));
      s.part[r / 8 + 1] = vaddq_s16(s.part[r / 8 + 1], vreinterpretq_s16_u8(vzip2q_u8(lows, highs)));
    }
  }
  static void flush(const Sums16 &s, int32_t *to) {
    for (uint32_t i = 0; i < kRows / 8; ++i, to += 8) {
      vst1q_s32(to, vaddw_s16(vld1q_s32(to), vget_low_s16(s.part[i])));
      vst1q_s32(to + 4, vaddw_s16(vld1q_s32(to + 4), vget_high_s16(s.part[i])));
    }
  }
  static uint32_t place(uint32_t row) { return row; }
};

bool usable() { return true; }

}  // namespace

const Kernel kNeon = {"neon", usable, forest_one<Neon>, forest_or_planes<Neon, NeonPlanes>};

}  // namespace augur
#endif
