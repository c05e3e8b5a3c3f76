// layers LAYERS.augpred FOREST.augpred LAYERS.i64 FEATURES.f32: per kernel, ns of the forest alone, of a whole layer, of a
// network of 50 layers, and of one changed layer. Each is the lowest tenth of many blocks, the four taking turns.
#include <stdio.h>
#include <stdlib.h>

#include "augur/predict.h"
#include "blocks.h"

namespace {

constexpr int kCalls = 1000, kLayers = 50;

augur_model *load(const char *path) {
  size_t size;
  void *data = read_file(path, &size);
  augur_model *model;
  if (augur_load(data, size, &model, nullptr) != AUGUR_OK) exit(3);
  return model;
}

}  // namespace

int main(int, char **words) {
  size_t size;
  const augur_model *full = load(words[1]), *alone = load(words[2]);
  const int64_t *layers = static_cast<const int64_t *>(read_file(words[3], &size));
  const float *x = static_cast<const float *>(read_file(words[4], &size));
  const size_t width = augur_n_features(alone);
  double *sums = static_cast<double *>(malloc(sizeof(double) * augur_network_doubles(kLayers)));
  for (size_t k = 0; k < augur_kernel_count(); ++k) {
    if (augur_kernel_select(augur_kernel_at(k)) != AUGUR_OK) continue;
    double took[4][kBlocks], total;
    float out;
    augur_network_start(full, layers, kLayers, sums, &total);
    for (int b = 0; b < kBlocks; ++b) {
      const double t0 = now_ns();
      for (int i = 0; i < kCalls; ++i) augur_predict_one(alone, x + width * i, &out);
      const double t1 = now_ns();
      for (int i = 0; i < kCalls; ++i) augur_predict_layer(full, layers + AUGUR_LAYER_INTS * i, &out);
      const double t2 = now_ns();
      for (int i = 0; i + kLayers <= kCalls; i += kLayers) augur_predict_network(full, layers + AUGUR_LAYER_INTS * i, kLayers, &total);
      const double t3 = now_ns();
      for (int i = 0; i < kCalls; ++i) augur_network_change(full, sums, kLayers, i % kLayers, layers + AUGUR_LAYER_INTS * i, &total);
      const double t4 = now_ns();
      const double ns[4] = {(t1 - t0) / kCalls, (t2 - t1) / kCalls, (t3 - t2) / (kCalls / kLayers), (t4 - t3) / kCalls};
      for (int j = 0; j < 4; ++j) took[j][b] = ns[j];
    }
    printf("%s %.1f %.1f %.1f %.1f\n", augur_kernel_name(), tenth(took[0]), tenth(took[1]), tenth(took[2]), tenth(took[3]));
  }
  return 0;
}
