// vectors MODEL.augpred VECTORS.u8: per kernel, ns of one architecture alone, and of one among all of them at once. Each is
// the lowest tenth of many blocks.
#include <stdio.h>
#include <stdlib.h>

#include "augur/predict.h"
#include "blocks.h"

namespace {

constexpr size_t kCalls = 1000;

}  // namespace

int main(int, char **words) {
  size_t size;
  augur_model *model;
  const void *data = read_file(words[1], &size);
  if (augur_load(data, size, &model, nullptr) != AUGUR_OK) return 3;
  const uint8_t *vectors = static_cast<const uint8_t *>(read_file(words[2], &size));
  const size_t length = augur_vector_length(model), n = size / length;
  float *out = static_cast<float *>(malloc(sizeof(float) * n)), total = 0;
  for (size_t k = 0; k < augur_kernel_count(); ++k) {
    if (augur_kernel_select(augur_kernel_at(k)) != AUGUR_OK) continue;
    double ones[kBlocks], all[kBlocks];
    for (int b = 0; b < kBlocks; ++b) {
      double start = now_ns();
      for (size_t i = 0; i < kCalls; ++i) {
        const size_t at = (static_cast<size_t>(b) * kCalls + i) * 7919 % n;  // no two calls in a row are near each other
        if (augur_predict_vector(model, vectors + length * at, out) != AUGUR_OK) return 4;
        total += *out;
      }
      ones[b] = (now_ns() - start) / kCalls;
      start = now_ns();
      if (augur_predict_vectors(model, vectors, n, out) != AUGUR_OK) return 4;
      all[b] = (now_ns() - start) / static_cast<double>(n);
    }
    printf("%s %.1f %.1f\n", augur_kernel_name(), tenth(ones), tenth(all));
  }
  return total == 12345.0f;
}
