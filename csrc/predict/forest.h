// The walk through a forest, written once; an Isa type brings bins and comparisons. Everything here is in an anonymous
// namespace on purpose: each kernel's file compiles it for its own instruction set, and no two copies may be merged.
//
// An Isa has
//   typedef Row                                 a row's bins, ready for look-ups
//   bool bin_row(m, x, bins)                    column c's bin to bins[c]; false if a feature is not finite
//   kOneWidth                                   1 if WIDTH 64 is as fast as 16
//   kInt16Width                                 most columns for which one row of int16 leaves has code of its own
//   Row load<WIDTH>(bins)                       of a row with at most WIDTH columns: 16, 32 or 64
//   uint64_t compare<WIDTH>(row, columns, cuts, depth, trees)   bit i = bins[columns[i]] > cuts[i] for i < depth * trees <= 64;
//                                               higher bits are anything; 64 columns and cuts may be read
#pragma once
#include <string.h>

#include "kernels.h"

namespace augur {
namespace {

constexpr uint32_t kStride = AUGUR_MAX_COLUMNS;  // bytes of a row's bins
constexpr size_t kLeafBytes = 16384;             // leaves of the trees that a tile's rows visit before the next trees

template <class Acc>
struct Sums {
  Acc s[8];
};

inline double total(const Sums<float> &p) {
  const float *s = p.s;
  return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}
inline double total(const Sums<int32_t> &p) {
  int32_t sum = 0;
  for (int32_t s : p.s) sum += s;
  return sum;
}

// Adds trees [first, end) of a group of any depth; first is a multiple of 8. Eight trees at a time, or four if deeper than 8.
template <class Isa, uint32_t WIDTH, class Leaf, class Acc>
inline Sums<Acc> add_any(const Group &g, typename Isa::Row row, uint32_t first, uint32_t end, Sums<Acc> p) {
  const uint32_t depth = g.depth, step = depth <= 8 ? 8 : 4, mask = (1u << depth) - 1;
  const Leaf *leaf = static_cast<const Leaf *>(g.leaves);
  for (uint32_t t = first; t < end; t += step) {
    const uint32_t n = end - t < step ? end - t : step;
    uint64_t bits = Isa::template compare<WIDTH>(row, g.columns + depth * t, g.cuts + depth * t, depth, n);
    const Leaf *tree = leaf + leaf_at<Leaf>(t, depth);
    for (uint32_t j = 0; j < n; ++j, tree += mask + 1, bits >>= depth) p.s[(t + j) % 8] += tree[bits & mask];
  }
  return p;
}

// The same for a group of depth DEPTH <= 8. The sums are passed and returned by value: behind a reference they would be
// stored after every addition.
template <class Isa, uint32_t WIDTH, uint32_t DEPTH, class Leaf, class Acc>
inline Sums<Acc> add_fixed(const Group &g, typename Isa::Row row, uint32_t first, uint32_t end, const Sums<Acc> &start) {
  constexpr size_t kTree = size_t{1} << DEPTH, kMask = kTree - 1;
  const Leaf *leaf = static_cast<const Leaf *>(g.leaves) + leaf_at<Leaf>(first, DEPTH);
  const uint8_t *columns = g.columns + size_t{DEPTH} * first;
  const int8_t *cuts = g.cuts + size_t{DEPTH} * first;
  Acc s0 = start.s[0], s1 = start.s[1], s2 = start.s[2], s3 = start.s[3];
  Acc s4 = start.s[4], s5 = start.s[5], s6 = start.s[6], s7 = start.s[7];
  uint32_t n = end - first;
  for (; n >= 8; n -= 8, leaf += leaf_at<Leaf>(8, DEPTH), columns += 8 * DEPTH, cuts += 8 * DEPTH) {
    const uint64_t bits = Isa::template compare<WIDTH>(row, columns, cuts, DEPTH, 8);
    s0 += leaf[bits & kMask], s1 += leaf[kTree + (bits >> DEPTH & kMask)];
    s2 += leaf[2 * kTree + (bits >> 2 * DEPTH & kMask)], s3 += leaf[3 * kTree + (bits >> 3 * DEPTH & kMask)];
    s4 += leaf[4 * kTree + (bits >> 4 * DEPTH & kMask)], s5 += leaf[5 * kTree + (bits >> 5 * DEPTH & kMask)];
    s6 += leaf[6 * kTree + (bits >> 6 * DEPTH & kMask)], s7 += leaf[7 * kTree + (bits >> 7 * DEPTH & kMask)];
  }
  Sums<Acc> p = {{s0, s1, s2, s3, s4, s5, s6, s7}};
  if (n == 0) return p;
  const uint64_t bits = Isa::template compare<WIDTH>(row, columns, cuts, DEPTH, n);
  for (uint32_t j = 0; j < n; ++j, leaf += kTree) p.s[j] += leaf[bits >> DEPTH * j & kMask];
  return p;
}

// Trees [first, end) of a group for all rows; bins: kStride bytes a row. DEPTH 0: any.
template <class Isa, uint32_t WIDTH, uint32_t DEPTH, class Leaf, class Acc>
inline void add_rows(const Group &g, uint32_t first, uint32_t end, const uint8_t *bins, uint32_t n_rows, Sums<Acc> *p) {
  for (uint32_t r = 0; r < n_rows; ++r, bins += kStride) {
    const typename Isa::Row row = Isa::template load<WIDTH>(bins);
    if constexpr (DEPTH != 0)
      p[r] = add_fixed<Isa, WIDTH, DEPTH, Leaf, Acc>(g, row, first, end, p[r]);
    else
      p[r] = add_any<Isa, WIDTH, Leaf, Acc>(g, row, first, end, p[r]);
  }
}

// Code of their own for the two usual depths only, and not for more columns than usual: all twelve depths, times widths
// and leaves, would be most of the library.
template <class Isa, uint32_t WIDTH, class Leaf, class Acc>
void add_trees(const Group &g, uint32_t first, uint32_t end, const uint8_t *bins, uint32_t n_rows, Sums<Acc> *p) {
  constexpr bool kUsual = sizeof(Leaf) == 4 ? Isa::kOneWidth || WIDTH <= 32 : WIDTH <= Isa::kInt16Width;
  switch (g.depth) {
    case 6: return add_rows<Isa, WIDTH, kUsual ? 6 : 0, Leaf>(g, first, end, bins, n_rows, p);
    case 8: return add_rows<Isa, WIDTH, kUsual ? 8 : 0, Leaf>(g, first, end, bins, n_rows, p);
    default: return add_rows<Isa, WIDTH, 0, Leaf>(g, first, end, bins, n_rows, p);
  }
}

// All trees for a tile's rows, a few at a time so that their leaves stay in L1; for a single row, all at once.
template <class Isa, uint32_t WIDTH, class Leaf, class Acc>
void tile(const augur_model &m, const uint8_t *bins, uint32_t n_rows, double *sums) {
  Sums<Acc> p[kTileRows];
  p[0] = Sums<Acc>();
  if (n_rows > 1) memset(p, 0, n_rows * sizeof p[0]);
  for (uint32_t k = 0; k < m.n_groups; ++k) {
    const Group &g = m.groups[k];
    const uint32_t fit = static_cast<uint32_t>(kLeafBytes / sizeof(Leaf) >> g.depth) / 8 * 8;
    const uint32_t step = n_rows == 1 ? g.n_trees : fit < 8 ? 8 : fit;
    for (uint32_t t = 0; t < g.n_trees; t += step)
      add_trees<Isa, WIDTH, Leaf>(g, t, g.n_trees - t < step ? g.n_trees : t + step, bins, n_rows, p);
  }
  for (uint32_t r = 0; r < n_rows; ++r) sums[r] = total(p[r]);
}

template <class Isa, uint32_t WIDTH>
void tile_of_width(const augur_model &m, const uint8_t *bins, uint32_t n_rows, double *sums) {
  if (m.leaf == AUGUR_LEAF_F32) return tile<Isa, WIDTH, float, float>(m, bins, n_rows, sums);
  return tile<Isa, WIDTH, int16_t, int32_t>(m, bins, n_rows, sums);
}

template <class Isa>
__attribute__((noinline)) bool forest_many(const augur_model &m, const float *x, uint32_t n_rows, double *sums) {
  alignas(64) uint8_t bins[kTileRows * kStride];
  for (uint32_t r = 0; r < n_rows; ++r)
    if (!Isa::bin_row(m, x + size_t{m.n_features} * r, bins + size_t{kStride} * r)) return false;
  if (Isa::kOneWidth || m.n_columns > 32)
    tile_of_width<Isa, 64>(m, bins, n_rows, sums);
  else if (m.n_columns > 16)
    tile_of_width<Isa, Isa::kOneWidth ? 64 : 32>(m, bins, n_rows, sums);
  else
    tile_of_width<Isa, Isa::kOneWidth ? 64 : 16>(m, bins, n_rows, sums);
  return true;
}

template <class Isa>
bool forest_one(const augur_model &m, const float *x, double *sum) {
  return forest_many<Isa>(m, x, 1, sum);
}

}  // namespace
}  // namespace augur
