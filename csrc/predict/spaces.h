// Encoders of search spaces: from an architecture's vector to the places that tables are read at, and to features.
#pragma once
#include "model.h"

namespace augur {

// What is known of a vector once it is checked. places: its numbers, one for each position; for nasbench201/1 the pruned
// cell's six after them, then the index of the cell and that of the pruned cell.
struct Places {
  uint16_t at[AUGUR_MAX_VECTOR];
  uint32_t shape;  // nasbench201/1: bit e is set where edge e is alive in the pruned cell
};

struct SpaceEncoder {
  uint16_t code, n_places, n_features;
  uint8_t length;
  bool pairs;             // whether neighbouring places have a slot together
  const uint16_t *sizes;  // of each place: values below
  bool (*read)(const SpaceEncoder &e, const uint8_t *vector, Places *places);
  void (*fill)(const SpaceEncoder &e, const Places &places, float *all);
};

const SpaceEncoder *space_encoder(uint32_t code);  // null where there is none of this code

// A slot is one place, or for `pairs` two neighbours: place p has slot p, places p and p + 1 slot n_places + p.
inline uint32_t slot_count(const SpaceEncoder &e) { return e.pairs ? 2u * e.n_places - 1 : e.n_places; }
inline uint32_t slot_size(const SpaceEncoder &e, uint32_t slot) {
  if (slot < e.n_places) return e.sizes[slot];
  return uint32_t{e.sizes[slot - e.n_places]} * e.sizes[slot - e.n_places + 1];
}

inline double tables_sum(const augur_model &m, const Places &p) {
  double sum = 0;
  for (const Table *t = m.tables, *end = t + m.n_tables; t != end; ++t)
    sum += static_cast<double>(t->values[uint32_t{p.at[t->high]} * t->factor + p.at[t->low]]);
  return sum;
}

inline void fill_features(const augur_model &m, const Places &p, float *x) {
  float all[AUGUR_MAX_SPACE_FEATURES];
  m.space->fill(*m.space, p, all);
  for (uint32_t i = 0; i < m.n_features; ++i) x[i] = all[m.ids[i]];
}

}  // namespace augur
