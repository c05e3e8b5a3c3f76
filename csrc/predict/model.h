// What a loaded file becomes: pointers into its bytes, and the borders laid out for counting.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "augur/format.h"
#include "augur/predict.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the .augpred format is read in place: little-endian machines only"
#endif

namespace augur {

// Borders in blocks of 16, padded with +inf; pivots[j] is the last border of block j. A bin is 16 times the number of
// pivots below x plus the number of borders below x in the block that follows: two compares of 16, whatever the count.
constexpr uint32_t kBlock = 16;

struct Column {
  const float *pivots;  // f32[16], then the blocks
  uint16_t feature, blocks;
};

struct Feature {  // a record of section 2, in place
  uint16_t id, zero;
  float low, high;
  uint32_t zero2;
};
static_assert(sizeof(Feature) == 16, "as in the file");

struct Level {  // a record of section 10, in place
  double level, low, high;
};

struct Comparison {  // of section 11, in place
  uint32_t feature;
  float threshold;
};

// Section 11: the share of the interval that a row gets; depth 0 where it is not there.
struct Spread {
  uint32_t depth;
  const Comparison *comparisons;
  const float *shares;
};

// Leaves before tree t of a group: 64 bytes of padding follow every eighth tree (format.h, point 5).
template <class Leaf>
constexpr size_t leaf_at(size_t tree, uint32_t depth) {
  return (tree << depth) + tree / 8 * (64 / sizeof(Leaf));
}

// Trees of one depth.
struct Group {
  uint32_t depth, n_trees;
  const uint8_t *columns;
  const int8_t *cuts;
  const void *leaves;
  const uint8_t *flush;  // int16 only: 1 where 16-bit partial sums must be emptied before this tree is added
};

// Values added by the slot of an architecture: values[at[high] * factor + at[low]] of its places.
struct Table {
  const float *values;
  uint16_t high, low, factor;
};

struct SpaceEncoder;

// Of section 14, as natural logarithms.
struct Knot {
  double typical, call;
};

// A weight of the base term that is not zero; the others add nothing, to the last bit.
struct Term {
  double weight;
  uint32_t feature;
};

}  // namespace augur

struct augur_model {
  const uint8_t *data;
  size_t size;
  const augur::Feature *features;
  const double *base;
  const augur::Level *levels;
  augur::Spread spread;
  const char *meta;
  uint32_t meta_bytes;
  uint32_t n_trees;
  uint16_t n_features, n_columns, n_levels, n_groups, n_knots;
  uint16_t encoder;
  uint8_t link, leaf, base_kind;
  double bias, scale, overhead, layer_overhead;
  double usual;  // of a call; 0 where the file has no section 14
  augur::Knot knots[AUGUR_MAX_KNOTS];
  uint8_t ids[AUGUR_MAX_FEATURES];  // the encoder's feature at each place
  augur::Column columns[AUGUR_MAX_COLUMNS];
  augur::Group groups[AUGUR_MAX_DEPTH];
  uint16_t n_terms[2];
  augur::Term terms[2][AUGUR_MAX_FEATURES];
  const augur::SpaceEncoder *space;  // null for raw/1 and layer/1
  uint16_t n_tables;
  bool needs_features;  // for its point; only tables do without
  augur::Table tables[AUGUR_MAX_TABLES];
};
