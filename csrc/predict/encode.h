#pragma once
#include "model.h"

namespace augur {

// layer/1: the n features `ids` of a layer; false if its integers are out of range or their products leave 62 bits.
bool encode_layer(const int64_t *layer, const uint8_t *ids, uint32_t n, float *x);

}  // namespace augur
