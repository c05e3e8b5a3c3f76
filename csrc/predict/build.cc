// A checked model to one in memory of its own: its borders laid out for counting, its int16 trees marked.
#include "build.h"

#include <stdlib.h>
#include <string.h>

namespace augur {
namespace {

// Lays each column's borders out as kBlock says.
AUGUR_SMALL void fill_columns(augur_model *m, const uint8_t *columns, const uint8_t *borders, float *to) {
  for (uint32_t c = 0; c < m->n_columns; ++c) {
    const uint32_t n = columns[4 * c + 1], blocks = n / kBlock + 1;
    m->columns[c] = {to, columns[4 * c], static_cast<uint16_t>(blocks)};
    float *pivots = to, *block = to + kBlock;
    for (uint32_t i = 0; i < kBlock * (1 + blocks); ++i) to[i] = __builtin_inff();
    memcpy(block, borders, 4 * n);
    for (uint32_t j = 0; j + 1 < blocks; ++j) pivots[j] = block[kBlock * j + kBlock - 1];
    to += kBlock * (1 + blocks), borders += 4 * n;
  }
}

// Marks the trees before which 16-bit sums of the largest leaves could overflow.
AUGUR_SMALL void fill_flush(Group *g, uint8_t *flush) {
  int32_t bound = 0;
  for (uint32_t t = 0; t < g->n_trees; ++t) {
    const int16_t *leaf = static_cast<const int16_t *>(g->leaves) + leaf_at<int16_t>(t, g->depth);
    int32_t largest = 0;
    for (uint32_t i = 0; i < 1u << g->depth; ++i, ++leaf) {
      const int32_t size = *leaf < 0 ? -*leaf : *leaf;
      largest = size > largest ? size : largest;
    }
    flush[t] = bound + largest > 32767;
    bound = flush[t] ? largest : bound + largest;
  }
  g->flush = flush;
}

}  // namespace

augur_status build(const augur_model &checked, const Tables &t, augur_model **model) {
  constexpr size_t kAlign = 64;
  const size_t head = (sizeof(augur_model) + kAlign - 1) / kAlign * kAlign;
  const size_t tables = sizeof(float) * kBlock * (size_t{t.n_blocks} + checked.n_columns);
  const size_t flush = checked.leaf == AUGUR_LEAF_I16 ? checked.n_trees : 0;
  const size_t total = (head + tables + flush + kAlign - 1) / kAlign * kAlign;
  void *memory = nullptr;
  if (posix_memalign(&memory, kAlign, total) != 0) return AUGUR_E_MEMORY;
  augur_model *m = static_cast<augur_model *>(memory);
  *m = checked;
  char *after = static_cast<char *>(memory) + head;
  fill_columns(m, t.columns, t.borders, reinterpret_cast<float *>(after));
  uint8_t *marks = reinterpret_cast<uint8_t *>(after + tables);
  for (uint32_t k = 0; flush != 0 && k < m->n_groups; ++k) {
    fill_flush(&m->groups[k], marks);
    marks += m->groups[k].n_trees;
  }
  *model = m;
  return AUGUR_OK;
}

}  // namespace augur
