// The kernel that defines the numbers, in plain C++.
#include "check.h"
#include "forest.h"

namespace augur {
namespace {

struct Scalar {
  typedef const int8_t *Row;
  static constexpr bool kOneWidth = true;
  static constexpr uint32_t kInt16Width = 0;

  static bool bin_row(const augur_model &m, const float *x, uint8_t *bins) {
    for (uint32_t f = 0; f < m.n_features; ++f)
      if (!finite(x[f])) return false;
    for (uint32_t c = 0; c < m.n_columns; ++c) {
      const float *pivots = m.columns[c].pivots, value = x[m.columns[c].feature];
      const uint32_t block = below(pivots, value);
      bins[c] = static_cast<uint8_t>(kBlock * block + below(pivots + kBlock * (1 + block), value) - 128);
    }
    return true;
  }
  // Borders below the value among 16 that ascend (the last may be +inf), without a branch. 0..16, and 16 only among reals.
  static uint32_t below(const float *borders, float value) {
    uint32_t n = value > borders[7] ? 8 : 0;
    n += value > borders[n + 3] ? 4 : 0;
    n += value > borders[n + 1] ? 2 : 0;
    n += value > borders[n] ? 1 : 0;
    return n + (value > borders[n]);
  }
  template <uint32_t>
  static Row load(const uint8_t *bins) {
    return reinterpret_cast<const int8_t *>(bins);
  }
  template <uint32_t>
  static uint64_t compare(Row bins, const uint8_t *columns, const int8_t *cuts, uint32_t depth, uint32_t trees) {
    uint64_t bits = 0;
    for (uint32_t tree = 0; tree < trees; ++tree, columns += depth, cuts += depth) {
      uint32_t index = 0;
#if !defined(__clang__)
#pragma GCC unroll 8
#endif
      for (uint32_t i = 0; i < depth; ++i) index = 2 * index + (bins[columns[depth - 1 - i]] > cuts[depth - 1 - i]);
      bits |= uint64_t{index} << depth * tree;
    }
    return bits;
  }
};

bool always() { return true; }

}  // namespace

const Kernel kScalar = {"scalar", always, forest_one<Scalar>, forest_many<Scalar>};

}  // namespace augur
