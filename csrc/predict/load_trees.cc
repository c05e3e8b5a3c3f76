// The trees of a file: columns and their borders, slots and cuts, leaves.
#include "load.h"

namespace augur {

bool Loader::columns() {
  if (!expect(kColumns, 4u * m.n_columns, "section 4 does not fit the number of columns")) return false;
  const size_t start = sections[kColumns].offset, borders = sections[kBorders].offset;
  for (uint32_t c = 0; c < m.n_columns; ++c) {
    const uint8_t *record = data + start + 4 * c;
    if (record[0] >= m.n_features) return fail(AUGUR_E_LIMIT, start + 4 * c, "a column of a feature that is not there");
    if (record[1] == 0) return fail(AUGUR_E_LIMIT, start + 4 * c + 1, "a column without borders");
    n_borders += record[1], n_blocks += record[1] / kBlock + 1;
  }
  if (!expect(kBorders, 4u * n_borders, "section 5 does not fit the number of borders")) return false;
  for (uint32_t c = 0, i = 0; c < m.n_columns; ++c)
    for (uint32_t k = 0; k < data[start + 4 * c + 1]; ++k, ++i) {
      const float border = at<float>(borders + 4 * i);
      if (!finite(border)) return fail(AUGUR_E_VALUE, borders + 4 * i, "a threshold is NaN or infinite");
      if (k > 0 && !(border > at<float>(borders + 4 * i - 4)))
        return fail(AUGUR_E_VALUE, borders + 4 * i, "a column's borders do not ascend");
    }
  return true;
}

bool Loader::groups() {
  if (!expect(kDepths, 64, "section 6 must have 64 bytes")) return false;
  const size_t start = sections[kDepths].offset;
  uint64_t trees = 0, slots_end = 0, leaves_end = 0;
  const uint32_t leaf_bytes = m.leaf == AUGUR_LEAF_F32 ? 4 : 2;
  for (uint32_t depth = 0; depth < 16; ++depth) {
    const uint32_t n = at<uint32_t>(start + 4 * depth);
    if (n == 0) continue;
    if (depth < 1 || depth > AUGUR_MAX_DEPTH || n > AUGUR_MAX_TREES)
      return fail(AUGUR_E_LIMIT, start + 4 * depth, "trees must have depth 1 to 12");
    const uint8_t *leaf = data + sections[kLeaves].offset + leaves_end;
    m.groups[m.n_groups++] = {depth, n, data + sections[kSlots].offset + slots_end,
                              reinterpret_cast<const int8_t *>(data) + sections[kCuts].offset + slots_end, leaf, nullptr};
    trees += n;
    slots_end += (uint64_t{n} * depth + 127) / 64 * 64;
    leaves_end += (uint64_t{n} << depth) * leaf_bytes + n / 8 * 64;
    // before the next pointer is made: the sections hold this much
    if (slots_end > sections[kSlots].bytes || slots_end > sections[kCuts].bytes || leaves_end > sections[kLeaves].bytes)
      return fail(AUGUR_E_LAYOUT, start + 4 * depth, "sections 7, 8 and 9 do not hold the trees");
  }
  if (trees != m.n_trees) return fail(AUGUR_E_LAYOUT, start, "section 6 does not add up to the number of trees");
  return expect(kSlots, slots_end, "section 7 does not fit the trees") &&
         expect(kCuts, slots_end, "section 8 does not fit the trees") &&
         expect(kLeaves, leaves_end, "section 9 does not fit the trees");
}

bool Loader::slots(const Group &g) {
  const uint32_t n = (g.n_trees * g.depth + 127) / 64 * 64;
  for (uint32_t i = 0; i < n; ++i) {
    const size_t column_at = static_cast<size_t>(g.columns + i - data);
    const size_t cut_at = static_cast<size_t>(reinterpret_cast<const uint8_t *>(g.cuts) + i - data);
    if (i >= g.n_trees * g.depth) {
      if (g.columns[i] != 0 || g.cuts[i] != 127) return fail(AUGUR_E_VALUE, cut_at, "padding of the slots is not padding");
      continue;
    }
    if (g.columns[i] >= m.n_columns) return fail(AUGUR_E_LIMIT, column_at, "a slot of a column that is not there");
    const int borders = data[sections[kColumns].offset + 4u * g.columns[i] + 1];
    if (g.cuts[i] + 128 >= borders) return fail(AUGUR_E_LIMIT, cut_at, "a cut beyond its column's borders");
  }
  return true;
}

bool Loader::leaves() {
  for (uint32_t k = 0; k < m.n_groups; ++k) {
    const Group &g = m.groups[k];
    if (!slots(g)) return false;
    const uint8_t *const start = static_cast<const uint8_t *>(g.leaves);
    const size_t eight = (size_t{8} << g.depth) * (m.leaf == AUGUR_LEAF_F32 ? 4 : 2);
    for (uint32_t t = 8; t <= g.n_trees; t += 8)
      for (const uint8_t *gap = start + t / 8 * (eight + 64) - 64, *end = gap + 64; gap < end; ++gap)
        if (*gap != 0) return fail(AUGUR_E_VALUE, static_cast<size_t>(gap - data), "padding of the leaves is not padding");
    if (m.leaf != AUGUR_LEAF_F32) continue;
    const float *leaf = static_cast<const float *>(g.leaves);
    for (size_t i = 0; i < leaf_at<float>(g.n_trees, g.depth); ++i)
      if (!finite(leaf[i]))
        return fail(AUGUR_E_VALUE, static_cast<size_t>(reinterpret_cast<const uint8_t *>(leaf + i) - data),
                    "a leaf is NaN or infinite");
  }
  return true;
}

}  // namespace augur
