#pragma once
#include "model.h"

namespace augur {

// layer/1: all derived features of a layer; false if its integers are out of range or their products leave 64 bits.
bool encode_layer(const int64_t *layer, float *all);

}  // namespace augur
