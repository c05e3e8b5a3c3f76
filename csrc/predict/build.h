#pragma once
#include "check.h"
#include "model.h"

// What runs once in a model's life is compiled for size.
#define AUGUR_SMALL __attribute__((cold, noinline))

namespace augur {

struct Tables {
  const uint8_t *columns, *borders;  // sections 4 and 5
  uint32_t n_blocks;                 // of 16 borders, all columns together
};

// AUGUR_E_MEMORY, or a model that augur_free takes.
AUGUR_SMALL augur_status build(const augur_model &checked, const Tables &tables, augur_model **model);

}  // namespace augur
