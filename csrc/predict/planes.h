// Many rows of a forest with int16 leaves: rows lie in the lanes, and a tree's leaves are looked up by byte shuffles, low and
// high bytes apart. Sums are kept in 16 bits for as long as Group::flush allows, then added to 32-bit ones. See forest.h for the
// anonymous namespace.
//
// The Isa also has bin_tile(m, x, n_rows, bins): column c's bins of all rows from bins + kTileRows * c on. A Planes type has
//   kRows                                rows at a time; divides kTileRows
//   kDepth                               deepest tree it can look up
//   Sums16                               the 16-bit sums of kRows rows; starts as zero
//   add<DEPTH>(sums, bins, columns, cuts, leaves)      adds one tree; column c's bins are at bins + kTileRows * c
//   flush(sums, to)                      adds them to int32[kRows] in an order of its own
//   place(row)                           where that order has a row
#pragma once
#include "kernels.h"

namespace augur {
namespace {

constexpr uint32_t kFewRows = 24;  // below this the rows go one by one

template <class Planes, uint32_t DEPTH>
void plane_group(const Group &g, const uint8_t *bins, int32_t *to) {
  const int16_t *leaves = static_cast<const int16_t *>(g.leaves);
  const uint8_t *columns = g.columns;
  const int8_t *cuts = g.cuts;
  typename Planes::Sums16 sums = {};
  for (uint32_t t = 0; t < g.n_trees; ++t, columns += DEPTH, cuts += DEPTH, leaves += size_t{1} << DEPTH) {
    if (g.flush[t]) {
      Planes::flush(sums, to);
      sums = typename Planes::Sums16();
    }
    Planes::template add<DEPTH>(sums, bins, columns, cuts, leaves);
  }
  Planes::flush(sums, to);
}

// Trees of depth 1 to 3, one by one, as trees of depth 4 whose other comparisons are never true.
template <class Planes>
void plane_group_shallow(const Group &g, const uint8_t *bins, int32_t *to) {
  const int16_t *leaves = static_cast<const int16_t *>(g.leaves);
  for (uint32_t t = 0; t < g.n_trees; ++t) {
    uint8_t columns[4] = {0, 0, 0, 0};
    int8_t cuts[4] = {127, 127, 127, 127};
    int16_t padded[16] = {};
    memcpy(columns, g.columns + g.depth * t, g.depth);
    memcpy(cuts, g.cuts + g.depth * t, g.depth);
    memcpy(padded, leaves + (size_t{t} << g.depth), sizeof(int16_t) << g.depth);
    const uint8_t flush = 0;
    plane_group<Planes, 4>({4, 1, columns, cuts, padded, &flush}, bins, to);
  }
}

template <class Planes>
void plane_groups(const augur_model &m, const uint8_t *bins, int32_t *to) {
  constexpr bool kDeep = Planes::kDepth == 8;
  for (uint32_t k = 0; k < m.n_groups; ++k) {
    const Group &g = m.groups[k];
    switch (g.depth) {
      case 4: plane_group<Planes, 4>(g, bins, to); break;
      case 5: plane_group<Planes, 5>(g, bins, to); break;
      case 6: plane_group<Planes, 6>(g, bins, to); break;
      case 7: plane_group<Planes, kDeep ? 7 : 6>(g, bins, to); break;
      case 8: plane_group<Planes, kDeep ? 8 : 6>(g, bins, to); break;
      default: plane_group_shallow<Planes>(g, bins, to);
    }
  }
}

template <class Planes>
bool planes_fit(const augur_model &m, uint32_t n_rows) {
  return m.leaf == AUGUR_LEAF_I16 && n_rows >= kFewRows && m.n_groups > 0 && m.groups[m.n_groups - 1].depth <= Planes::kDepth;
}

template <class Isa, class Planes>
bool planes_many(const augur_model &m, const float *x, uint32_t n_rows, double *sums) {
  alignas(64) uint8_t bins[AUGUR_MAX_COLUMNS * kTileRows];
  alignas(64) int32_t totals[kTileRows] = {};
  if (n_rows < kTileRows) memset(bins, 0, size_t{m.n_columns} * kTileRows);
  if (!Isa::bin_tile(m, x, n_rows, bins)) return false;
  for (uint32_t r = 0; r < n_rows; r += Planes::kRows) plane_groups<Planes>(m, bins + r, totals + r);
  for (uint32_t r = 0; r < n_rows; ++r)
    sums[r] = totals[r / Planes::kRows * Planes::kRows + Planes::place(r % Planes::kRows)];
  return true;
}

template <class Isa, class Planes>
bool forest_or_planes(const augur_model &m, const float *x, uint32_t n_rows, double *sums) {
  return planes_fit<Planes>(m, n_rows) ? planes_many<Isa, Planes>(m, x, n_rows, sums) : forest_many<Isa>(m, x, n_rows, sums);
}

}  // namespace
}  // namespace augur
