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

// A tree as one of depth DEPTH: where it is shallower its comparisons are filled up with ones that are never true.
template <uint32_t DEPTH>
struct Deepened {
  uint8_t columns[DEPTH];
  int8_t cuts[DEPTH];
  int16_t leaves[1u << DEPTH];
  Deepened() : columns(), cuts(), leaves() { memset(cuts, 127, sizeof cuts); }
  void set(const Group &g, uint32_t tree) {
    memcpy(columns, g.columns + size_t{g.depth} * tree, g.depth);
    memcpy(cuts, g.cuts + size_t{g.depth} * tree, g.depth);
    memcpy(leaves, static_cast<const int16_t *>(g.leaves) + leaf_at<int16_t>(tree, g.depth), sizeof(int16_t) << g.depth);
  }
};

template <class Planes, uint32_t DEPTH>
void plane_group(const Group &g, const uint8_t *bins, int32_t *to) {
  const int16_t *leaves = static_cast<const int16_t *>(g.leaves);
  Deepened<DEPTH> deepened;
  typename Planes::Sums16 sums = {};
  for (uint32_t t = 0; t < g.n_trees; ++t) {
    if (g.flush[t]) {
      Planes::flush(sums, to);
      sums = typename Planes::Sums16();
    }
    const bool same = g.depth == DEPTH;
    if (!same) deepened.set(g, t);
    Planes::template add<DEPTH>(sums, bins, same ? g.columns + DEPTH * size_t{t} : deepened.columns,
                                same ? g.cuts + DEPTH * size_t{t} : deepened.cuts,
                                same ? leaves + leaf_at<int16_t>(t, DEPTH) : deepened.leaves);
  }
  Planes::flush(sums, to);
}

template <class Planes>
void plane_groups(const augur_model &m, const uint8_t *bins, int32_t *to) {
  for (uint32_t k = 0; k < m.n_groups; ++k) {
    const Group &g = m.groups[k];
    if (g.depth <= 4)
      plane_group<Planes, 4>(g, bins, to);
    else if (g.depth <= 6)
      plane_group<Planes, 6>(g, bins, to);
    else
      plane_group<Planes, Planes::kDepth>(g, bins, to);
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
